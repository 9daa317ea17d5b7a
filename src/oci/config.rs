//! The image configuration (config.md), with the fields that only Docker writes (`Healthcheck`,
//! `OnBuild`, `Shell`).

use super::go_json::{self, JsonError, Present, go_struct};
use super::{DiffId, Platform, Steps};
use std::collections::{BTreeMap, HashSet};

/// How the image is run and how it came to be.
#[derive(Clone, Debug, Default)]
pub struct ImageConfig {
    /// RFC 3339, as written.
    pub created: Option<String>,
    pub author: Option<String>,
    pub architecture: String,
    pub os: String,
    pub variant: Option<String>,
    pub os_version: Option<String>,
    pub config: ContainerConfig,
    pub rootfs: RootFs,
    pub history: Steps,
    /// Where a key stands more than once: the strings that no reader takes any more, as `key=value` where they
    /// have a key. They are still there for everybody to see.
    pub replaced: Vec<String>,
    /// Fields that stand more than once, such as `config.Env`.
    pub repeated: Vec<String>,
}

go_struct!(ImageConfig {
    "created" => created,
    "author" => author,
    "architecture" => architecture,
    "os" => os,
    "variant" => variant,
    "os.version" => os_version,
    "config" => config,
    "rootfs" => rootfs,
    "history" => history,
});

/// The layers, by what their tars hash to.
#[derive(Clone, Debug, Default)]
pub struct RootFs {
    /// As written: [`RootFs::diff_id`] reads them.
    pub diff_ids: Vec<String>,
}

go_struct!(RootFs { "diff_ids" => diff_ids });

impl RootFs {
    /// What the tar of this layer is said to hash to; `None` where nothing is said, or no digest.
    pub fn diff_id(&self, layer: usize) -> Option<DiffId> {
        self.diff_ids.get(layer)?.parse().ok().map(DiffId)
    }

    /// What is odd about them, beside a manifest with so many layers.
    pub fn remark(&self, layers: usize) -> Option<String> {
        let declared = self.diff_ids.len();
        if declared != layers {
            return Some(format!(
                "manifest has {layers} layers but config has {declared} diff ids"
            ));
        }
        let odd = (0..declared).find(|n| self.diff_id(*n).is_none())?;
        Some(format!("what the config declares as diff id of layer {odd} is no digest"))
    }
}

/// The execution parameters.
#[derive(Clone, Debug, Default)]
pub struct ContainerConfig {
    pub user: String,
    /// `NAME=value`.
    pub env: Vec<String>,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub working_dir: String,
    pub exposed_ports: BTreeMap<String, Present>,
    pub volumes: BTreeMap<String, Present>,
    pub labels: BTreeMap<String, String>,
    pub stop_signal: Option<String>,
    pub healthcheck: Option<HealthcheckConfig>,
    pub shell: Vec<String>,
    pub on_build: Vec<String>,
}

go_struct!(ContainerConfig {
    "User" => user,
    "Env" => env,
    "Entrypoint" => entrypoint,
    "Cmd" => cmd,
    "WorkingDir" => working_dir,
    "ExposedPorts" => exposed_ports,
    "Volumes" => volumes,
    "Labels" => labels,
    "StopSignal" => stop_signal,
    "Healthcheck" => healthcheck,
    "Shell" => shell,
    "OnBuild" => on_build,
});

/// Docker's `HEALTHCHECK`; durations are nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct HealthcheckConfig {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", line]`.
    pub test: Vec<String>,
    pub interval: Option<i64>,
    pub timeout: Option<i64>,
}

go_struct!(HealthcheckConfig { "Test" => test, "Interval" => interval, "Timeout" => timeout });

/// One step of the build, oldest first.
#[derive(Clone, Debug, Default)]
pub struct HistoryEntry {
    pub created: Option<String>,
    pub created_by: String,
    pub comment: String,
    pub author: String,
    /// The step made no layer.
    pub empty_layer: bool,
}

go_struct!(HistoryEntry {
    "created" => created,
    "created_by" => created_by,
    "comment" => comment,
    "author" => author,
    "empty_layer" => empty_layer,
});

