//! What every HTML page of careen stands in: one file that asks nothing of any host. Its policy lets
//! only its own script and style run (CSP level 3, hashes), and data reaches the script as JSON, so that
//! a name from an image is never markup.
//!
//! Knows nothing of what a page shows.

use base64::Engine as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// What the scripts of all pages share: elements from text, sizes in words.
pub const DOM: &str = include_str!("page/dom.js");

/// The fixed parts of a page. Everything here is careen's own text.
pub struct Frame<'a> {
    pub title: &'a str,
    /// Markup of the body, before the data and the script.
    pub body: &'a str,
    pub styles: &'a [&'a str],
    /// In their order, in one scope of their own.
    pub scripts: &'a [&'a str],
}

impl Frame<'_> {
    /// The whole page, with `data` as JSON in the element `data`.
    pub fn page(&self, data: &impl Serialize) -> Result<String, serde_json::Error> {
        // `<` could end the element; escaped, it is the same JSON.
        let data = crate::text::json::compact(data)?.replace('<', "\\u003c");
        let style = self.styles.concat();
        let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", self.scripts.concat());
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; \
             base-uri 'none'; form-action 'none'",
            hash(&style),
            hash(&script)
        );
        let Self { title, body, .. } = self;
        Ok(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n\
             <link rel=\"icon\" href=\"data:,\">\n<style>{style}</style>\n</head>\n<body>\n{body}\n\
             <noscript><p>This page needs its own script to be drawn; nothing leaves it.</p></noscript>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n\
             <script>{script}</script>\n</body>\n</html>\n"
        ))
    }
}

fn hash(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_its_element_and_stays_the_same() {
        let frame = Frame { title: "t", body: "", styles: &["a{}"], scripts: &["let a;\n"] };
        let hostile = "</script><script>alert(1)</script><!-- ]]>";
        let page = frame.page(&hostile).unwrap();
        assert_eq!(page.matches("<script").count(), 2);
        assert_eq!(page.matches("</script").count(), 2);
        let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
        assert_eq!(serde_json::from_str::<String>(data).unwrap(), hostile);
    }

    #[test]
    fn the_policy_names_exactly_what_stands_in_the_page() {
        let frame = Frame { title: "t", body: "", styles: &["a{}", "b{}"], scripts: &["x();\n"] };
        let page = frame.page(&1).unwrap();
        let between = |from: &str, to: &str| {
            page.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned()
        };
        let style = between("<style>", "</style>");
        let script = between("<script>", "</script>");
        assert!(page.contains(&format!("style-src 'sha256-{}'", hash(&style))));
        assert!(page.contains(&format!("script-src 'sha256-{}'", hash(&script))));
    }
}
