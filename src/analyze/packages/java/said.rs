//! What an archive says of itself: `META-INF/MANIFEST.MF` and Maven's `pom.properties`.

use crate::analyze::packages::collect::text;
use crate::analyze::packages::zip::Kept;

/// Archives that one manifest may name.
const CLASS_PATH: usize = 500;
/// Bytes of a name or a version.
const WORD: usize = 300;

#[derive(Debug, Default)]
pub(super) struct Said {
    /// There is one, with or without a version.
    pub manifest: bool,
    pub manifest_version: Option<String>,
    /// Other archives beside it, as the manifest names them (JAR file specification, `Class-Path`).
    pub class_path: Vec<String>,
    pub poms: Vec<Pom>,
}

/// One artifact, by a `pom.properties` (Maven Archiver's reference, `addMavenDescriptor`).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pom {
    pub group: Option<String>,
    pub artifact: String,
    pub version: String,
    /// The path of the properties.
    pub path: String,
}

impl Said {
    pub fn of(kept: &[Kept]) -> Self {
        let mut said = Self::default();
        for one in kept {
            let text = text(&one.bytes);
            if one.name.ends_with("/pom.properties") {
                said.poms.extend(pom(&text, &one.name));
            } else if !said.manifest {
                said.manifest(&text);
            }
        }
        // Shading may merge the same artifact in twice.
        let mut seen = std::collections::HashSet::new();
        said.poms.retain(|p| seen.insert((p.group.clone(), p.artifact.clone(), p.version.clone())));
        said
    }

    fn manifest(&mut self, text: &str) {
        self.manifest = true;
        // A line that begins with a blank goes on with the one before. The attributes of the archive itself end at
        // the first empty line.
        let unfolded = text.replace("\r\n", "\n").replace("\n ", "");
        let main = unfolded.split("\n\n").next().unwrap_or_default();
        let archives = main.lines().find_map(|l| l.strip_prefix("Class-Path:"));
        let archives = archives.unwrap_or_default().split_whitespace();
        self.class_path = archives
            .filter(|a| a.ends_with(".jar") && !a.contains(':') && a.len() < 200)
            .take(CLASS_PATH)
            .map(str::to_owned)
            .collect();
        self.manifest_version = value(main, "Implementation-Version", ':')
            .or_else(|| value(main, "Bundle-Version", ':'));
    }
}

fn pom(text: &str, path: &str) -> Option<Pom> {
    Some(Pom {
        group: value(text, "groupId", '='),
        artifact: value(text, "artifactId", '=')?,
        version: value(text, "version", '=')?,
        path: path.to_owned(),
    })
}

fn value(text: &str, key: &str, mark: char) -> Option<String> {
    text.lines().find_map(|l| {
        let (k, v) = l.split_once(mark)?;
        let v = v.trim();
        (k.trim() == key && !v.is_empty() && v.len() <= WORD).then(|| v.to_owned())
    })
}
