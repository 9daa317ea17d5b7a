//! JSON and references, as registries, archives and users write them.

use crate::Target;
use careen::image::history::History;
use careen::oci::{Digest, Document, ImageConfig, Reference};
use careen::source::docker_manifest;
use careen::source::locator::{Locator, PathKind};
use careen::source::registry::{AuthSource, Credentials, Helpers};
use careen::text::Redacted;

pub const TARGETS: &[(&str, Target)] = &[
    ("manifest", manifest),
    ("config", config),
    ("docker-manifest", archive),
    ("reference", reference),
    ("docker-config", docker_config),
    ("pods", pods),
];

fn manifest(data: &[u8]) -> bool {
    let _ = Document::parse(data, None);
    true
}

fn config(data: &[u8]) -> bool {
    if let Ok((config, _)) = ImageConfig::parse(data) {
        for layers in [0, 1, 5] {
            let history = History::new(&config, layers);
            let _ = (history.base_name(), history.is_base(0), history.of_layer(layers));
        }
        let _ = config.platform();
    }
    true
}

fn archive(data: &[u8]) -> bool {
    for image in docker_manifest::parse("a.tar", data).unwrap_or_default().images {
        let _ = image.claimed_config();
    }
    true
}

fn reference(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let _ = text.parse::<Digest>();
    if let Ok(reference) = text.parse::<Reference>() {
        // What it is called by is the same image again.
        let again = reference.to_string().parse::<Reference>();
        assert!(again.is_ok_and(|a| a == reference), "{text}");
    }
    let _ = careen::oci::without_password(text);
    for kind in [PathKind::Missing, PathKind::Layout, PathKind::File, PathKind::Directory] {
        let _ = Locator::parse_with(text, &|_| kind);
    }
    true
}

fn docker_config(data: &[u8]) -> bool {
    let Ok(text) = String::from_utf8(data.to_vec()) else { return false };
    let text = AuthSource::Text { from: "a variable".to_owned(), text: Redacted::new(text) };
    // Nothing is run: a helper would be a program of the machine.
    let credentials =
        Credentials { auth_sources: vec![text], helpers: Helpers::Never, ..Credentials::default() };
    for reference in ["debian", "r.example/team/app"] {
        let _ = reference.parse::<Reference>().map(|r| credentials.find(&r));
    }
    true
}

fn pods(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let _ = careen::kube::images_of_pods(text);
    true
}
