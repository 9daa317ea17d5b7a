//! PAX extended headers: records of `LENGTH KEY=VALUE\n`, with Go's strictness and Go's order.

use super::header::Header;
use std::collections::BTreeMap;

/// The records in force for the next entry; the last of several with one key wins.
pub(super) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) const SPARSE_MAP: &[u8] = b"GNU.sparse.map";
const SPARSE_OFFSET: &[u8] = b"GNU.sparse.offset";
const SPARSE_BYTES: &[u8] = b"GNU.sparse.numbytes";
const CAPABILITY: &[u8] = b"SCHILY.xattr.security.capability";

/// Parses a whole extended header. A broken record spoils it: it is not skipped.
pub(super) fn parse(mut data: &[u8]) -> Result<Records, &'static str> {
    let mut records = Records::new();
    // Sparse format 0.0 repeats two keys; gathered, they are the map of format 0.1.
    let mut map: Vec<Vec<u8>> = Vec::new();
    while !data.is_empty() {
        let (key, value, rest) = record(data).ok_or("a PAX record is broken")?;
        data = rest;
        if key == SPARSE_OFFSET || key == SPARSE_BYTES {
            let expected = if map.len().is_multiple_of(2) { SPARSE_OFFSET } else { SPARSE_BYTES };
            if key != expected || value.contains(&b',') {
                return Err("a PAX sparse map is out of order");
            }
            map.push(value.to_vec());
        } else {
            records.insert(key.to_vec(), value.to_vec());
        }
    }
    if !map.is_empty() {
        records.insert(SPARSE_MAP.to_vec(), map.join(&b','));
    }
    Ok(records)
}

fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = data.iter().position(|&b| b == b' ')?;
    let length = usize::try_from(decimal(&data[..space])?).ok()?;
    if length < 5 || length > data.len() || length <= space + 1 {
        return None;
    }
    let (whole, rest) = data.split_at(length);
    let body = whole[space + 1..].strip_suffix(b"\n")?;
    let equals = body.iter().position(|&b| b == b'=')?;
    let (key, value) = (&body[..equals], &body[equals + 1..]);
    let names = [&b"path"[..], b"linkpath", b"uname", b"gname"];
    let with_nul = if names.contains(&key) { value } else { key };
    (!key.is_empty() && !with_nul.contains(&0)).then_some((key, value, rest))
}

/// A decimal number as Go's `strconv.ParseInt` takes it.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds of `[-]SECONDS[.FRACTION]`, rounded down. Digits below a nanosecond do not count.
fn seconds(text: &[u8]) -> Option<i64> {
    let mut parts = text.splitn(2, |&b| b == b'.');
    let whole = decimal(parts.next()?)?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let below = text.starts_with(b"-") && fraction.iter().take(9).any(|&b| b != b'0');
    Some(whole.saturating_sub(i64::from(below)))
}

/// Applies the records to a header; an empty value leaves the header's own.
pub(super) fn apply(header: &mut Header, records: &Records) -> Result<(), &'static str> {
    for (key, value) in records {
        if value.is_empty() {
            continue;
        }
        let number = || decimal(value).ok_or("a PAX number is broken");
        match key.as_slice() {
            b"path" => header.name.clone_from(value),
            b"linkpath" => header.link.clone_from(value),
            b"uid" => header.uid = number()?,
            b"gid" => header.gid = number()?,
            b"size" => header.size = number()?,
            b"mtime" => header.mtime = seconds(value).ok_or("a PAX time is broken")?,
            b"atime" | b"ctime" => drop(seconds(value).ok_or("a PAX time is broken")?),
            _ => {}
        }
    }
    Ok(())
}

/// The file capability, if the records carry one.
pub(super) fn capability(records: &Records) -> Option<Vec<u8>> {
    // Linux knows them of 12 to 24 bytes, and takes no other.
    records.get(CAPABILITY).filter(|v| !v.is_empty()).map(|v| v[..v.len().min(64)].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_equal_keys_wins() {
        let r = parse(b"9 path=a\n9 path=b\n").unwrap();
        assert_eq!(r[&b"path"[..]], b"b");
    }

    #[test]
    fn a_broken_record_is_an_error() {
        for bad in [
            &b"8 path=a\n"[..],
            b"99 path=a\n",
            b"9 path=a",
            b"9path=a\n",
            b"9 =path=\n",
            b"9 pathAa\n",
            b"x path=a\n",
            b"9 path=\0\n",
            b"-9 path=a\n",
            b"4 a\n",
        ] {
            assert!(parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn times_are_rounded_down_as_go_does() {
        for (text, want) in [
            ("1.5", Some(1)),
            ("-1.5", Some(-2)),
            ("-0.5", Some(-1)),
            ("-1.0000000001", Some(-1)),
            ("-1.", Some(-1)),
            (".5", None),
            ("1.x", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn sparse_0_0_becomes_a_map() {
        let r = parse(b"23 GNU.sparse.offset=0\n25 GNU.sparse.numbytes=5\n").unwrap();
        assert_eq!(r[SPARSE_MAP], b"0,5");
        assert!(parse(b"25 GNU.sparse.numbytes=5\n").is_err());
    }
}
