//! Package URLs (<https://github.com/package-url/purl-spec>): the name by which other tools know a
//! package or an image.
//!
//! A name that no type of URL fits has none: a wrong one would be looked up as another package.

use super::model::{ImageIdentity, PackageReport};
use crate::analyze::PackageKind;
use packageurl::PackageUrl;
use std::str::FromStr;

/// `pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12`. A Java archive that says no group has none,
/// since Maven's type wants one.
pub(super) fn of_package(package: &PackageReport, image: &ImageIdentity) -> Option<String> {
    let system = |ty| {
        // Packages of another system's database would be looked up among this one's, and a bill of two
        // systems is refused by some readers.
        let own = image.os_id.as_deref().and_then(database_of).is_none_or(|k| k == package.kind);
        own.then(|| of_system_package(ty, package, image)).flatten()
    };
    match package.kind {
        PackageKind::Dpkg => system("deb"),
        PackageKind::Apk => system("apk"),
        PackageKind::Rpm => system("rpm"),
        PackageKind::Python => of_module("pypi", None, &package.name, package),
        PackageKind::Gem => of_module("gem", None, &package.name, package),
        PackageKind::Nuget => of_module("nuget", None, &package.name, package),
        PackageKind::Conda => of_conda_package(package),
        // What is not from crates.io would be looked up there.
        PackageKind::Rust if package.namespace.is_some() => None,
        PackageKind::Rust => of_module("cargo", None, &package.name, package),
        PackageKind::Node | PackageKind::Go | PackageKind::Composer => {
            let ty = match package.kind {
                PackageKind::Go => "golang",
                PackageKind::Composer => "composer",
                _ => "npm",
            };
            match package.name.rsplit_once('/') {
                Some((namespace, name)) => of_module(ty, Some(namespace), name, package),
                None => of_module(ty, None, &package.name, package),
            }
        }
        PackageKind::Java => {
            of_module("maven", Some(package.namespace.as_deref()?), &package.name, package)
        }
    }
}

/// `pkg:conda/numpy@1.26.4?channel=conda-forge&subdir=linux-64`.
fn of_conda_package(package: &PackageReport) -> Option<String> {
    let mut url = module("conda", None, &package.name, package)?;
    if let Some(channel) = &package.namespace {
        url.add_qualifier("channel", channel.as_str()).ok()?;
    }
    if let Some(subdir) = &package.architecture {
        url.add_qualifier("subdir", subdir.as_str()).ok()?;
    }
    readable(&url)
}

fn of_module(
    ty: &str,
    namespace: Option<&str>,
    name: &str,
    package: &PackageReport,
) -> Option<String> {
    readable(&module(ty, namespace, name, package)?)
}

fn module(
    ty: &str,
    namespace: Option<&str>,
    name: &str,
    package: &PackageReport,
) -> Option<PackageUrl<'static>> {
    let mut url = PackageUrl::new(ty.to_owned(), name.to_owned()).ok()?;
    if let Some(namespace) = namespace {
        url.with_namespace(namespace.to_owned()).ok()?;
    }
    // What `go build` says of a program that was built from no released version.
    if !package.version.is_empty() && package.version != "(devel)" {
        url.with_version(package.version.clone()).ok()?;
    }
    Some(url)
}

/// The kind of database that the packages of a distribution are in, by its `ID` in os-release.
fn database_of(id: &str) -> Option<PackageKind> {
    Some(match id {
        "debian" | "ubuntu" | "raspbian" | "kali" | "linuxmint" | "devuan" | "pop" => {
            PackageKind::Dpkg
        }
        "alpine" | "wolfi" | "chainguard" | "postmarketos" | "minimos" => PackageKind::Apk,
        "fedora"
        | "rhel"
        | "centos"
        | "rocky"
        | "almalinux"
        | "ol"
        | "amzn"
        | "sles"
        | "opensuse-leap"
        | "opensuse-tumbleweed"
        | "photon"
        | "mariner"
        | "azurelinux" => PackageKind::Rpm,
        _ => return None,
    })
}

/// As text, if it is read back as what it says: a namespace with a step up (`../x`) is not.
fn readable(url: &PackageUrl) -> Option<String> {
    let mut text = url.to_string();
    if url.version().is_some_and(|v| v.contains('/')) {
        // The crate leaves it as it is, and readers take what stands before it for a part of the name.
        let qualifiers = text.split_off(text.find('?').unwrap_or(text.len()));
        let version = text.split_off(text.rfind('@')?);
        text = text + &version.replace('/', "%2F") + &qualifiers;
    }
    PackageUrl::from_str(&text).ok().filter(|again| again == url)?;
    Some(text)
}

