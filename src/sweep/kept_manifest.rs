//! What of a manifest is needed to judge its image again: digests, sizes and types, and what it says of its
//! base. Everything else that its author wrote there is left out, and a secret in what is kept is masked.

use crate::analyze::secrets::Masker;
use crate::oci::{Descriptor, Document, Manifest};
use crate::source::{RepeatedKeys, resolve};
use serde_json::{Value, json};

/// Annotations with these keys are kept (annotations.md).
const KEPT: &str = "org.opencontainers.image.base.";

/// As a manifest in its own words, with what was odd on the way to it; `None` if `raw` is none.
pub(super) fn of(raw: &[u8], repeated: &[RepeatedKeys], masker: &Masker) -> Option<String> {
    let Ok(Document::Manifest(m)) = Document::parse(raw, None) else { return None };
    let repeated = repeated.iter().filter(|r| r.document != resolve::CONFIGURATION);
    let repeated: Vec<_> = repeated.map(|r| (&r.document, &r.fields)).collect();
    let mut out = reduced(&m, masker);
    out["repeated"] = json!(repeated);
    Some(out.to_string())
}

/// What was odd about the manifest itself and on the way to it: what had to be put right, and the keys that stand
/// more than once.
pub(super) fn said(kept: &str) -> (Vec<String>, Vec<RepeatedKeys>) {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Said {
        remarks: Vec<String>,
        repeated: Vec<(String, Vec<String>)>,
    }
    let said: Said = serde_json::from_str(kept).unwrap_or_default();
    let remarks = said.remarks.into_iter().map(|r| format!("the manifest: {r}"));
    let repeated =
        said.repeated.into_iter().map(|(document, fields)| RepeatedKeys { document, fields });
    (remarks.collect(), repeated.collect())
}

fn reduced(m: &Manifest, masker: &Masker) -> Value {
    let descriptor = |d: &Descriptor| {
        json!({
            "mediaType": masker.mask_sure(d.media_type.as_str()),
            "digest": d.digest.to_string(),
            "size": d.size,
        })
    };
    let said = m.annotations.iter().filter(|(key, _)| key.starts_with(KEPT));
    let said: serde_json::Map<String, Value> =
        said.map(|(k, v)| (masker.mask_sure(k), Value::from(masker.mask(v)))).collect();
    let mut out = json!({
        "schemaVersion": 2,
        "config": descriptor(&m.config),
        "layers": m.layers.iter().map(descriptor).collect::<Vec<_>>(),
        "annotations": said,
        "remarks": m.remarks.iter().map(|r| masker.mask_sentence(r)).collect::<Vec<_>>(),
    });
    if let Some(media_type) = &m.media_type {
        out["mediaType"] = Value::from(masker.mask_sure(media_type.as_str()));
    }
    if let Some(kind) = &m.artifact_type {
        out["artifactType"] = Value::from(masker.mask_sure(kind));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::secrets::{KnownSecrets, Patterns};

    #[test]
    fn only_what_is_needed_stays() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let layer = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": digest, "size": 3, "urls": ["https://u:p@h.example.test/"],
            "annotations": {"note": "hunter2"}});
        let raw = json!({"schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest, "size": 2},
            "layers": [layer],
            "annotations": {"org.opencontainers.image.base.name": "debian:12", "note": "hunter2"},
            "unknown": "hunter2"});
        let patterns = Patterns::builtin();
        let masker = Masker::new(&patterns, KnownSecrets::default());
        let repeated = ["the index", "the configuration"]
            .map(|d| RepeatedKeys { document: d.to_owned(), fields: vec!["a".to_owned()] });
        let kept = of(raw.to_string().as_bytes(), &repeated, &masker).unwrap();
        assert!(!kept.contains("hunter2") && !kept.contains("u:p@"), "{kept}");
        let Ok(Document::Manifest(m)) = Document::parse(kept.as_bytes(), None) else { panic!() };
        assert_eq!((m.layers.len(), m.layers[0].size, m.config.size), (1, 3, 2));
        assert_eq!(m.annotations.len(), 1);
        assert_eq!(said(&kept), (Vec::new(), repeated[..1].to_vec()));
        assert_eq!(of(b"{}", &[], &masker), None);
    }
}
