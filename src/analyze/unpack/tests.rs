//! Each container against what real tools write, and against lies.

use super::*;
use std::io::Write as _;

#[derive(Default)]
pub(super) struct Seen {
    pub members: Vec<(String, Vec<u8>)>,
    pub unread: Vec<String>,
    open: Option<(String, Vec<u8>)>,
}

impl Visitor for Seen {
    fn begin(&mut self, inside: &str, _: &[u8], from: Option<u64>) {
        let inside = from.map_or(inside.to_owned(), |at| format!("{inside}@{at}"));
        assert!(self.open.is_none());
        self.open = Some((inside, Vec::new()));
    }
    fn chunk(&mut self, bytes: &[u8]) {
        let (_, content) = self.open.as_mut().unwrap();
        // Bombs are counted, not kept.
        if content.len() < 1 << 20 {
            content.extend_from_slice(bytes);
        }
    }
    fn end(&mut self) {
        self.members.push(self.open.take().unwrap());
    }
    fn unread(&mut self, inside: &str, why: &str) {
        self.unread.push(format!("{inside}: {why}"));
    }
}

pub(super) fn open(path: &str, bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let head = &bytes[..bytes.len().min(HEAD)];
    let kind = Kind::of(path.as_bytes(), head).expect("a container");
    let limits = Limits { bytes: 32 << 20, ..Limits::of(bytes.len() as u64) };
    unpack(kind, head, &mut &bytes[head.len()..], path.as_bytes(), limits, true, &mut seen);
    seen
}

pub(super) fn names(seen: &Seen) -> Vec<&str> {
    seen.members.iter().map(|m| m.0.as_str()).collect()
}

pub(super) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    e.write_all(bytes).unwrap();
    e.finish().unwrap()
}

pub(super) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut b = ::tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut h = ::tar::Header::new_ustar();
        h.set_size(bytes.len() as u64);
        h.set_mode(0o644);
        h.set_cksum();
        b.append_data(&mut h, name, *bytes).unwrap();
    }
    b.into_inner().unwrap()
}

