//! Two images with secrets in all their places. Every value is different, so that what leaks says from where.

use super::fleet::checksum;
use super::image_builder::{digest, write_blob, write_index};
use super::program::show;
use base64::Engine as _;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The places and what was put there.
#[derive(Default)]
pub struct Planted(pub Vec<(String, String)>);

impl Planted {
    /// A new secret for this place, of a form that its own letters prove.
    pub fn at(&mut self, place: &str) -> String {
        let n = self.0.len();
        let noise = &digest(format!("secret {n}").as_bytes())[7..];
        let body: String = noise
            .as_bytes()
            .chunks(2)
            .take(30)
            .map(|two| {
                let n = usize::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
                let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
                char::from(letters[n % 62])
            })
            .collect();
        let value = match n % 2 {
            0 => format!("{}{body}{}", ["gh", "p_"].concat(), checksum(&body)),
            _ => format!("{}{body}{}", ["np", "m_"].concat(), checksum(&body)),
        };
        assert_eq!(value.len(), 40);
        self.0.push((place.to_owned(), value.clone()));
        value
    }

    /// In small letters, as the name of a repository has them.
    pub fn in_small_letters(&mut self, place: &str) -> String {
        let noise = &digest(format!("small {}", self.0.len()).as_bytes())[7..];
        let value = format!("{}{noise}", ["dop", "_v1_"].concat());
        self.0.push((place.to_owned(), value.clone()));
        value
    }

    /// The places whose value stands in these bytes, as it is or in base64.
    pub fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let holds = |needle: &str| memchr::memmem::find(bytes, needle.as_bytes()).is_some();
        let encoded = |value: &str| {
            (0..3).any(|shift| {
                let shifted = [&b"\0\0"[..shift], value.as_bytes()].concat();
                let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(shifted);
                // The first and the last letter depend on what stands beside it.
                holds(&text[4..text.len() - 4])
            })
        };
        let leaked = self.0.iter().filter(|(_, v)| holds(v) || encoded(v));
        leaked.map(|(place, _)| place.as_str()).collect()
    }
}

