//! The registry source against Debian's real `docker-registry`.

use crate::support::registry::{Auth, PASSWORD, Registry, USER};
use crate::support::tls::pki;
use crate::support::token_server::TokenServer;
use careen::oci::{Digest, Platform};
use careen::source::registry::{
    AuthSource, Credentials, Helpers, Login, RegistryError, RegistrySettings, RegistrySource,
};
use careen::source::{PlatformChoice, Source, SourceError};
use std::io::Read;
use std::path::Path;
use tempfile::TempDir;

/// A layout with one image of one layer, tagged `1`. The layer is some MB, so that it comes in many
/// chunks, and gzip-compressed, so that its bytes are not the tar's.
struct Image {
    folder: TempDir,
    manifest: Digest,
    layer: Vec<u8>,
}

fn image() -> Image {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let blobs = folder.path().join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8]| {
        let digest = Digest::sha256(bytes);
        std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
        digest
    };
    let mut noise = vec![0u8; 3_000_000];
    let mut state = 1u32;
    for b in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *b = (state >> 24) as u8;
    }
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(noise.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "noise", noise.as_slice()).unwrap();
    let tar = tar.into_inner().unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&tar).unwrap();
    let layer = gz.finish().unwrap();
    let layer_digest = put(&layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Cmd":["/x"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        Digest::sha256(&tar)
    );
    let config_digest = put(config.as_bytes());
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{layer_digest}","size":{}}}]}}"#,
        config.len(),
        layer.len()
    );
    let manifest_digest = put(manifest.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest_digest}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"1"}}}}]}}"#,
        manifest.len()
    );
    std::fs::write(folder.path().join("index.json"), index).unwrap();
    std::fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    Image { folder, manifest: manifest_digest, layer }
}

fn settings() -> RegistrySettings {
    RegistrySettings {
        credentials: Credentials { helpers: Helpers::Never, ..Credentials::default() },
        ..RegistrySettings::default()
    }
}

fn with_login(login: Login) -> RegistrySettings {
    let mut s = settings();
    s.credentials.explicit = Some(login);
    s
}

fn with_file(file: &Path) -> RegistrySettings {
    let mut s = settings();
    s.credentials.auth_sources = vec![AuthSource::File(file.to_owned())];
    s
}

fn source(host: &str, rest: &str, settings: RegistrySettings) -> RegistrySource {
    RegistrySource::new(format!("{host}/app/x{rest}").parse().unwrap(), settings).unwrap()
}

fn any() -> PlatformChoice {
    PlatformChoice::One { platform: Platform::host(), named_by_user: false }
}

/// Resolves, reads the layer and compares every byte.
fn check(source: &RegistrySource, image: &Image) {
    let found = source.resolve(&any()).unwrap();
    let [found] = found.images.as_slice() else { panic!("one image") };
    assert_eq!(found.digest, Some(image.manifest));
    assert_eq!(found.config.config.cmd, ["/x"]);
    let mut bytes = Vec::new();
    source.open(&found.layers[0]).unwrap().read_to_end(&mut bytes).unwrap();
    assert!(bytes == image.layer, "the layer's bytes");
}

fn refused(source: &RegistrySource) -> RegistryError {
    match source.resolve(&any()) {
        Err(SourceError::Registry(e)) => e,
        other => panic!("{other:?}"),
    }
}

#[test]
fn anonymous_by_tag_and_by_digest() {
    let image = image();
    let registry = Registry::start(Auth::Anonymous, None);
    registry.push(image.folder.path(), None);
    check(&source(&registry.host, ":1", settings()), &image);
    let pinned = source(&registry.host, &format!("@{}", image.manifest), settings());
    check(&pinned, &image);
    assert!(pinned.resolve(&any()).unwrap().images[0].pinned);
    assert_eq!(pinned.tags().unwrap().names, ["1"]);
    let e = refused(&source(&registry.host, ":absent", settings()));
    assert_eq!(e.status(), Some(404));
    let text = e.to_string();
    assert!(
        text.contains("app/x") && text.contains("absent") && text.contains("MANIFEST_UNKNOWN"),
        "{text}"
    );
}

#[test]
fn htpasswd() {
    let image = image();
    let registry = Registry::start(Auth::Htpasswd, None);
    registry.push(image.folder.path(), Some(&format!("{USER}:{PASSWORD}")));
    let good = Login::password(USER, PASSWORD);
    check(&source(&registry.host, ":1", with_login(good)), &image);

    let e = refused(&source(&registry.host, ":1", settings()));
    assert_eq!(e.status(), Some(401));
    assert!(e.hint().unwrap().contains("--username"), "{:?}", e.hint());
    let bad = Login::password(USER, "hunter2hunter2");
    let e = refused(&source(&registry.host, ":1", with_login(bad)));
    assert_eq!(e.status(), Some(401));
    assert!(!format!("{e} {e:?}").contains("hunter2"));
}

#[test]
fn bearer_token_by_password_by_file_and_by_identity_token() {
    let image = image();
    let tokens = TokenServer::start(USER, PASSWORD, "refresh-me");
    let realm = format!("http://{}/token", tokens.server.host);
    let registry =
        Registry::start(Auth::Token { realm: &realm, certificate: &tokens.certificate }, None);
    registry.push(image.folder.path(), Some(&format!("{USER}:{PASSWORD}")));
    let before = tokens.server.asked().len();
    let good = Login::password(USER, PASSWORD);
    check(&source(&registry.host, ":1", with_login(good)), &image);
    assert_eq!(
        tokens.server.asked().len() - before,
        1,
        "one login serves manifest, config and layer"
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let json = serde_json::json!({"auths": {registry.host.as_str(): {"auth": "Og==", "identitytoken": "refresh-me"}}});
    std::fs::write(&file, json.to_string()).unwrap();
    check(&source(&registry.host, ":1", with_file(&file)), &image);
    let last = tokens.server.asked().pop().unwrap();
    assert_eq!(last.method, "POST");
    assert!(last.body.contains("grant_type=refresh_token"));

    let e =
        refused(&source(&registry.host, ":1", with_login(Login::password(USER, "not-the-one"))));
    assert!(matches!(e, RegistryError::Login { .. }), "{e:?}");
    let text = e.to_string();
    assert!(
        text.contains(&tokens.server.host)
            && text.contains(&registry.host)
            && text.contains("wrong password"),
        "{text}"
    );
}

#[test]
fn tls_with_an_own_ca() {
    let image = image();
    let pki = pki();
    let registry = Registry::start(Auth::Anonymous, Some(&pki));
    registry.push(image.folder.path(), None);
    let ca = image.folder.path().join("ca.pem");
    std::fs::write(&ca, &pki.ca).unwrap();
    let mut trusting = settings();
    trusting.ca_files = vec![ca];
    check(&source(&registry.host, ":1", trusting), &image);

    let mut blind = settings();
    blind.insecure_skip_verify = true;
    check(&source(&registry.host, ":1", blind), &image);

    let e = refused(&source(&registry.host, ":1", settings()));
    assert!(e.to_string().contains("certificate"), "{e}");
    assert!(e.hint().unwrap().contains("--ca-file"));
}

#[test]
fn a_ca_file_that_is_none_is_named() {
    let mut s = settings();
    s.ca_files = vec!["/nonexistent/ca.pem".into()];
    let e = RegistrySource::new("localhost:1/x".parse().unwrap(), s).err().unwrap();
    assert!(e.to_string().contains("/nonexistent/ca.pem"), "{e}");
}