impl ImageConfig {
    /// Reads a document as the programs in Go that run images do, and says what others may read
    /// otherwise.
    ///
    /// # Errors
    /// Where Go's reading ends in one, too.
    pub fn parse(raw: &[u8]) -> Result<(Self, Vec<String>), JsonError> {
        let read: go_json::Unmarshalled<Self> = go_json::unmarshal(raw)?;
        let mut remarks = read.remarks();
        let mut config = read.value;
        if !read.repeated.is_empty() {
            match go_json::strings(raw) {
                Some(all) => config.replaced = config.without_own(all),
                None => remarks.push("what a repeated key held first was not looked at".to_owned()),
            }
        }
        config.repeated = read.repeated;
        Ok((config, remarks))
    }

    /// Strings that are not among its own.
    fn without_own(&self, all: Vec<(String, String)>) -> Vec<String> {
        let c = &self.config;
        let test = c.healthcheck.iter().flat_map(|h| &h.test);
        let lists = [&c.env, &c.entrypoint, &c.cmd, &c.shell, &c.on_build, &self.rootfs.diff_ids];
        let of_step =
            |s: &'_ HistoryEntry| [s.created_by.clone(), s.comment.clone(), s.author.clone()];
        let mut own: HashSet<String> = lists.into_iter().flatten().chain(test).cloned().collect();
        own.extend(c.labels.values().chain([&c.user, &c.working_dir]).cloned());
        own.extend(self.history.iter().flat_map(of_step));
        let replaced = all.into_iter().filter(|(_, value)| !own.contains(value));
        let text = |(key, value): (String, String)| {
            if key.is_empty() { value } else { format!("{key}={value}") }
        };
        replaced.map(text).collect()
    }

    /// Whether it is an image for Windows: what is said of Linux is not true there.
    pub fn is_windows(&self) -> bool {
        self.os.eq_ignore_ascii_case("windows")
    }

    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone().filter(|v| !v.is_empty()),
            os_version: self.os_version.clone().filter(|v| !v.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_empty() {
        let (c, remarks) = ImageConfig::parse(
            br#"{"architecture":"amd64","os":"linux","config":{"Env":null,"Cmd":null,"Labels":null,"User":null},
                "rootfs":{"type":"layers","diff_ids":null},"history":null}"#,
        )
        .unwrap();
        assert!(remarks.is_empty());
        assert!(c.config.env.is_empty() && c.history.is_empty() && c.rootfs.diff_ids.is_empty());
        assert_eq!(c.platform().to_string(), "linux/amd64");
    }

    /// As nixery.dev and an image of Microsoft's registry have them.
    #[test]
    fn keys_are_read_in_any_case() {
        let (c, remarks) = ImageConfig::parse(
            br#"{"Architecture":"arm64","OS":"linux","config":{"cmd":["bash"],"env":["A=1"],"user":"7",
                "exposedports":{"80/tcp":null},"HEALTHCHECK":{"test":["NONE"]}},
                "rootfS":{"Diff_Ids":["sha256:0"]},"History":[null,{"CREATED_BY":"RUN x"}]}"#,
        )
        .unwrap();
        assert!(remarks.is_empty());
        assert_eq!(c.platform().to_string(), "linux/arm64");
        assert_eq!((c.config.cmd, c.config.env), (vec!["bash".to_owned()], vec!["A=1".to_owned()]));
        assert_eq!((c.config.user.as_str(), c.config.exposed_ports.len()), ("7", 1));
        assert_eq!(c.config.healthcheck.unwrap().test, ["NONE"]);
        assert_eq!((c.rootfs.diff_ids.len(), c.rootfs.diff_id(0)), (1, None));
        assert_eq!((c.history.len(), c.history[1].created_by.as_str()), (2, "RUN x"));
    }

    #[test]
    fn the_last_of_equal_keys_counts_and_is_told() {
        let (c, remarks) = ImageConfig::parse(
            br#"{"config":{"User":"1000","Env":["A=1"],"WorkingDir":"/w"},"Config":{"User":"root","env":["B=2"]},
                "rootfs":{"diff_ids":["a"]},"RootFS":{"diff_ids":["b","c"]}}"#,
        )
        .unwrap();
        assert_eq!((c.config.user.as_str(), c.config.working_dir.as_str()), ("root", "/w"));
        assert_eq!((c.config.env, c.rootfs.diff_ids.len()), (vec!["B=2".to_owned()], 2));
        assert!(remarks.is_empty());
        assert_eq!(c.repeated, ["config", "rootfs"]);
        assert_eq!(c.replaced, ["User=1000", "A=1", "a"]);
    }
}