/// A zip as Java's `jar` writes it: deflated, sizes behind the data.
pub(super) fn zip_of(files: &[(&str, &[u8])], described: bool) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let offset = (out.len() as u32).to_le_bytes();
        let mut e = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        e.write_all(bytes).unwrap();
        let data = e.finish().unwrap();
        let sizes =
            [(data.len() as u32).to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
        out.extend_from_slice(b"PK\x03\x04\x14\0");
        out.extend_from_slice(&[if described { 8 } else { 0 }, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(if described { &[0; 8] } else { &sizes });
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&data);
        if described {
            out.extend_from_slice(b"PK\x07\x08\0\0\0\0");
            out.extend_from_slice(&sizes);
        }
        directory.extend_from_slice(b"PK\x01\x02\x14\0\x14\0");
        directory.extend_from_slice(&[if described { 8 } else { 0 }, 0, 8, 0, 0, 0, 0, 0]);
        directory.extend_from_slice(&[0; 4]);
        directory.extend_from_slice(&sizes);
        directory.extend_from_slice(&(name.len() as u16).to_le_bytes());
        directory.extend_from_slice(&[0; 12]);
        directory.extend_from_slice(&offset);
        directory.extend_from_slice(name.as_bytes());
    }
    let (size, begins) = (directory.len() as u32, out.len() as u32);
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0\0\0\0\0");
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&begins.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

#[test]
fn containers_in_containers_are_opened() {
    let jar = zip_of(&[("BOOT-INF/app.yml", b"a: 1\n"), ("x.txt", b"xx")], true);
    let tgz = gz(&tar_of(&[("lib/app.jar", &jar), ("readme", b"hello")]));
    let seen = open("backup.tar.gz", &tgz);
    assert_eq!(
        names(&seen),
        ["gzip!/lib/app.jar!/BOOT-INF/app.yml", "gzip!/lib/app.jar!/x.txt", "gzip!/readme"]
    );
    assert_eq!(seen.members[0].1, b"a: 1\n");
    assert!(seen.unread.is_empty(), "{:?}", seen.unread);
    let seen = open("a.zip", &zip_of(&[("one", b"1"), ("two", b"22")], false));
    assert_eq!(names(&seen), ["one", "two"]);
}

#[test]
fn every_compression_is_read() {
    let text = b"some text that is worth a stream ".repeat(50);
    let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz.write_all(&text).unwrap();
    for (name, bytes) in [
        ("a.gz", gz(&text)),
        ("a.bz2", bz.finish().unwrap()),
        ("a.zst", zstd::encode_all(&text[..], 3).unwrap()),
    ] {
        let seen = open(name, &bytes);
        assert_eq!(seen.members.len(), 1, "{name}");
        assert_eq!(seen.members[0].1, text, "{name}");
        let cut = open(name, &bytes[..bytes.len() - 9]);
        assert_eq!(cut.unread.len(), 1, "{name}: a cut stream is said");
    }
}

pub(super) fn python(script: &str) -> Vec<u8> {
    let out = std::process::Command::new("python3").args(["-c", script]).output().expect("python3");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

#[test]
fn what_python_writes_is_read() {
    let xz = python("import lzma,sys;sys.stdout.buffer.write(lzma.compress(b'text '*100))");
    let seen = open("a.xz", &xz);
    assert_eq!(seen.members[0].1, b"text ".repeat(100));
    let zip = python(
        "import zipfile,io,sys\nb=io.BytesIO()\nz=zipfile.ZipFile(b,'w')\nz.writestr('s',b'stored')\nz.writestr('d',b'deflated '*9,zipfile.ZIP_DEFLATED)\nz.writestr('b',b'bz '*9,zipfile.ZIP_BZIP2)\nz.writestr('l',b'lz',zipfile.ZIP_LZMA)\nz.close()\nsys.stdout.buffer.write(b.getvalue())",
    );
    let seen = open("a.zip", &zip);
    assert_eq!(names(&seen), ["s", "d", "b"]);
    assert_eq!(seen.members[2].1, b"bz ".repeat(9));
    assert_eq!(seen.unread, ["l: zip: method 14 is not known"]);
    let pyc = python(
        "import marshal,sys,importlib.util as u\nc=compile('K=\"'+'Q'*51+'\"\\nL=(\"'+'w'*114+'\",None)','m','exec')\nsys.stdout.buffer.write(u.MAGIC_NUMBER+bytes(12)+marshal.dumps(c))",
    );
    let seen = open("m.pyc", &pyc);
    let text = String::from_utf8_lossy(&seen.members[0].1).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.contains(&"Q".repeat(51).as_str()) && lines.contains(&"w".repeat(114).as_str()),
        "{text}"
    );
}

#[test]
fn rows_of_sqlite_are_lines() {
    let script = "import sqlite3,tempfile,os,sys\nd=tempfile.mkdtemp()\nf=d+'/a.db'\nc=sqlite3.connect(f)\n\
        c.execute('create table s (key text, value text, n int)')\nc.execute('create table many (a text, b text)')\n\
        c.execute(\"insert into s values ('smtp','zzz',5)\")\n\
        [c.execute('insert into many values (?,?)',('name%d'%i,'v'*50)) for i in range(2000)]\n\
        c.execute('delete from s')\nc.execute(\"insert into s values ('k2','live',1)\")\nc.commit()\nc.close()\nsys.stdout.buffer.write(open(f,'rb').read())";
    let seen = open("a.db", &python(script));
    let text = String::from_utf8_lossy(&seen.members[0].1).into_owned();
    assert!(text.contains("key = k2\nvalue = live\n"), "{}", &text[..300]);
    assert!(text.contains(&format!("name1999 = {}\n", "v".repeat(50))));
    assert!(seen.unread.is_empty());
}

#[test]
fn objects_of_git_are_read_loose_and_packed() {
    let folder = std::env::temp_dir().join(format!("careen-git-{}", std::process::id()));
    let script = format!(
        "set -e; rm -rf {0}; mkdir {0}; cd {0}; export HOME={0} GIT_CONFIG_NOSYSTEM=1; git init -q .; \
         git config user.email a@b; git config user.name n; seq 1 3000 > f; echo first-version >> f; git add f; git commit -qm one; \
         sed -i s/first-version/second-value/ f; git commit -qam two; cp -r .git/objects loose; git gc -q; ls .git/objects/pack/*.pack",
        folder.display()
    );
    let out = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let pack = folder.join(String::from_utf8_lossy(&out.stdout).trim());
    let seen = open("objects/pack/p.pack", &std::fs::read(pack).unwrap());
    let has = |seen: &Seen, what: &[u8]| {
        seen.members.iter().any(|m| memchr::memmem::find(&m.1, what).is_some())
    };
    assert!(
        has(&seen, b"3000\nfirst-version") && has(&seen, b"3000\nsecond-value"),
        "{:?}",
        names(&seen)
    );
    assert!(seen.unread.is_empty(), "{:?}", seen.unread);
    let mut found = 0;
    for fan in std::fs::read_dir(folder.join("loose")).unwrap().flatten() {
        for object in std::fs::read_dir(fan.path()).unwrap().flatten() {
            let path =
                format!("objects/{}/{}", fan.file_name().display(), object.file_name().display());
            let bytes = std::fs::read(object.path()).unwrap();
            if Kind::of(path.as_bytes(), &bytes).is_some() {
                found += usize::from(has(&open(&path, &bytes), b"first-version"));
            }
        }
    }
    assert_eq!(found, 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_bomb_ends_at_its_budget_and_is_said() {
    let bomb = gz(&vec![0; 64 << 20]);
    let seen = open("lib.jar", &zip_of(&[("a.gz", &bomb), ("b", b"never")], true));
    // The file's own bytes behind it are searched as they stand.
    assert!(seen.members.len() == 2 && seen.members[1].0.starts_with('@'), "{:?}", names(&seen));
    assert_eq!(seen.unread, ["a.gz!/gzip: it unpacks to too many bytes"]);
}

#[test]
fn a_page_whose_rows_lie_over_each_other_is_bounded_and_said() {
    let size = 65536;
    let mut page = vec![b'x'; size];
    page[..100].fill(0);
    page[..16].copy_from_slice(b"SQLite format 3\0");
    page[16..18].copy_from_slice(&[0, 1]);
    page[100..108].copy_from_slice(&[0x0d, 0, 0, 0x3f, 0xff, 0, 0, 0]);
    // 16,383 cells, all at the same place: a record of one text of 30,000 bytes.
    for cell in 0..16_383 {
        page[108 + 2 * cell..][..2].copy_from_slice(&34_000u16.to_be_bytes());
    }
    page[34_000..34_008].copy_from_slice(&[0x81, 0xea, 0x34, 1, 4, 0x83, 0xd4, 0x6d]);
    let seen = open("a.db", &page);
    assert!((30_000..3 << 20).contains(&seen.members[0].1.len()), "{}", seen.members[0].1.len());
    assert_eq!(seen.unread, ["sqlite: sqlite: pages whose rows lie over each other"]);
}

#[test]
fn what_is_between_the_members_counts_too() {
    // Zeros for ever behind the head of a tar, packed three times.
    let mut tar = tar_of(&[("a", b"text")]);
    tar.truncate(1024);
    tar.resize(48 << 20, 0);
    let seen = open("a.tar.gz", &gz(&tar));
    assert!(
        seen.unread.iter().any(|u| u == "gzip: it unpacks to too many bytes"),
        "{:?}",
        seen.unread
    );
    assert_eq!(seen.members[0], ("gzip!/a".to_owned(), b"text".to_vec()));
}

#[test]
fn nesting_ends_at_its_depth_and_is_said() {
    let mut bytes = b"core".to_vec();
    for _ in 0..9 {
        bytes = gz(&bytes);
    }
    let seen = open("a.gz", &bytes);
    assert_eq!(seen.members.len(), 1);
    assert!(
        seen.unread[0].ends_with("nested too deep; looked at as it stands"),
        "{:?}",
        seen.unread
    );
}

proptest::proptest! {
    /// Damage anywhere gives members and notes, never a panic or an endless loop.
    #[test]
    fn damage_is_survived(which in 0usize..6, at in 0.0f64..1.0, byte: u8, cut in 0.0f64..1.0) {
        let base: Vec<u8> = match which {
            0 => gz(&tar_of(&[("a", b"text"), ("b", &[7; 2000])])),
            1 => zip_of(&[("a", b"text"), ("b", &[7; 2000])], true),
            2 => [b"SQLite format 3\0".as_slice(), &[2, 0, 1, 1, 0], &[9; 1500]].concat(),
            3 => [b"PACK\0\0\0\x02\0\0\0\x09".as_slice(), &[0x95, 3, 0x78, 0x9c, 1, 2, 3], &[0x61; 80]].concat(),
            4 => [&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61, 0, 9, 1, 0, 4], b"text\x01\0\x03abc".as_slice()].concat(),
            _ => [b"!<arch>\n".as_slice(), format!("{:<48}{:<10}`\n", "a/", 4).as_bytes(), b"text"].concat(),
        };
        let mut bytes = base;
        let n = bytes.len();
        let head = 12.min(n - 1);
        bytes[head + ((n - head - 1) as f64 * at) as usize] = byte;
        bytes.truncate(head + 1 + ((n - head - 1) as f64 * cut) as usize);
        if Kind::of(b"a", &bytes[..bytes.len().min(HEAD)]).is_some() {
            open("a", &bytes);
        }
    }
}
