//! What merely claims to be a container, and what stands beside the members of one.

use super::tests::{Seen, gz, names, open, python, tar_of, zip_of};
use super::*;

/// Stands for a secret: must be handed over whole.
const LINE: &[u8] = b"db_password = behind-the-claim-1234\n";

fn holds(seen: &Seen, inside: &str) -> bool {
    let has = |m: &(String, Vec<u8>)| memchr::memmem::find(&m.1, LINE).is_some();
    seen.members.iter().any(|m| m.0 == inside && has(m))
}

#[test]
fn what_does_not_open_is_handed_over_as_it_stands() {
    let ustar = [&[b'#'; 256][..], b"\nustar 00\n"].concat();
    let claims: [(&str, &[u8]); 14] = [
        ("a", b"PK\x03\x04\n"),
        ("a", b"\x1f\x8b\x08\n"),
        ("a", b"\xfd7zXZ\0\n"),
        ("a", b"\x28\xb5\x2f\xfd\n"),
        ("a", b"BZh91AY&SY\n"),
        ("a", b"PACK\0\0\0\x02\n"),
        ("a", b"!<arch>\n"),
        ("a", b"SQLite format 3\0\n"),
        ("a", &ustar),
        ("a", b"\x37\x7f\x06\x82\n"),
        ("a", b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0\n"),
        ("a", b"7z\xbc\xaf\x27\x1c\n"),
        ("objects/3f/01234567890123456789012345678901234567", b"x\x9c\n"),
        ("m.pyc", b"\xa7\r\r\n"),
    ];
    for (path, claim) in claims {
        for padding in [0, 200_000] {
            let more = b"# an ordinary line of text that means nothing\n".repeat(padding / 46);
            let seen = open(path, &[claim, LINE, &more, LINE].concat());
            let all: Vec<u8> = seen.members.iter().flat_map(|m| m.1.clone()).collect();
            let times = memchr::memmem::find_iter(&all, LINE).count();
            assert!(times >= 2, "{claim:?} {padding}: {:?} {:?}", names(&seen), seen.unread);
            if !path.ends_with(".pyc") {
                assert!(names(&seen).contains(&"@0"), "{claim:?}: {:?}", names(&seen));
                assert_eq!(seen.unread.len(), 1, "{claim:?}: {:?}", seen.unread);
            }
        }
    }
}

#[test]
fn what_stands_behind_a_container_is_read() {
    let (files, text) = ([("one", &b"1"[..])], b"content ".repeat(40));
    let xz = python("import lzma,sys;sys.stdout.buffer.write(lzma.compress(b'content '*40))");
    let bz = python("import bz2,sys;sys.stdout.buffer.write(bz2.compress(b'content '*40))");
    for (name, container) in [
        ("a.gz", gz(&text)),
        ("a.xz", xz),
        ("a.bz2", bz),
        ("a.zst", zstd::encode_all(&text[..], 3).unwrap()),
        ("a.tar", tar_of(&files)),
        ("a.zip", zip_of(&files, true)),
        ("a.ar", b"!<arch>\n".to_vec()),
    ] {
        let seen = open(name, &[&container, LINE].concat());
        let found = seen.members.iter().any(|m| memchr::memmem::find(&m.1, LINE).is_some());
        assert!(found, "{name}: {:?} {:?}", names(&seen), seen.unread);
        // Zeros are padding.
        let padded = open(name, &[&container[..], &[0; 512]].concat());
        assert!(padded.unread.len() <= 1, "{name}: {:?}", padded.unread);
    }
    // Another container behind the first one.
    let seen = open("a.gz", &[gz(b"first"), zip_of(&[("x", LINE)], false)].concat());
    assert!(holds(&seen, "bytes behind it!/x"), "{:?}", names(&seen));
}

#[test]
fn text_beside_the_content_is_read() {
    let comment = python(
        "import gzip,sys,zlib,struct\nb=gzip.compress(b'x'*50)\nsys.stdout.buffer.write(b[:3]+bytes([16])+b[4:10]+b'db_password = behind-the-claim-1234\\n\\0'+b[10:])",
    );
    assert!(holds(&open("a.gz", &comment), "gzip header"));
    let size = (LINE.len() as u32).to_le_bytes();
    let frame = zstd::encode_all(&b"content"[..], 3).unwrap();
    let skipped = [&b"\x50\x2a\x4d\x18"[..], &size, LINE, &frame].concat();
    let seen = open("a.zst", &skipped);
    assert!(holds(&seen, "zstd header") && names(&seen).contains(&"zstd"), "{:?}", names(&seen));
    let zip = python(
        "import zipfile,io,sys\nb=io.BytesIO()\nz=zipfile.ZipFile(b,'w')\nz.writestr('s',b'stored')\nz.comment=b'db_password = behind-the-claim-1234\\n'\nz.close()\nsys.stdout.buffer.write(b.getvalue())",
    );
    let seen = open("a.zip", &zip);
    assert!(holds(&seen, "zip comments") && seen.unread.is_empty(), "{:?}", names(&seen));
}

#[test]
fn a_zip_goes_on_behind_gaps_and_early_ends() {
    let parts = |text: &str| {
        python(&format!(
            "import zipfile,io,sys\ndef z(*f):\n  b=io.BytesIO()\n  with zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED) as x:\n    [x.writestr(n,t) for n,t in f]\n  return b.getvalue()\nL='db_password = behind-the-claim-1234\\n'\nsys.stdout.buffer.write({text})"
        ))
    };
    let end = "b'PK\\5\\6'+bytes(18)";
    // An end record before the members, right behind a first one, and a second archive.
    let early = parts(&format!(
        "(lambda a:a[:a.index(b'PK',4)]+{end}+a[a.index(b'PK',4):])(z(('a','1'),('b',L)))"
    ));
    assert!(holds(&open("a.zip", &early), "b"));
    let seen = open("a.zip", &parts("z(('a','1'))+z(('b',L))"));
    assert!(holds(&seen, "b"), "{:?} {:?}", names(&seen), seen.unread);
    // Text between two members, with the offsets of the directory put right by no one.
    let gap = parts(
        "(lambda a:a[:a.index(b'PK',4)]+L.encode()+a[a.index(b'PK',4):])(z(('a','1'),('b','2')))",
    );
    let seen = open("a.zip", &gap);
    assert!(
        holds(&seen, "bytes between members") && names(&seen).contains(&"b"),
        "{:?}",
        names(&seen)
    );
    // A member that only the directory leads to: it stands within a stored one.
    let inner = zip_of(&[("h", LINE)], false);
    let inner = &inner[..memchr::memmem::find(&inner, b"PK\x01\x02").unwrap()];
    let size = (inner.len() as u32).to_le_bytes();
    let packed = (inner.len() as u32 - 31).to_le_bytes();
    let length = (LINE.len() as u32).to_le_bytes();
    let begins = (31 + inner.len() as u32).to_le_bytes();
    let hidden = [
        &b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0"[..],
        &size,
        &size,
        b"\x01\0\0\0a",
        inner,
        b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0",
        &packed,
        &length,
        b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0",
        &31u32.to_le_bytes(),
        b"hPK\x05\x06\0\0\0\0\x01\0\x01\0",
        &47u32.to_le_bytes(),
        &begins,
        b"\0\0",
    ]
    .concat();
    let seen = open("a.zip", &hidden);
    assert!(
        seen.unread.iter().any(|n| n.contains("do not stand where it says")),
        "{:?} {:?}",
        names(&seen),
        seen.unread
    );
}

#[test]
fn a_broken_member_hides_no_other() {
    let mut zip = zip_of(&[("a", b"first one"), ("b", &b"x".repeat(3000)), ("c", LINE)], false);
    let at = memchr::memmem::find(&zip, b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0").unwrap();
    let second = at + memchr::memmem::find(&zip[at + 4..], b"PK\x03\x04").unwrap() + 4;
    zip[second + 31] ^= 0xff;
    let seen = open("a.zip", &zip);
    assert!(holds(&seen, "c") && seen.unread.len() == 1, "{:?} {:?}", names(&seen), seen.unread);
}

#[test]
fn a_container_behind_other_bytes_is_found() {
    let zip = zip_of(&[("BOOT-INF/app.yml", LINE)], true);
    let script = b"#!/bin/sh\nexec java -jar \"$0\"\n".repeat(2000);
    let tgz = gz(&tar_of(&[("etc/app.conf", LINE)]));
    for (before, container, kind, inside) in [
        (&b"\x7fELF\0\0\0"[..], &zip, Kind::Zip, "BOOT-INF/app.yml"),
        (&script, &zip, Kind::Zip, "BOOT-INF/app.yml"),
        (&script, &tgz, Kind::Gzip, "gzip!/etc/app.conf"),
    ] {
        let all = [before, container].concat();
        for chunk in [1, 7, 1000, all.len()] {
            let mut seeker = Seeker::default();
            let mut found = None;
            for part in all.chunks(chunk).chain([&[][..]]) {
                match &mut found {
                    None => found = seeker.feed(part),
                    Some(Embedded { head, .. }) => head.extend_from_slice(part),
                }
            }
            let found = found.expect("a container");
            assert_eq!((found.kind, found.at, &found.head), (kind, before.len() as u64, container));
        }
        // And within a member of another container.
        let seen = open("a.gz", &gz(&all));
        assert!(holds(&seen, &format!("gzip!/{inside}")), "{:?}", names(&seen));
    }
    let mut seeker = Seeker::default();
    assert!(seeker.feed(b"const MAGIC = \"PK\x03\x04\"; // of a zip").is_none());
    assert!(seeker.feed(b"").is_none());
}

/// Links and folders have no data, whatever their size says: Go's reader takes what follows for a header.
#[test]
fn entries_of_a_header_only_hide_nothing() {
    let header = |name: &str, kind: u8, size: usize, link: &str| {
        let mut h = ::tar::Header::new_ustar();
        h.set_path(name).unwrap();
        h.set_size(size as u64);
        h.set_mode(0o644);
        h.set_entry_type(::tar::EntryType::new(kind));
        if !link.is_empty() {
            h.set_link_name_literal(link).unwrap();
        }
        h.set_cksum();
        h.as_bytes().to_vec()
    };
    let block = |text: &[u8]| [text, &vec![0; 512 - text.len()]].concat();
    // As other readers have it, the next header is the folder's data.
    let tar =
        [header("d", b'5', 1024, ""), header("hidden", b'0', LINE.len(), ""), block(LINE)].concat();
    assert!(holds(&open("a.tar", &tar), "hidden"));
    // As yet others have it, the text is.
    let tar =
        [header("d", b'5', 512, ""), block(LINE), header("b", b'0', 1, ""), block(b"1")].concat();
    let seen = open("a.tar", &tar);
    assert!(seen.members.iter().any(|m| memchr::memmem::find(&m.1, LINE).is_some()));
    assert_eq!(seen.unread.len(), 1, "{:?}", seen.unread);
    let link = "https://deploy:behind-the-claim-1234@example.test/";
    let seen = open("a.tar", &header("l", b'2', 0, link));
    assert!(memchr::memmem::find(&seen.members[0].1, link.as_bytes()).is_some());
}

#[test]
fn an_old_form_of_xz_is_read_and_other_archives_are_named() {
    let lzma = python(
        "import lzma,sys;sys.stdout.buffer.write(lzma.compress(b'content '*40,lzma.FORMAT_ALONE))",
    );
    let seen = open("a.lzma", &lzma);
    assert_eq!((names(&seen), seen.unread.len()), (vec!["lzma"], 0));
    assert_eq!(seen.members[0].1, b"content ".repeat(40));
    for (mark, name) in [
        (&b"7z\xbc\xaf\x27\x1c\0\x04"[..], "7z"),
        (b"xar!\0\x1c\0\x01", "xar"),
        (b"\x1f\x9d\x90\x01\x02", "compress (.Z)"),
        (b"Rar!\x1a\x07\x01\0", "RAR"),
    ] {
        let seen = open("a", &[mark, &[7; 600]].concat());
        assert_eq!(seen.unread, [format!(": {name}: this kind of archive is not opened")]);
    }
}

#[test]
fn pages_of_sqlite_hide_nothing() {
    let mut page = b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20".to_vec();
    page.resize(100, 0);
    // A leaf that says it has no cells, and a page of the tree.
    for kind in [0x0d, 0x05, 0x02, 0x55] {
        let mut page = page.clone();
        page.extend_from_slice(&[kind, 0, 0, 0, 0, 0, 100, 0]);
        page.extend_from_slice(LINE);
        page.resize(512, 0);
        assert!(holds(&open("a.db", &page), "sqlite"), "{kind}");
    }
}

/// A program that reads zip has the marks of zip in its code, and by chance what reads like a member's header; what is
/// said to be in such an archive would be a gap that is none.
#[test]
fn marks_in_a_programs_code_are_no_archive_of_which_something_is_left_out() {
    // As compiled: `cmp eax, "PK\3\4"; jne …; lea …`, and the other marks as constants.
    let code = [
        &b"\x7fELF code H\x8d=PK\x03\x04\x0f\x85\xb2\x04\0\0H\x8bt$\x10H\x8d\x86\xb0\x01\0\0H\x89\x86\xd0\x01\0\0H"[..],
        b"\x8d\x9e\n\x02\0\0\xc6\x86\n\x02\0\0\0",
        LINE,
        b"\xb9PK\x01\x02\x89\x8b|\x03\0\0H\x8d\x8b\x80\x03\0\0\xc7\x83\x80\x03\0\0\0\0\0\0\xc7\x83\x80\x03\0\0\0",
        b"=PK\x05\x06H\x89\x83p\x01\0\0H\x8d\xbbx\x01\0\0E1\xff\xba\0\x08\0\x001\xf6\xff\x15\x84*{\0",
        b"=PK\x06\x06\x0f\x85\xcf\x02\0\0H\x8dCXH\x89\x83X\x01\0\0",
        LINE,
    ]
    .concat();
    for times in [1, 5] {
        let seen = open("a.gz", &gz(&code.repeat(times)));
        assert!(seen.unread.is_empty(), "{times}: {:?}", seen.unread);
        let all: Vec<u8> = seen.members.iter().flat_map(|m| m.1.clone()).collect();
        assert!(memchr::memmem::find_iter(&all, LINE).count() >= 2 * times);
    }
}

/// Behind a program that unpacks it, too, an archive that cannot be read is told.
#[test]
fn an_encrypted_archive_behind_a_program_is_told() {
    let encrypted = |also: &str| {
        python(&format!(
            "import zipfile,io,sys\nb=io.BytesIO()\nwith zipfile.ZipFile(b,'w') as z:\n  \
             z.writestr('a','1'*30)\n  {also}\na=bytearray(b.getvalue())\na[6]|=1\n\
             a[a.index(b'PK\\1\\2')+8]|=1\nsys.stdout.buffer.write(a)"
        ))
    };
    for also in ["pass", "z.writestr('b','2'*30)"] {
        let seen = open("a.gz", &gz(&[b"\x7fELF program ", &encrypted(also)[..]].concat()));
        assert_eq!(seen.unread.len(), 1, "{also}: {:?}", seen.unread);
        assert!(seen.unread[0].contains("zip: it is encrypted"), "{:?}", seen.unread);
    }
}
