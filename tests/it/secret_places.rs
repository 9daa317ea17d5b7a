//! Many kinds of secrets in every encoding and container: what is found as plain text is found there,
//! too. The samples are the patterns' own, so that this file holds no secret.

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use crate::support::program::{Home, show};
use careen::analyze::secrets::Patterns;
use careen::rules::Severity;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Every how many-th kind is tried.
const STEP: usize = 40;

/// Writes each sample (a file `N.txt` of the folder) in each form, as `form/N.…`.
const FORMS: &str = r#"
import base64, bz2, glob, gzip, io, lzma, marshal, os, sqlite3, subprocess, sys, tarfile, urllib.parse, zipfile
folder = sys.argv[1]
def tar(name, data, mode='w'):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        info = tarfile.TarInfo(name); info.size = len(data); t.addfile(info, io.BytesIO(data))
    return out.getvalue()
def zipped(name, data, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', how) as z: z.writestr(name, data)
    return out.getvalue()
def pyc(text):
    code = compile('VALUE = ' + repr(text), 'x.py', 'exec')
    import importlib.util
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)
def sqlite(text):
    path = os.path.join(folder, 'tmp.db')
    if os.path.exists(path): os.unlink(path)
    db = sqlite3.connect(path); db.execute('create table notes (id integer, body text)')
    db.execute('insert into notes values (1, ?)', (text,)); db.commit(); db.close()
    return open(path, 'rb').read()
pad = lambda n: bytes((i * 7919) % 251 for i in range(n))
elf = b'\x7fELF\x02\x01\x01' + bytes(57) + pad(5000)
forms = {
  'plain.txt': lambda t: t.encode(),
  'crlf.txt': lambda t: t.replace('\n', '\r\n').encode(),
  'utf16le.txt': lambda t: b'\xff\xfe' + t.encode('utf-16-le'),
  'utf16be.txt': lambda t: b'\xfe\xff' + t.encode('utf-16-be'),
  'base64.yml': lambda t: b'data:\n  app.env: ' + base64.b64encode(t.encode()) + b'\n',
  'base64lines.txt': lambda t: base64.encodebytes(t.encode()),
  'base64twice.txt': lambda t: base64.b64encode(base64.b64encode(t.encode())),
  'echo.sh': lambda t: b'echo ' + base64.b64encode(t.encode()) + b' | base64 -d > /app/.env\n',
  'hex.txt': lambda t: t.encode().hex().encode(),
  'percent.txt': lambda t: b'https://a.example/?q=' + urllib.parse.quote(t, safe='').encode(),
  'json.json': lambda t: __import__('json').dumps({'file': t}).encode(),
  'data.gz': lambda t: gzip.compress(t.encode()),
  'data.bz2': lambda t: bz2.compress(t.encode()),
  'data.xz': lambda t: lzma.compress(t.encode()),
  'data.zst': lambda t: subprocess.run(['zstd', '-qc'], input=t.encode(), stdout=subprocess.PIPE, check=True).stdout,
  'data.tar': lambda t: tar('app/settings.txt', t.encode()),
  'data.tgz': lambda t: tar('app/settings.txt', t.encode(), 'w:gz'),
  'data.zip': lambda t: zipped('app/settings.txt', t),
  'stored.jar': lambda t: zipped('app/settings.txt', t, zipfile.ZIP_STORED),
  'nested.war': lambda t: zipped('WEB-INF/lib/a.jar', zipped('b.txt', t)),
  'nested.tar.xz': lambda t: lzma.compress(tar('x/y.zip', zipped('b.txt', t))),
  'data.sqlite': sqlite,
  'module.pyc': pyc,
  'program': lambda t: elf + b'\0' + t.encode() + b'\0' + pad(3000),
}
for path in sorted(glob.glob(os.path.join(folder, '*.txt'))):
    text = open(path, newline='').read()
    number = os.path.basename(path)[:-4]
    for form, write in forms.items():
        out = os.path.join(folder, 'out', number)
        os.makedirs(out, exist_ok=True)
        open(os.path.join(out, form), 'wb').write(write(text))
