//! How a Dockerfile names the image as it is, to take files from it.

use super::Evidence;

/// A name that a builder is given for an image that no registry has.
const LOCAL: &str = "present-image";

/// The image as `FROM` and `COPY --from` have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Present {
    pub name: String,
    /// What has to be done for a builder to find it.
    pub remark: Option<String>,
}

pub(super) fn present(evidence: &Evidence) -> Present {
    let found = &evidence.facts.image.found;
    match found.digest.filter(|_| !found.is_local) {
        Some(digest) => pinned(&found.reference, &digest.to_string()),
        None => Present {
            name: LOCAL.to_owned(),
            remark: Some(format!(
                "{LOCAL} is the image as it is now: build with --build-context \
                 {LOCAL}=docker-image://NAME of the loaded image, or {LOCAL}=oci-layout://FOLDER:TAG"
            )),
        },
    }
}

/// `registry/name@digest` of `registry/name:tag` or of what is pinned already.
fn pinned(reference: &str, digest: &str) -> Present {
    let name = reference.split('@').next().unwrap_or(reference);
    let tag = name.rfind(':').filter(|&at| !name[at..].contains('/'));
    let name = tag.map_or(name, |at| &name[..at]);
    Present { name: format!("{name}@{digest}"), remark: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_a_registry_is_named_by_its_digest() {
        for (reference, want) in [
            ("registry.example.com:5000/team/shop:1.4", "registry.example.com:5000/team/shop@d"),
            ("registry.example.com:5000/team/shop@other", "registry.example.com:5000/team/shop@d"),
            ("docker.io/library/nginx", "docker.io/library/nginx@d"),
        ] {
            assert_eq!(pinned(reference, "d"), Present { name: want.into(), remark: None });
        }
    }
}
