//! Secrets in the places where images leak them, and hostile files.

use careen::analyze::secrets::{Patterns, SecretAnalyzer, redact_text, scan_text};
use careen::analyze::{Analyzer, Confidence, Facts, SecretMatch};
use careen::layer::{Entry, LayerPath};

/// Random-looking, the same in every run, and in no file of this repository.
fn value(seed: u64, length: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ALPHABET[(state >> 20) as usize % ALPHABET.len()] as char
        })
        .collect()
}

fn scan(path: &str, chunks: impl IntoIterator<Item = Vec<u8>>) -> Facts {
    let mut analyzer = SecretAnalyzer::new(Patterns::builtin(), true);
    let entry = Entry::file(LayerPath::from(path), 1);
    let mut facts = Facts::default();
    analyzer.begin(0, &entry);
    for chunk in chunks {
        analyzer.chunk(&chunk);
    }
    analyzer.end(&mut facts);
    facts
}

fn plain(secret: &SecretMatch) -> String {
    let bytes = secret.plain.as_ref().expect("revealed").reveal();
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn secrets_in_files_are_found_by_their_kind() {
    let v = |n| value(n, 20);
    let cases = [
        (
            "app/.env",
            format!("DEBUG=1\nDATABASE_URL=postgres://app:{}@db/app\n", v(1)),
            v(1),
            "postgres-url-password",
        ),
        ("app/.env", format!("DB_PASSWORD={}\n", v(2)), v(2), "generic-password"),
        ("app/config.yml", format!("mail:\n  api_key: {}\n", v(3)), v(3), "generic-secret"),
        (
            "app/settings.py",
            format!("SECRET_KEY = '{}'\n", value(4, 50)),
            value(4, 50),
            "django-settings-password",
        ),
        ("root/.netrc", format!("machine a login b password {}\n", v(5)), v(5), "netrc-password"),
        (
            "etc/apt/auth.conf.d/x.conf",
            format!("machine a\nlogin b\npassword {}\n", v(6)),
            v(6),
            "netrc-password",
        ),
        ("root/.pgpass", format!("db:5432:*:app:{}\n", v(7)), v(7), "pgpass-password"),
        (
            "root/.git-credentials",
            format!("https://bot:{}@git.example.test\n", v(8)),
            v(8),
            "git-credentials-password",
        ),
        (
            "root/.aws/credentials",
            format!("[default]\naws_secret_access_key = {}\n", value(9, 40)),
            value(9, 40),
            "aws-secret-access-key",
        ),
        (
            "root/.m2/settings.xml",
            format!("<server><password>{}</password></server>", v(10)),
            v(10),
            "maven-server-password",
        ),
        (
            "srv/app.properties",
            format!("spring.datasource.password={}\n", v(11)),
            v(11),
            "generic-password",
        ),
        (
            "usr/lib/node_modules/x/.npmrc",
            format!("//r.example.test/:_authToken={}\n", v(12)),
            v(12),
            "npmrc-auth",
        ),
        (
            "deploy.sh",
            format!("curl -u bot:{} https://a.example.test/\n", v(13)),
            v(13),
            "curl-user-password",
        ),
    ];
    for (path, text, secret, kind) in cases {
        let facts = scan(path, [text.into_bytes()]);
        let got: Vec<(&str, String, Confidence)> =
            facts.secrets.iter().map(|s| (s.pattern.as_str(), plain(s), s.confidence)).collect();
        assert_eq!(got, [(kind, secret, Confidence::Likely)], "{path}");
    }
}

#[test]
fn config_and_history_texts_are_searched_and_redacted() {
    let all = Patterns::builtin();
    let v = value(20, 24);
    for text in [
        format!("API_TOKEN={v}"),
        format!("com.example.db.password={v}"),
        format!("|1 NPM_TOKEN={v} /bin/sh -c npm ci"),
        format!("RUN curl -H \"Authorization: Bearer {v}\" https://a.example.test/"),
        format!("/bin/sh -c echo 'root:{v}' | chpasswd"),
        format!("RUN echo \"machine a login b password {v}\" > /root/.netrc"),
        format!("RUN git clone https://bot:{v}@git.example.test/a.git"),
        format!("ARG DB_PASSWORD={v}"),
    ] {
        let found = scan_text(&all, text.as_bytes(), None, false);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(&text[found[0].range.clone()], v);
        assert_eq!(found[0].plain, None);
        let clean = redact_text(&all, &text);
        assert!(!clean.contains(&v) && clean.contains(&found[0].masked), "{clean}");
    }
    let weak = scan_text(&all, b"DB_PASSWORD=Tr0ub4dor&3", None, false);
    assert_eq!(weak[0].confidence, Confidence::Likely);
}

#[test]
fn placeholders_and_code_are_no_secrets() {
    let all = Patterns::builtin();
    for text in [
        "PASSWORD=changeme",
        "API_KEY=${API_KEY}",
        "TOKEN={{ token }}",
        "token = xxxxxxxxxxxxxxxx",
        "SECRET_KEY=your-secret-key-goes-here-1",
        "password: $(cat /run/secrets/db)",
        "PGDATA=/var/lib/postgresql/data",
        "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D",
        "PYTHON_SHA256=9c68ab68d4ef8ab5a8a1ba0d7e3ed2ab8a0a0a5b7a4a4a9c3a49ac3d9e4d5ba1",
        "const token = await getToken(user, options);",
        "https://example.com:8443/a@b",
        "-----BEGIN RSA PRIVATE KEY-----",
        "apt-get install -y --no-install-recommends libsecret-1-dev=0.20.5-3",
        "secretName: my-service-credentials-v2",
        "password = forms.CharField(max_length=128)",
    ] {
        assert_eq!(scan_text(&all, text.as_bytes(), None, false), [], "{text}");
    }
}

#[test]
fn one_endless_line_is_searched_in_bounded_memory() {
    let secret = value(30, 24);
    let filler = vec![b'a'; 1 << 16];
    let mut chunks: Vec<Vec<u8>> = vec![filler; 256];
    chunks[128].extend_from_slice(format!(" api_key={secret} ").as_bytes());
    let facts = scan("big.json", chunks);
    let got: Vec<String> = facts.secrets.iter().map(plain).collect();
    assert_eq!(got, [secret]);
    assert_eq!(facts.secrets[0].line, Some(1));
    assert_eq!(facts.secrets[0].offset, 129 * (1 << 16) + 9);
}

#[test]
fn keywords_without_end_do_not_hang_nor_flood() {
    for word in [
        "password=",
        "secret_token:",
        "://a:",
        "-----BEGIN RSA PRIVATE KEY-----",
        "twilio",
        "discord ",
        "curl -u ",
    ] {
        let chunk: Vec<u8> = word.bytes().cycle().take(200_000).collect();
        let start = std::time::Instant::now();
        let facts = scan("hostile", vec![chunk; 5]);
        assert!(facts.secrets.len() <= 200, "{word}");
        assert!(start.elapsed().as_secs() < 60, "{word}: {:?}", start.elapsed());
    }
}
