//! What came as a document, and whether it is one: a web page and compressed bytes are said to be that,
//! not "invalid JSON".

use flate2::read::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use std::io::Read;

/// Why bytes are no document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoDocument {
    /// HTML or XML.
    WebPage,
    /// More than was allowed, once unpacked.
    TooLarge,
    /// In words.
    Wrong(String),
}

/// The document in `body`. Nothing compressed was asked for: gzip is undone all the same where it is
/// labelled (a proxy in between), what has only the label is taken as it is.
pub(super) fn document(
    headers: &HeaderMap,
    body: Vec<u8>,
    limit: u64,
) -> Result<Vec<u8>, NoDocument> {
    let labels: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(|l| l.trim().to_ascii_lowercase())
        .filter(|l| !l.is_empty() && l != "identity")
        .collect();
    let body = match (labels.as_slice(), packing(&body)) {
        ([label], Some("gzip")) if label == "gzip" || label == "x-gzip" => gunzip(&body, limit)?,
        (_, Some(packing)) => return Err(packed(packing)),
        // Neither begins in a way of its own.
        ([label], None) if matches!(label.as_str(), "br" | "deflate") && !begins_as_text(&body) => {
            return Err(packed(label));
        }
        _ => body,
    };
    match packing(&body) {
        Some(packing) => Err(packed(packing)),
        None if first(&body) == Some(b'<') => Err(NoDocument::WebPage),
        None => Ok(body),
    }
}

fn packed(how: &str) -> NoDocument {
    NoDocument::Wrong(format!("comes compressed ({how}), which was not asked for"))
}

fn packing(body: &[u8]) -> Option<&'static str> {
    match body {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        _ => None,
    }
}

/// The first byte that is no white space, behind a byte order mark.
fn first(body: &[u8]) -> Option<u8> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    body.iter().copied().find(|b| !b.is_ascii_whitespace())
}

fn begins_as_text(body: &[u8]) -> bool {
    matches!(first(body), None | Some(b'{' | b'[' | b'<' | b'"'))
}

fn gunzip(body: &[u8], limit: u64) -> Result<Vec<u8>, NoDocument> {
    let mut out = Vec::new();
    match MultiGzDecoder::new(body).take(limit + 1).read_to_end(&mut out) {
        Ok(n) if n as u64 > limit => Err(NoDocument::TooLarge),
        Ok(_) => Ok(out),
        Err(e) => Err(NoDocument::Wrong(format!("comes compressed (gzip) and is broken: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn with(label: &str, body: &[u8]) -> Result<Vec<u8>, NoDocument> {
        let mut headers = HeaderMap::new();
        if !label.is_empty() {
            headers.insert(CONTENT_ENCODING, label.parse().unwrap());
        }
        document(&headers, body.to_vec(), 1000)
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(body).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn gzip_is_undone_where_it_is_labelled_and_a_label_alone_means_nothing() {
        for label in ["gzip", "x-gzip", "GZIP"] {
            assert_eq!(with(label, &gzip(b"{}")).unwrap(), b"{}", "{label}");
        }
        for label in ["", "identity", "gzip", "br", "deflate", "aws-chunked", "gzip, br"] {
            assert_eq!(with(label, b" {}").unwrap(), b" {}", "{label}");
        }
    }

    #[test]
    fn what_is_compressed_otherwise_is_said_to_be() {
        for (label, body) in [
            ("", gzip(b"{}")),
            ("br", gzip(b"{}")),
            ("zstd", vec![0x28, 0xb5, 0x2f, 0xfd, 0]),
            ("br", b"\x0b\x00\x80{}\x03".to_vec()),
            ("gzip", gzip(&gzip(b"{}"))),
        ] {
            match with(label, &body) {
                Err(NoDocument::Wrong(why)) => assert!(why.contains("compressed"), "{why}"),
                other => panic!("{label}: {other:?}"),
            }
        }
        assert_eq!(with("gzip", &gzip(&[b' '; 2000])), Err(NoDocument::TooLarge));
        assert!(matches!(with("gzip", &gzip(b"{}")[..12]), Err(NoDocument::Wrong(_))));
    }

    #[test]
    fn a_web_page_is_one_whatever_stands_before_it() {
        for page in ["<!doctype html>", "\r\n <html>", "\u{feff}<?xml version='1.0'?>"] {
            assert_eq!(with("", page.as_bytes()), Err(NoDocument::WebPage), "{page}");
            assert_eq!(with("gzip", &gzip(page.as_bytes())), Err(NoDocument::WebPage), "{page}");
        }
        assert!(with("", b"").unwrap().is_empty());
    }
}
