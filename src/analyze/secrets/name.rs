//! A vendor's name as it is spelled in files: `new relic` is `newrelic`, `NEW_RELIC`, `New-Relic`.
//!
//! One word of it is the keyword; the others are looked for around it. Must not know values.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::OnceLock;

#[derive(Debug)]
pub(super) struct Name {
    /// In lower case.
    words: Vec<String>,
    /// The one that is searched for.
    key: usize,
}

/// Words that stand everywhere in programs and prose, sorted: a name is not searched for by them.
const EVERYWHERE: &str = "\
    able abstract access account action active address adjust admin agent allow analytics \
    android apis application apps archive area article artifact asset assets associate attach \
    auth backup base basic batch beta block board body book bucket build cache call card cart \
    center cert certificate chain channel chart chec check client clou cloud cluster code coder \
    column command commit common community company config configuration connect connection \
    connector console consumer contact content context control core country create custom \
    customer data database default deploy deployment design desktop deta developer device ding \
    direct discovery display dist docs docu document documents domain driver email endpoint \
    engine enterprise entry error event events exchange export face false fast feed field file \
    files filter finder flat flow form forms forwarding frame free full function game gate \
    gateway general generator gist global google graph group guide hash header health height \
    help here home host http https identity image images import index info initial input insight \
    insta instance interface internal issue iterable iterator json label labs language last \
    layer library license light line link list live local location login machine mail main \
    manage management manager maps market master media member merchant message meta metrics \
    mobile mode model module monitor move music nable name network news next node note \
    notification number object online open operator option order output package page panel parse \
    part partner pass password path people phone photo pick ping place plan platform play player \
    plugin point policy pool port portal post price print private process product profile \
    project provider proxy public push query queue quick quote radio rate read real record \
    region registry release remote remove report request resend reset resource response rest \
    result review ride role root route rules safe sandbox save scale scan schedule scope scout \
    screen scribe script search secret secure security send serial server service session \
    setting settings share shared ship shop sign simple single site smart snap social sort \
    source space sport stack staging start stat state states static station statistics status \
    step stop storage store story stream string studio style subscription summary support swift \
    sync system table talk targets task team test text theme time times token tool tools topic \
    track trade trading trans transfer translate true trust turn type unit update upload user \
    users uuid vector verify version video view virtual vision visual voice volume watch wave \
    weather when widget wiki window with word work worker workflow world write zone";
/// Of a word that may be searched for alone.
const SHORTEST: usize = 4;

impl Name {
    /// The names that a pattern file's `beside` gives: a space is written as nothing, `_`, `-`, `.` or
    /// a space.
    pub fn all(written: &[String]) -> Result<Vec<Self>, String> {
        static COMMON: OnceLock<HashSet<&str>> = OnceLock::new();
        let common = COMMON.get_or_init(|| EVERYWHERE.split(' ').collect());
        let mut out = Vec::new();
        for name in written {
            let words: Vec<String> = name.split(' ').map(str::to_ascii_lowercase).collect();
            let length: usize = words.iter().map(String::len).sum();
            if !(3..=60).contains(&length) || words.iter().any(String::is_empty) {
                return Err(format!("beside: `{name}` is too short or too long for a name"));
            }
            let telling = |w: &String| w.len() >= SHORTEST && !common.contains(w.as_str());
            let key = (0..words.len())
                .filter(|&i| words.len() == 1 || telling(&words[i]))
                .max_by_key(|&i| words[i].len());
            if let Some(key) = key {
                out.push(Self { words, key });
            } else {
                for glue in ["", "_", "-", ".", " "] {
                    out.push(Self { words: vec![words.join(glue)], key: 0 });
                }
            }
        }
        Ok(out)
    }

    pub fn keyword(&self) -> &str {
        &self.words[self.key]
    }

    /// As a variable would have it.
    #[cfg(test)]
    pub fn written(&self) -> String {
        self.words.join("_").replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    }

    /// The whole name, if it stands around its keyword at `key`.
    pub fn around(&self, buffer: &[u8], key: Range<usize>) -> Option<Range<usize>> {
        let mut start = key.start;
        for word in self.words[..self.key].iter().rev() {
            let ends = |at: usize| {
                let from = at.checked_sub(word.len())?;
                buffer[from..at].eq_ignore_ascii_case(word.as_bytes()).then_some(from)
            };
            let glued = start.checked_sub(1).filter(|&g| is_glue(buffer[g]));
            start = ends(start).or_else(|| ends(glued?))?;
        }
        let mut end = key.end;
        for word in &self.words[self.key + 1..] {
            let begins = |at: usize| {
                let to = at + word.len();
                let there = buffer.get(at..to)?;
                there.eq_ignore_ascii_case(word.as_bytes()).then_some(to)
            };
            let glued = buffer.get(end).filter(|g| is_glue(**g)).map(|_| end + 1);
            end = begins(end).or_else(|| begins(glued?))?;
        }
        Some(start..end)
    }
}

fn is_glue(b: u8) -> bool {
    matches!(b, b'_' | b'-' | b'.' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_every_spelling() {
        let names = Name::all(&["new relic api".to_owned()]).unwrap();
        assert_eq!((names.len(), names[0].keyword()), (1, "relic"));
        for text in ["xnewrelicapi=", "a NEW_RELIC_API ", "new-relic.api", "New Relic Api"] {
            let at = text.to_ascii_lowercase().find("relic").unwrap();
            let found = names[0].around(text.as_bytes(), at..at + 5).expect(text);
            let plain: String = text[found].chars().filter(char::is_ascii_alphabetic).collect();
            assert_eq!(plain.to_ascii_lowercase(), "newrelicapi", "{text}");
        }
        for text in ["relic", "new__relic_api", "new relic", "renew relics api"] {
            let at = text.find("relic").unwrap();
            assert_eq!(names[0].around(text.as_bytes(), at..at + 5), None, "{text}");
        }
    }

    #[test]
    fn short_words_are_searched_for_together() {
        let names = Name::all(&["rtm api".to_owned()]).unwrap();
        assert_eq!(names.len(), 5);
        assert!(Name::all(&["a".to_owned()]).is_err());
    }
}