fn of_system_package(ty: &str, package: &PackageReport, image: &ImageIdentity) -> Option<String> {
    let mut url = PackageUrl::new(ty.to_owned(), package.name.as_str()).ok()?;
    if let Some(id) = image.os_id.as_deref().filter(|id| is_system(id)) {
        // The vendor's name, not the system's, is the namespace of its packages.
        let vendor = if id == "rhel" { "redhat" } else { id };
        url.with_namespace(vendor).ok()?;
        let distro = match &image.os_version {
            Some(version) => format!("{id}-{version}"),
            None => id.to_owned(),
        };
        url.add_qualifier("distro", distro).ok()?;
    }
    let mut version = package.version.as_str();
    // An rpm's epoch stands apart from its version.
    if let (PackageKind::Rpm, Some((epoch, rest))) = (package.kind, version.split_once(':')) {
        url.add_qualifier("epoch", epoch).ok()?;
        version = rest;
    }
    if !version.is_empty() {
        url.with_version(version).ok()?;
    }
    if let Some(arch) = &package.architecture {
        url.add_qualifier("arch", arch.as_str()).ok()?;
    }
    if let Some(source) = &package.source {
        // dpkg names the version of the source where it differs: `util-linux (2.38)`.
        let upstream = match source.split_once(" (") {
            Some((name, version)) => format!("{name}@{}", version.trim_end_matches(')')),
            None => source.clone(),
        };
        url.add_qualifier("upstream", upstream).ok()?;
    }
    readable(&url)
}

/// What os-release(5) allows as an `ID`.
fn is_system(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    !id.is_empty() && id.bytes().all(allowed) && !id.starts_with('.')
}

/// `pkg:oci/shop@sha256:…?arch=amd64&repository_url=registry.example.com/team/shop&tag=1.4`. An image
/// without a digest has none: a tag alone names no image.
pub(super) fn of_image(image: &ImageIdentity) -> Option<String> {
    let digest = image.digest.as_deref()?;
    let Repository { path, name, tag } = repository(&image.reference);
    // The type's names are in lower case.
    let mut url = PackageUrl::new("oci", name.to_lowercase()).ok()?;
    url.with_version(digest).ok()?;
    if let Some(path) = path {
        url.add_qualifier("repository_url", path).ok()?;
    }
    if let Some(tag) = tag {
        url.add_qualifier("tag", tag).ok()?;
    }
    if let Some(arch) = image.platform.split('/').nth(1) {
        url.add_qualifier("arch", arch).ok()?;
    }
    readable(&url)
}

/// What a reference says, in parts; it may be a path as well as a registry's name.
pub(super) struct Repository<'a> {
    /// With its registry; `None` for a path of this machine.
    pub path: Option<&'a str>,
    pub name: &'a str,
    pub tag: Option<&'a str>,
}

