//! Which repositories and tags are meant: globs, versions, age. Knows names only.

use super::SweepError;
use super::store::TagPolicy;
use crate::oci::Platform;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The user's choice of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagChoice {
    All,
    /// The newest N of each repository.
    Newest(u32),
    /// The highest version of each repository that is no pre-release.
    LatestVersion,
}

impl std::str::FromStr for TagChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is none of `all`, `newest:N` and `semver:latest`");
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            Some(("newest", n)) => match n.parse() {
                Ok(n) if n > 0 => Ok(Self::Newest(n)),
                _ => Err(wrong()),
            },
            Some(("semver", "latest")) => Ok(Self::LatestVersion),
            _ => Err(wrong()),
        }
    }
}

/// Everything that narrows a sweep.
#[derive(Clone, Debug)]
pub struct Selection {
    repositories: GlobSet,
    tags: GlobSet,
    exclude: GlobSet,
    pub choice: TagChoice,
    /// Only images created at or after this, in seconds since 1970.
    pub since: Option<i64>,
    /// Only these; empty: all.
    pub platforms: Vec<Platform>,
}

impl Selection {
    /// `repositories` and `tags` are globs; without one, all are meant. `exclude` fits `repository` or
    /// `repository:tag`.
    pub fn new(
        repositories: &[String],
        tags: &[String],
        exclude: &[String],
    ) -> Result<Self, SweepError> {
        Ok(Self {
            repositories: globs(repositories)?,
            tags: globs(tags)?,
            exclude: globs(exclude)?,
            choice: TagChoice::All,
            since: None,
            platforms: Vec::new(),
        })
    }

    pub fn wants_repository(&self, name: &str) -> bool {
        (self.repositories.is_empty() || self.repositories.is_match(name))
            && !self.exclude.is_match(name)
    }

    /// Those of a repository's tags that are to be asked for.
    pub fn tags(&self, repository: &str, tags: Vec<String>) -> Vec<String> {
        let wanted = |tag: &String| {
            (self.tags.is_empty() || self.tags.is_match(tag))
                && !self.exclude.is_match(format!("{repository}:{tag}"))
        };
        let wanted: Vec<String> = tags.into_iter().filter(wanted).collect();
        match self.choice {
            TagChoice::LatestVersion => latest_version(wanted).into_iter().collect(),
            TagChoice::All | TagChoice::Newest(_) => wanted,
        }
    }

    /// Whether something is left out by name: what is not met then is not gone.
    pub fn is_narrowed(&self) -> bool {
        !self.repositories.is_empty()
            || !self.tags.is_empty()
            || !self.exclude.is_empty()
            || self.choice == TagChoice::LatestVersion
    }

    /// How the store chooses among the tags that were met.
    pub fn policy(&self) -> TagPolicy {
        match self.choice {
            TagChoice::Newest(n) => TagPolicy::Newest(n),
            TagChoice::All | TagChoice::LatestVersion => TagPolicy::All,
        }
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, SweepError> {
    let wrong = |glob: &str, e: globset::Error| SweepError::Glob {
        glob: glob.to_owned(),
        why: e.kind().to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let built = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(built.map_err(|e| wrong(pattern, e))?);
    }
    set.build().map_err(|e| wrong("", e))
}

/// The tag of the highest version by semver's order; `v1.2` counts as `1.2.0`. Of two names of one
/// version the more exact one.
fn latest_version(tags: Vec<String>) -> Option<String> {
    let version = |tag: &str| {
        let bare = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        if !bare.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        // A variant (`1.2-alpine`) is no pre-release, but no plain version either.
        let parts = bare.split('.').count();
        let whole = match parts {
            1 => format!("{bare}.0.0"),
            2 => format!("{bare}.0"),
            _ => bare.to_owned(),
        };
        let parsed = semver::Version::parse(&whole).ok().filter(|v| v.pre.is_empty())?;
        Some((parsed, parts))
    };
    tags.into_iter().filter_map(|t| Some((version(&t)?, t))).max().map(|(_, t)| t)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn globs_narrow_and_exclude() {
        let s = Selection::new(
            &strings(&["team/*"]),
            &strings(&["v*", "main"]),
            &strings(&["team/old", "*/x:v0*"]),
        )
        .unwrap();
        assert!(s.wants_repository("team/x") && !s.wants_repository("team/a/b"));
        assert!(!s.wants_repository("team/old") && !s.wants_repository("x"));
        let tags = strings(&["v0.1", "v1", "main", "pr-7"]);
        assert_eq!(s.tags("team/x", tags.clone()), strings(&["v1", "main"]));
        assert_eq!(s.tags("team/y", tags), strings(&["v0.1", "v1", "main"]));
        assert!(matches!(
            Selection::new(&strings(&["a["]), &[], &[]),
            Err(SweepError::Glob { .. })
        ));
    }

    #[test]
    fn the_latest_version_is_semvers_and_no_pre_release() {
        let latest = |tags: &[&str]| latest_version(strings(tags));
        assert_eq!(latest(&["1.9.0", "1.10.0", "1.11.0-rc.1", "latest"]).unwrap(), "1.10.0");
        assert_eq!(latest(&["v2", "v2.0", "v2.0.0"]).unwrap(), "v2.0.0");
        assert_eq!(latest(&["latest", "main"]), None);
        assert_eq!(latest(&["3-alpine", "2"]).unwrap(), "2");
    }

    #[test]
    fn choices_are_read() {
        assert_eq!("newest:3".parse(), Ok(TagChoice::Newest(3)));
        assert_eq!("semver:latest".parse(), Ok(TagChoice::LatestVersion));
        assert_eq!("all".parse(), Ok(TagChoice::All));
        for bad in ["", "newest", "newest:0", "semver:3", "newest:-1"] {
            assert!(bad.parse::<TagChoice>().is_err(), "{bad}");
        }
    }
}
