//! .NET's packages: `APP.deps.json` beside the program, which lists what it was built with and the files of each
//! (.NET's documentation, "runtime configuration file"; the format of `Microsoft.Extensions.DependencyModel`).

use super::capped::MostPairs;
use super::whole::{Read, Stated, Statement};
use crate::analyze::{Facts, OwnedFiles, PackageKind, PackageRecord};
use crate::layer::LayerPath;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;

/// Packages of one program.
const PACKAGES: usize = 20_000;
/// Files of one package.
const FILES: usize = 20_000;
/// Frameworks and machines that one file may be for.
const TARGETS: usize = 20;

pub struct Dotnet;

#[derive(Deserialize)]
struct Deps {
    #[serde(default)]
    targets: MostPairs<MostPairs<Assets, PACKAGES>, TARGETS>,
    #[serde(default)]
    libraries: MostPairs<Library, PACKAGES>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type")]
    kind: Option<String>,
}

type Files = MostPairs<IgnoredAny, FILES>;

/// The files of one package by their paths in it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Assets {
    runtime: Files,
    native: Files,
    resources: Files,
    #[serde(rename = "runtimeTargets")]
    of_machines: Files,
}

impl Statement for Dotnet {
    const ID: &'static str = "dotnet";
    const VERSION: u32 = 1;
    const KIND: PackageKind = PackageKind::Nuget;
    const CAP: usize = 8 << 20;

    fn is_one(path: &LayerPath) -> bool {
        path.name().ends_with(b".deps.json")
    }
}

impl Read for Dotnet {
    fn read(file: &mut Stated, facts: &mut Facts) -> Result<(), String> {
        let bytes = file.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file.bytes);
        let deps: Deps = serde_json::from_slice(bytes)
            .map_err(|e| format!("not a list of .NET's dependencies: {e}"))?;
        let dir = file.path.parent().unwrap_or_default();
        let mut assets: HashMap<&str, Vec<&Assets>> = HashMap::new();
        for (name, one) in deps.targets.list.iter().flat_map(|(_, target)| &target.list) {
            assets.entry(name).or_default().push(one);
        }
        for (whole, library) in &deps.libraries.list {
            let kind = library.kind.as_deref().unwrap_or_default().to_ascii_lowercase();
            let (Some((name, version)), "package" | "runtimepack") =
                (whole.rsplit_once('/'), kind.as_str())
            else {
                continue;
            };
            // The runtime that a program brings itself, named after the package that it is from.
            let name = name.strip_prefix("runtimepack.").unwrap_or(name);
            if name.is_empty() {
                continue;
            }
            let own = assets.get(whole.as_str()).into_iter().flatten();
            let names: Vec<&str> = own.flat_map(|a| a.published()).collect();
            let paths: Vec<LayerPath> = names.iter().filter_map(|n| file.below(&dir, n)).collect();
            if !paths.is_empty() {
                facts.owned.push(OwnedFiles {
                    entry: file.entry,
                    kind: PackageKind::Nuget,
                    package: name.to_owned(),
                    paths,
                });
            }
            facts.packages.push(PackageRecord {
                entry: file.entry,
                name: name.to_owned(),
                version: version.to_owned(),
                ..PackageRecord::of(PackageKind::Nuget)
            });
        }
        match deps.libraries.over {
            true => Err("more packages than are read from one list".to_owned()),
            false => Ok(()),
        }
    }
}

impl Assets {
    /// Where publishing puts the files, from the program's folder: flat, those in a language below its name, and
    /// those for one of several machines as they stand in the package.
    fn published(&self) -> impl Iterator<Item = &str> {
        let last = |path: &'_ str, parts: usize| {
            let at = path.rmatch_indices('/').nth(parts - 1);
            at.map_or(0, |(at, _)| at + 1)
        };
        let flat = self.runtime.list.iter().chain(&self.native.list);
        let flat = flat.map(move |(path, _)| &path[last(path, 1)..]);
        let languages = self.resources.list.iter().map(move |(path, _)| &path[last(path, 2)..]);
        flat.chain(languages).chain(self.of_machines.list.iter().map(|(path, _)| path.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::super::whole::Whole;
    use super::*;

    #[test]
    fn packages_with_the_files_that_were_published() {
        let text = r#"{"runtimeTarget": {"name": ".NETCoreApp,Version=v8.0"}, "targets": {".NETCoreApp,Version=v8.0": {
            "App/1.0.0": {"runtime": {"App.dll": {}}},
            "Humanizer/2.14.1": {"runtime": {"lib/net6.0/Humanizer.dll": {"assemblyVersion": "2.14.0.0"}},
                "resources": {"lib/net6.0/de/Humanizer.resources.dll": {"locale": "de"}},
                "runtimeTargets": {"runtimes/unix/lib/net6.0/H.dll": {"rid": "unix"}}},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"native": {"libclrjit.so": {}}}}},
            "libraries": {"App/1.0.0": {"type": "project"},
            "Humanizer/2.14.1": {"type": "package", "path": "humanizer/2.14.1"},
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"type": "runtimepack"},
            "x": {"type": "package"}}}"#;
        let facts = feed(&mut Whole::<Dotnet>::default(), "app/App.deps.json", text.as_bytes(), 99);
        let seen: Vec<_> =
            facts.packages.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        assert_eq!(
            seen,
            [("Humanizer", "2.14.1"), ("Microsoft.NETCore.App.Runtime.linux-x64", "8.0.1")]
        );
        assert_eq!(
            facts.owned[0].paths,
            [
                "app/Humanizer.dll",
                "app/de/Humanizer.resources.dll",
                "app/runtimes/unix/lib/net6.0/H.dll"
            ]
            .map(LayerPath::from)
        );
        assert_eq!(facts.owned[1].paths, [LayerPath::from("app/libclrjit.so")]);
    }
}