"#;

fn in_all_forms(folder: &Path) {
    let script = folder.join("forms.py");
    std::fs::write(&script, FORMS).unwrap();
    let done = Command::new("python3").arg(&script).arg(folder).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_secret_is_found_in_every_form() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let all = Patterns::builtin();
    let wanted = |p: &&careen::analyze::secrets::Pattern| {
        Severity::from(p.severity) >= Severity::Medium
            && p.should_match.iter().any(|s| s.path.is_none())
    };
    for (number, pattern) in all.iter().filter(wanted).step_by(STEP).enumerate() {
        let sample = pattern.should_match.iter().find(|s| s.path.is_none()).unwrap();
        let text = format!("debug = 1\n{}\nlevel = info\n", sample.text);
        std::fs::write(folder.path().join(format!("{number:03}.txt")), text).unwrap();
    }
    in_all_forms(folder.path());

    let (mut tried, mut missed) = (BTreeMap::new(), BTreeMap::<String, Vec<String>>::new());
    for number in std::fs::read_dir(folder.path().join("out")).unwrap() {
        let number = number.unwrap().path();
        let files: Vec<String> =
            std::fs::read_dir(&number).unwrap().map(|f| show(&f.unwrap().path())).collect();
        let mut args = vec!["patterns", "test"];
        args.extend(files.iter().map(String::as_str));
        let said = home.run(&args).text();
        let plain = said.lines().any(|l| l.contains("/plain.txt"));
        for file in &files {
            let form = Path::new(file).file_name().unwrap().to_string_lossy().into_owned();
            // A pattern that needs a path, or lines, may see nothing in plain text either.
            if !plain {
                continue;
            }
            *tried.entry(form.clone()).or_insert(0) += 1;
            if !said.lines().any(|l| l.starts_with(file.as_str()) && !l.contains("not looked at")) {
                missed.entry(form).or_default().push(show(&number));
            }
        }
    }
    let total: usize = tried.values().sum();
    let lost: usize =
        missed.iter().filter(|(form, _)| *form != "program").map(|(_, m)| m.len()).sum();
    assert!(tried.len() == 24 && total > 1500, "{tried:?}");
    // Names beside values are looked for in text only.
    assert!(lost * 100 <= total * 2, "{lost} of {total}: {missed:#?}");
    println!("{lost} of {total} missed: {missed:?}");
}

#[test]
fn the_settings_of_a_spring_boot_jar_are_the_images_own() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let key = ["AKIA", "QYLPMN5HXGKDV7TW"].concat();
    let secret = ["wJk3rXq9LmZt7VbN2cHd", "5sPf8yGa4uEo6iRx1TzQ"].concat();
    let text = format!("aws.accessKeyId={key}\naws.secretKey={secret}\n");
    let mut zip = b"#!/bin/sh\nexec java -jar \"$0\"\n".to_vec();
    let script = "import io, sys, zipfile\n\
        out = io.BytesIO()\n\
        with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z: z.writestr(sys.argv[1], sys.argv[2])\n\
        sys.stdout.buffer.write(out.getvalue())\n";
    let name = "BOOT-INF/classes/application.properties";
    let made = Command::new("python3").args(["-c", script, name, &text]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    zip.extend(made.stdout);
    let layer = LayerBuilder::new().file_as("app/app.jar", 0o755, 0, &zip);
    let layout =
        ImageBuilder::new().layer("COPY app.jar /app/", layer).write_layout(folder.path(), "1");
    let run = home.run(&["inspect", &show(&layout), "--format", "json"]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let report = run.json();
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|f| f["rule"] == "secret/aws-access-key-id");
    assert!(
        found.is_some_and(|f| f["severity"] != "low" && f["package"].is_null()),
        "{findings:#?}"
    );
}