/// A tar in the making, with all that a header may hold.
struct Tar(tar::Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }

    fn header(kind: tar::EntryType, size: usize, mode: u32) -> tar::Header {
        let mut h = tar::Header::new_ustar();
        h.set_entry_type(kind);
        h.set_size(size as u64);
        h.set_mode(mode);
        h.set_uid(0);
        h.set_gid(0);
        h.set_mtime(1_700_000_000);
        h
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        let mut h = Self::header(tar::EntryType::Regular, content.len(), mode);
        self.0.append_data(&mut h, path, content).unwrap();
    }

    fn owned(&mut self, path: &str, user: &str, group: &str) {
        let mut h = Self::header(tar::EntryType::Regular, 1, 0o644);
        // Thirty-two bytes: what does not fit stands in a pax record.
        h.set_username(&user[..31]).unwrap();
        h.set_groupname(&group[..31]).unwrap();
        let records = [("uname", user.as_bytes()), ("gname", group.as_bytes())];
        self.0.append_pax_extensions(records).unwrap();
        self.0.append_data(&mut h, path, &b"x"[..]).unwrap();
    }

    fn with_pax(&mut self, records: &[(&str, &[u8])], path: &str) {
        self.0.append_pax_extensions(records.iter().copied()).unwrap();
        self.file(path, 0o644, b"x");
    }

    fn link(&mut self, kind: tar::EntryType, path: &str, target: &str) {
        let mut h = Self::header(kind, 0, 0o777);
        self.0.append_link(&mut h, path, target).unwrap();
    }

    fn finish(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// A program for x86-64 that is linked to `needed`, looks for it in `search`, and holds `path` as a string.
fn elf(needed: &str, search: &str, path: &str) -> Vec<u8> {
    let strings = format!("\0{needed}\0{search}\0{path}\0/lib64/ld-linux-x86-64.so.2\0");
    let at = |text: &str| strings.find(text).unwrap() as u64;
    let (table, base) = (64 + 3 * 56, 0x40_0000u64);
    let interpreter = table as u64 + at("/lib64");
    let dynamic = (table + strings.len()).next_multiple_of(8);
    let entries: Vec<u64> =
        vec![1, at(needed), 29, at(search), 5, base + table as u64, 10, strings.len() as u64, 0, 0];
    let end = dynamic + entries.len() * 8;
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    for word in [base + 64, 64, 0] {
        out.extend(word.to_le_bytes());
    }
    for (value, bytes) in [(0u32, 4), (64, 2), (56, 2), (3, 2), (64, 2), (0, 2), (0, 2)] {
        out.extend(&value.to_le_bytes()[..bytes]);
    }
    let segments = [
        (1u32, 0u64, end as u64),
        (3, interpreter, "/lib64/ld-linux-x86-64.so.2\0".len() as u64),
        (2, dynamic as u64, (entries.len() * 8) as u64),
    ];
    for (kind, offset, size) in segments {
        out.extend(kind.to_le_bytes());
        out.extend(5u32.to_le_bytes());
        for word in [offset, base + offset, base + offset, size, size, 8] {
            out.extend(word.to_le_bytes());
        }
    }
    out.extend(strings.as_bytes());
    out.resize(dynamic, 0);
    entries.iter().for_each(|word| out.extend(word.to_le_bytes()));
    out
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

/// What the first layer holds.
fn base_layer(p: &mut Planted) -> Vec<u8> {
    let mut tar = Tar::new();
    let os = format!(
        "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian {}\"\nHOME_URL=\"https://{}/\"\n",
        p.at("os-release PRETTY_NAME"),
        p.at("os-release HOME_URL")
    );
    tar.file("etc/os-release", 0o644, os.as_bytes());
    let passwd = format!("root:x:0:0:{}:/root:/bin/sh\n", p.at("passwd gecos"));
    tar.file("etc/passwd", 0o644, passwd.as_bytes());
    let needed = format!("lib-{}.so", p.at("ELF needed"));
    let search = format!("/opt/{}/lib", p.at("ELF rpath"));
    let string = format!("/etc/{}.conf", p.at("ELF string"));
    tar.file("bin/sh", 0o755, &elf(&needed, &search, &string));
    let status = format!(
        "Package: {}\nStatus: install ok installed\nVersion: {}\nArchitecture: {}\nSource: {}\n\
         Maintainer: {}\n\n",
        p.at("package name"),
        p.at("package version"),
        p.at("package architecture"),
        p.at("package source"),
        p.at("package maintainer")
    );
    tar.file("var/lib/dpkg/status", 0o644, status.as_bytes());
    let list = format!("/.\n/usr\n/usr/share/{}\n", p.at("path in a package's list"));
    tar.file("var/lib/dpkg/info/app.list", 0o644, list.as_bytes());
    tar.finish()
}

/// What the second layer holds: files of all kinds.
fn files_layer(p: &mut Planted, gone: &str) -> Vec<u8> {
    let mut tar = Tar::new();
    tar.file(&format!("srv/{}", p.at("file name")), 0o644, b"plain");
    tar.file(&format!("srv/{}/inner.txt", p.at("folder name")), 0o644, b"plain");
    tar.file(&format!("usr/bin/{}", p.at("name of a setuid file")), 0o4755, &[b's'; 90_000]);
    tar.file(&format!("opt/{}.copy", p.at("name of a copy")), 0o644, &[b's'; 90_000]);
    tar.file(&format!("usr/share/doc/{}/README", p.at("name in doc")), 0o644, &[b'd'; 90_000]);
    tar.file(&format!("srv/{gone}"), 0o644, &[b'g'; 90_000]);
    tar.link(tar::EntryType::Symlink, "srv/soft", &format!("/srv/{}", p.at("symlink target")));
    tar.link(tar::EntryType::Symlink, &format!("srv/{}", p.at("symlink name")), "/srv/soft");
    let first = format!("srv/{}", p.at("hard link target"));
    tar.file(&first, 0o644, b"linked");
    tar.link(tar::EntryType::Link, &format!("srv/{}", p.at("hard link name")), &first);
    let (user, group) = (p.at("owner's name"), p.at("group's name"));
    tar.owned("srv/owned", &user, &group);
    let value = p.at("value of an attribute");
    let name = format!("SCHILY.xattr.user.{}", p.at("name of an attribute"));
    tar.with_pax(&[(&name, value.as_bytes())], "srv/attributes");
    let comment = p.at("comment of a pax header");
    tar.with_pax(&[("comment", comment.as_bytes())], "srv/comment");
    tar.file("srv/key.txt", 0o644, format!("token {}\n", p.at("text of a file")).as_bytes());
    tar.file(
        &format!("srv/{}/.env", p.at("folder of a secret")),
        0o644,
        format!("NPM_TOKEN={}\n", p.at("settings")).as_bytes(),
    );
    let script = format!(
        "#!/opt/{}/bin/sh -{}\nexec /srv/{} --token {}\n/opt/{}\n. /etc/{}\ncurl -H 'Authorization: token {}' x\n",
        p.at("shebang"),
        p.at("option of a shebang"),
        p.at("command of a script"),
        p.at("argument in a script"),
        p.at("path in a script"),
        p.at("included by a script"),
        p.at("header in a script"),
    );
    tar.file("app/start", 0o755, script.as_bytes());
    let module = json!({"name": p.at("node package"), "version": p.at("node version"),
        "dependencies": {p.at("node dependency"): "1"}});
    tar.file("app/node_modules/x/package.json", 0o644, module.to_string().as_bytes());
    let python = format!("Metadata-Version: 2.1\nName: {}\nVersion: 1\n", p.at("python package"));
    tar.file("usr/lib/python3/site-packages/x-1.dist-info/METADATA", 0o644, python.as_bytes());

    let mut inner = Tar::new();
    let member = p.at("content of an archive's member");
    inner.file(&format!("a/{}", p.at("name of an archive's member")), 0o644, member.as_bytes());
    let text = format!("NPM_TOKEN={}", p.at("secret below a secret name in an archive"));
    inner.file(&format!("a/{}/.env", p.at("folder in an archive")), 0o644, text.as_bytes());
    tar.file("srv/app.tar.gz", 0o644, &gzip(&inner.finish()));

    let blob = p.at("git object");
    let object = zlib(format!("blob {}\0{blob}", blob.len()).as_bytes());
    let remote =
        format!("[remote \"origin\"]\n\turl = https://{}@g.example.test/a\n", p.at("git remote"));
    tar.file("srv/app/.git/config", 0o644, remote.as_bytes());
    tar.file(
        "srv/app/.git/HEAD",
        0o644,
        format!("ref: refs/heads/{}\n", p.at("git branch")).as_bytes(),
    );
    tar.file("srv/app/.git/objects/ab/cdef0123456789abcdef0123456789abcdef01", 0o444, &object);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db");
    let db = rusqlite::Connection::open(&file).unwrap();
    db.execute_batch("CREATE TABLE t (v TEXT)").unwrap();
    db.execute("INSERT INTO t VALUES (?1)", [p.at("value in a database")]).unwrap();
    drop(db);
    tar.file("srv/x.db", 0o644, &std::fs::read(&file).unwrap());
    tar.finish()
}

/// The steps and the configuration, with secrets in all their parts.
fn config(p: &mut Planted, layers: &[Vec<u8>]) -> Value {
    let diff_ids: Vec<String> = layers.iter().map(|l| digest(l)).collect();
    json!({
        "created": "2026-01-02T03:04:05Z",
        "author": p.at("author"),
        "architecture": "amd64",
        "os": "linux",
        "variant": p.at("variant"),
        "os.version": p.at("os.version"),
        "os.features": [p.at("os.features")],
        "docker_version": p.at("docker_version"),
        "unknown": { p.at("unknown key"): p.at("unknown value") },
        "container_config": { "Env": [format!("A={}", p.at("container_config"))] },
        "config": {
            "Env": ["PATH=/usr/bin:/bin", format!("API={}", p.at("ENV value")),
                format!("{}=1", p.at("ENV name")), format!("{}", p.at("ENV without a value")),
                format!("DATABASE_URL=postgres://u:{}@db.example.test/x", p.at("URL's password"))],
            "Labels": { p.at("label key"): "x", "note": p.at("label value") },
            "Entrypoint": ["/app/start", format!("--token={}", p.at("entrypoint"))],
            "Cmd": ["serve", "--password", p.at("cmd")],
            "User": p.at("user"),
            "WorkingDir": format!("/srv/{}", p.at("workdir")),
            "Volumes": { format!("/{}", p.at("volume")): {} },
            "ExposedPorts": { p.at("exposed port"): {} },
            "StopSignal": p.at("stop signal"),
            "OnBuild": [format!("RUN echo {}", p.at("onbuild"))],
            "Shell": ["/bin/sh", p.at("shell")],
            "Healthcheck": { "Test": ["CMD", "/app/start", "--token", p.at("healthcheck")] },
            "Hostname": p.at("hostname"),
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": [
            { "created": "2026-01-02T03:04:05Z",
              "created_by": format!("/bin/sh -c #(nop) ADD file:{} in / ", p.at("ADD")),
              "author": p.at("history author"), "comment": p.at("history comment") },
            { "created_by": "/bin/sh -c #(nop)  CMD [\"/bin/sh\"]", "empty_layer": true },
            { "created_by": format!("RUN |1 T={} /bin/sh -c make {} # buildkit",
                p.at("build argument"), p.at("created_by")) },
            { "created_by": format!("ENV X={}", p.at("history ENV")), "empty_layer": true },
            { "created_by": format!("RUN rm /srv/{}", p.at("last step")) },
        ],
    })
}

/// An image in a folder, with its manifest's descriptor.
fn image(p: &mut Planted, folder: &Path) -> Value {
    let gone = p.at("name of a deleted file");
    let mut last = Tar::new();
    last.file(&format!("srv/.wh.{gone}"), 0o644, b"");
    last.file("srv/other", 0o644, p.at("another file").as_bytes());
    let layers = vec![base_layer(p), files_layer(p, &gone), last.finish()];
    let stored: Vec<Value> = layers
        .iter()
        .enumerate()
        .map(|(n, tar)| {
            let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
            let mut d = write_blob(folder, kind, &gzip(tar));
            d["annotations"] =
                json!({ p.at(&format!("key at layer {n}")): p.at(&format!("value at layer {n}")) });
            d["urls"] = json!([format!(
                "https://u:{}@l.example.test/",
                p.at(&format!("URL of layer {n}"))
            )]);
            d
        })
        .collect();
    let config = config(p, &layers).to_string();
    let config = write_blob(folder, "application/vnd.oci.image.config.v1+json", config.as_bytes());
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind, "config": config, "layers": stored,
        "annotations": {
            p.at("manifest annotation key"): "x",
            "note": p.at("manifest annotation value"),
            "org.opencontainers.image.base.name": format!("docker.io/library/{}", p.at("base name")),
        },
    });
    write_blob(folder, kind, manifest.to_string().as_bytes())
}

pub struct World {
    pub planted: Planted,
    pub folder: tempfile::TempDir,
}

impl World {
    /// The image, and one that differs from it in its configuration and a file.
    pub fn new() -> Self {
        let (mut planted, folder) = (Planted::default(), tempfile::tempdir().unwrap());
        for name in ["one", "two"] {
            let dir = folder.path().join(name);
            let mut d = image(&mut planted, &dir);
            d["annotations"] = json!({
                "org.opencontainers.image.ref.name": "1",
                "note": planted.at("index annotation"),
            });
            write_index(&dir, vec![d]);
        }
        assert!(planted.0.len() > 120, "{}", planted.0.len());
        Self { planted, folder }
    }

    pub fn layout(&self, name: &str) -> String {
        show(&self.folder.path().join(name))
    }

    pub fn blobs(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = self.folder.path().join(name).join("blobs/sha256");
        let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
        files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }
}