pub(super) fn repository(reference: &str) -> Repository<'_> {
    let whole = reference.split_once('@').map_or(reference, |(r, _)| r);
    let last = whole.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match whole[last..].split_once(':') {
        Some((name, tag)) => (name, Some(tag)),
        None => (&whole[last..], None),
    };
    let path = &whole[..last + name.len()];
    // As Docker tells a registry from a repository of its own: a dot, a port, or localhost.
    let host = path.split_once('/').map_or("", |(host, _)| host);
    let named = !host.starts_with('.') && (host.contains(['.', ':']) || host == "localhost");
    Repository { path: named.then_some(path), name, tag }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(kind: PackageKind, name: &str, version: &str) -> PackageReport {
        PackageReport {
            name: name.to_owned(),
            version: version.to_owned(),
            kind,
            architecture: None,
            source: None,
            bytes: None,
            layer: None,
            path: String::new(),
            namespace: None,
            inside: None,
            state: None,
        }
    }

    fn image(reference: &str, os: Option<(&str, &str)>) -> ImageIdentity {
        ImageIdentity {
            reference: reference.to_owned(),
            digest: Some("sha256:00ff".to_owned()),
            platform: "linux/arm64/v8".to_owned(),
            created: None,
            os_release: None,
            os_id: os.map(|(id, _)| id.to_owned()),
            os_version: os.map(|(_, version)| version.to_owned()).filter(|v| !v.is_empty()),
            user: String::new(),
            command: Vec::new(),
            working_dir: String::new(),
            env: Vec::new(),
            labels: Default::default(),
            exposed_ports: Vec::new(),
            volumes: Vec::new(),
            healthcheck: None,
        }
    }

    #[test]
    fn packages_are_named_as_their_types_say() {
        let none = image("x", None);
        for (kind, name, version, url) in [
            (PackageKind::Python, "Flask_Login", "1.0+l", Some("pkg:pypi/flask-login@1.0%2Bl")),
            (PackageKind::Node, "@babel/core", "7.0.0", Some("pkg:npm/%40babel/core@7.0.0")),
            (PackageKind::Node, "left-pad", "", Some("pkg:npm/left-pad")),
            (PackageKind::Go, "golang.org/x/net", "v0.1", Some("pkg:golang/golang.org/x/net@v0.1")),
            (PackageKind::Go, "example.com/a", "(devel)", Some("pkg:golang/example.com/a")),
            (PackageKind::Gem, "rake", "13.0", Some("pkg:gem/rake@13.0")),
            (PackageKind::Java, "y", "1", None),
            (PackageKind::Python, "", "1", None),
            (PackageKind::Node, "@a/b", "file:../c", Some("pkg:npm/%40a/b@file:..%2Fc")),
            (PackageKind::Go, "../../etc/passwd", "1", None),
            (PackageKind::Node, "a//b", "1", None),
            (PackageKind::Gem, "a b?c#d@e/f%2f", "1", Some("pkg:gem/a%20b%3Fc%23d%40e%2Ff%252f@1")),
        ] {
            assert_eq!(of_package(&package(kind, name, version), &none).as_deref(), url, "{name}");
        }
    }

    #[test]
    fn a_namespace_is_part_of_the_name() {
        let none = image("x", None);
        for (kind, namespace, name, arch, url) in [
            (PackageKind::Java, Some("org.x"), "y", None, Some("pkg:maven/org.x/y@1")),
            (
                PackageKind::Conda,
                Some("conda-forge"),
                "numpy",
                Some("linux-64"),
                Some("pkg:conda/numpy@1?channel=conda-forge&subdir=linux-64"),
            ),
            (PackageKind::Conda, None, "numpy", None, Some("pkg:conda/numpy@1")),
            (
                PackageKind::Composer,
                None,
                "Monolog/monolog",
                None,
                Some("pkg:composer/monolog/monolog@1"),
            ),
            (
                PackageKind::Nuget,
                None,
                "Newtonsoft.Json",
                None,
                Some("pkg:nuget/Newtonsoft.Json@1"),
            ),
            (PackageKind::Rust, None, "serde", None, Some("pkg:cargo/serde@1")),
            (PackageKind::Rust, Some("local"), "serde", None, None),
        ] {
            let mut one = package(kind, name, "1");
            one.namespace = namespace.map(str::to_owned);
            one.architecture = arch.map(str::to_owned);
            assert_eq!(of_package(&one, &none).as_deref(), url, "{name}");
        }
    }

    #[test]
    fn packages_of_a_system_say_which() {
        let mut deb = package(PackageKind::Dpkg, "libc6", "2.36-9");
        deb.architecture = Some("amd64".to_owned());
        deb.source = Some("glibc (2.36)".to_owned());
        assert_eq!(
            of_package(&deb, &image("x", Some(("debian", "12")))).unwrap(),
            "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc%402.36"
        );
        assert_eq!(
            of_package(
                &package(PackageKind::Rpm, "bash", "1:5.1-2"),
                &image("x", Some(("rhel", "9.4")))
            )
            .unwrap(),
            "pkg:rpm/redhat/bash@5.1-2?distro=rhel-9.4&epoch=1"
        );
        assert_eq!(
            of_package(
                &package(PackageKind::Apk, "musl", "1.2-r0"),
                &image("x", Some(("wolfi", "")))
            )
            .unwrap(),
            "pkg:apk/wolfi/musl@1.2-r0?distro=wolfi"
        );
    }

    #[test]
    fn a_version_with_a_slash_is_encoded() {
        let mut deb = package(PackageKind::Dpkg, "x", "1/2@3?4");
        deb.architecture = Some("a/b".to_owned());
        assert_eq!(
            of_package(&deb, &image("x", None)).unwrap(),
            "pkg:deb/x@1%2F2%403%3F4?arch=a%2Fb"
        );
    }

    #[test]
    fn packages_of_another_systems_database_have_none() {
        let of = |kind, id| of_package(&package(kind, "x", "1"), &image("x", Some((id, "1"))));
        assert!(of(PackageKind::Apk, "alpine").is_some());
        assert!(of(PackageKind::Dpkg, "alpine").is_none());
        assert!(of(PackageKind::Rpm, "debian").is_none());
        assert!(of(PackageKind::Gem, "debian").is_some());
        assert!(of(PackageKind::Apk, "unheard-of").is_some());
    }

    #[test]
    fn images_are_named_by_digest_and_repository() {
        for (reference, url) in [
            (
                "r.example.com:5000/Team/shop:1.4",
                "pkg:oci/shop@sha256:00ff?arch=arm64&repository_url=r.example.com:5000%2FTeam%2Fshop&tag=1.4",
            ),
            (
                "docker.io/library/debian@sha256:00ff",
                "pkg:oci/debian@sha256:00ff?arch=arm64&repository_url=docker.io%2Flibrary%2Fdebian",
            ),
            ("./build/App.tar", "pkg:oci/app.tar@sha256:00ff?arch=arm64"),
            ("app:1", "pkg:oci/app@sha256:00ff?arch=arm64&tag=1"),
        ] {
            assert_eq!(of_image(&image(reference, None)).unwrap(), url);
        }
        let mut old = image("app:1", None);
        old.digest = None;
        assert_eq!(of_image(&old), None);
    }
}
