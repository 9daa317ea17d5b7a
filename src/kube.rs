//! What runs in a Kubernetes cluster, from what `kubectl get pods -A -o json` writes. Syntax only: knows no
//! registry.

use serde::Deserialize;
use std::collections::BTreeSet;

/// Why a text is no list of pods.
#[derive(Debug, thiserror::Error)]
pub enum PodsError {
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("neither a pod nor a list of pods (its kind is `{0}`)")]
    Kind(String),
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    items: Vec<Pod>,
    #[serde(flatten)]
    pod: Pod,
}

#[derive(Deserialize, Default)]
struct Pod {
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    containers: Vec<Container>,
    init_containers: Vec<Container>,
    ephemeral_containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
    ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    name: String,
    image: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    name: String,
    #[serde(rename = "imageID")]
    image_id: String,
}

/// The references of all containers, each once, in order. What really runs is pinned by the digest that
/// the node reports (`status.containerStatuses[].imageID`); a container that has not started yet is named
/// as its spec names it.
pub fn images_of_pods(json: &str) -> Result<Vec<String>, PodsError> {
    let document: Document = serde_json::from_str(json)?;
    let pods = match document.kind.as_str() {
        "List" | "PodList" => document.items,
        "Pod" => vec![document.pod],
        other => return Err(PodsError::Kind(other.chars().take(60).collect())),
    };
    let mut images = BTreeSet::new();
    for pod in pods {
        let (spec, status) = (pod.spec, pod.status);
        for (containers, statuses) in [
            (spec.containers, status.container_statuses),
            (spec.init_containers, status.init_container_statuses),
            (spec.ephemeral_containers, status.ephemeral_container_statuses),
        ] {
            for container in containers.into_iter().filter(|c| !c.image.is_empty()) {
                let id = statuses.iter().find(|s| s.name == container.name);
                let digest = id.and_then(|s| digest_of(&s.image_id));
                images.insert(match digest {
                    Some(digest) if !container.image.contains('@') => {
                        format!("{}@{digest}", container.image)
                    }
                    _ => container.image,
                });
            }
        }
    }
    Ok(images.into_iter().collect())
}

/// `docker-pullable://repo@sha256:…` and `repo@sha256:…` name a manifest; a bare `sha256:…` names a config
/// on the node, which no registry can be asked for.
fn digest_of(image_id: &str) -> Option<&str> {
    image_id.rsplit_once('@').map(|(_, digest)| digest).filter(|d| d.starts_with("sha"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_pinned_by_the_nodes_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let pods = serde_json::json!({"kind": "List", "items": [
            {"kind": "Pod",
             "spec": {"containers": [{"name": "a", "image": "shop:1.4"}, {"name": "b", "image": "quay.io/x/y:2"}],
                      "initContainers": [{"name": "i", "image": "busybox"}]},
             "status": {"containerStatuses": [
                {"name": "b", "imageID": format!("quay.io/x/y@{digest}")},
                {"name": "a", "imageID": format!("docker-pullable://shop@{digest}")}],
                "initContainerStatuses": [{"name": "i", "imageID": digest}]}},
            {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "busybox"}]}},
        ]});
        let images = images_of_pods(&pods.to_string()).unwrap();
        let want =
            ["busybox".to_owned(), format!("quay.io/x/y:2@{digest}"), format!("shop:1.4@{digest}")];
        assert_eq!(images, want);
    }

    #[test]
    fn what_is_no_list_of_pods_is_refused_by_its_kind() {
        assert!(matches!(images_of_pods("[]"), Err(PodsError::Json(_))));
        assert!(
            matches!(images_of_pods("{\"kind\":\"NodeList\"}"), Err(PodsError::Kind(k)) if k == "NodeList")
        );
        let one = "{\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"x\"}]}}";
        assert_eq!(images_of_pods(one).unwrap(), ["x"]);
    }
}
