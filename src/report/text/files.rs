//! A list of files for people: one line each, whole, since it is piped on.

use super::page::clean;
use crate::report::files::FileRow;
use crate::text::Bytes;

/// One line a file, in the manner of `ls -l`; paths are whole, since people pipe this on.
pub fn list(rows: &[FileRow]) -> String {
    let owners: Vec<String> = rows.iter().map(|r| format!("{}:{}", r.uid, r.gid)).collect();
    let widest = owners.iter().map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for (row, owner) in rows.iter().zip(&owners) {
        let path = row.path.trim_start_matches('/');
        out.push_str(&format!(
            "{}  {owner:<widest$}  {:>8}  {}  {:>3}  /{}",
            permissions(row.kind, row.mode),
            Bytes(row.size),
            minute(row.mtime),
            row.layer,
            clean(path),
        ));
        if let Some(link) = &row.link {
            out.push_str(&format!(" -> {}", clean(link)));
        }
        if row.state != "visible" {
            out.push_str(&format!("  [{}]", row.state));
        }
        out.push('\n');
    }
    out
}

/// `-rwsr-xr-x`.
fn permissions(kind: char, mode: u32) -> String {
    let mut s = String::from(kind);
    for (shift, special, set, unset) in
        [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')]
    {
        let bits = mode >> shift;
        s.push(if bits & 4 != 0 { 'r' } else { '-' });
        s.push(if bits & 2 != 0 { 'w' } else { '-' });
        s.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => set,
            (true, false) => unset,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    s
}

/// UTC, to the minute; a time that no calendar holds is dashes.
fn minute(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(t) => t.strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => "----------------".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_like_ls_and_harmlessly() {
        let row = FileRow {
            path: "bin/su\x1b[2J".to_owned(),
            kind: '-',
            size: 71_912,
            mode: 0o4755,
            uid: 0,
            gid: 0,
            mtime: 0,
            layer: 2,
            link: None,
            state: "deleted later",
            content: None,
        };
        assert_eq!(
            list(&[row]),
            "-rwsr-xr-x  0:0   71.9 kB  1970-01-01 00:00    2  /bin/su\\u{1b}[2J  [deleted later]\n"
        );
        assert_eq!(permissions('d', 0o1776), "drwxrwxrwT");
        assert_eq!(minute(i64::MAX), "----------------");
    }
}
