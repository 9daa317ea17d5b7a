//! What analyzers leave behind.

use crate::layer::LayerPath;
use crate::text::Redacted;
use serde::{Deserialize, Serialize};

/// All facts of one layer. `entry` is always a place in `LayerIndex::entries`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub secrets: Vec<SecretMatch>,
    pub packages: Vec<PackageRecord>,
    pub owned: Vec<OwnedFiles>,
    pub elf: Vec<ElfFact>,
    pub kept: Vec<KeptFile>,
    pub references: Vec<References>,
    pub packing: Vec<Packing>,
    pub modules: Modules,
    pub unread: Vec<Unread>,
}

/// How sure the engine is of a match.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    Possible,
    Likely,
    /// The format carries a check (a checksum, a structure) and it passes.
    VerifiedFormat,
}

impl Confidence {
    /// As the user writes and reads it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::VerifiedFormat => "verified-format",
        }
    }
}

/// A secret at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretMatch {
    pub entry: u32,
    /// Where in the file, if the file holds others: a path below it (`BOOT-INF/app.yml`, with `!/`
    /// where a further one begins), or how the text was written (`base64`).
    pub inside: Option<String>,
    /// Id of the pattern.
    pub pattern: String,
    /// From 1; `None` in a binary file.
    pub line: Option<u32>,
    /// Of the secret's first byte in the file.
    pub offset: u64,
    pub masked: String,
    pub fingerprint: String,
    pub confidence: Confidence,
    /// Only for `--reveal`; never stored.
    #[serde(skip)]
    pub plain: Option<Redacted<Vec<u8>>>,
}

/// Which database or convention a package is known by.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PackageKind {
    Dpkg,
    Apk,
    Rpm,
    Python,
    Node,
    Java,
    Gem,
    Go,
    Rust,
    Conda,
    Composer,
    Nuget,
}

impl PackageKind {
    /// Whether one database has all packages of the kind.
    pub fn is_of_the_system(self) -> bool {
        matches!(self, Self::Dpkg | Self::Apk | Self::Rpm)
    }
}

/// One package as one database file of this layer states it. A database is rewritten by every layer
/// that installs: which records are in force is decided on the merged view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// The file that states it.
    pub entry: u32,
    pub kind: PackageKind,
    pub name: String,
    pub version: String,
    pub architecture: Option<String>,
    /// The source package, where it differs.
    pub source: Option<String>,
    /// Installed bytes as the database declares them.
    pub declared_bytes: Option<u64>,
    /// Directory that belongs to the package as a whole (a node module, a gem).
    pub root: Option<LayerPath>,
    pub relations: Relations,
    /// What stands before the name where two may have the same: a Maven group, conda's channel, where a
    /// crate is from if it is not crates.io.
    pub namespace: Option<String>,
    /// The path within `entry` that states it, `!/` where a further archive begins.
    pub inside: Option<String>,
    pub state: PackageState,
}

impl PackageRecord {
    /// One that says nothing but its kind yet.
    pub fn of(kind: PackageKind) -> Self {
        Self {
            entry: 0,
            kind,
            name: String::new(),
            version: String::new(),
            architecture: None,
            source: None,
            declared_bytes: None,
            root: None,
            relations: Relations::default(),
            namespace: None,
            inside: None,
            state: PackageState::Installed,
        }
    }
}

/// How far its installation has come, in the words of dpkg(1). The files are there in all of them.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PackageState {
    #[default]
    Installed,
    /// Some of the files may be missing.
    HalfInstalled,
    Unpacked,
    HalfConfigured,
}

impl PackageState {
    /// As dpkg writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::HalfInstalled => "half-installed",
            Self::Unpacked => "unpacked",
            Self::HalfConfigured => "half-configured",
        }
    }
}

/// What a package of an operating system asks of others, as its database writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relations {
    /// Each of them must be there, in one of its alternatives: names without versions (`mawk`,
    /// `so:libc.musl-x86_64.so.1`, `/bin/sh`).
    pub needs: Vec<Vec<String>>,
    /// What it is, beside its name.
    pub provides: Vec<String>,
    /// dpkg: the system cannot be without it.
    pub essential: bool,
}

/// The files that a package's list names. `package` is the name in the same database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFiles {
    pub entry: u32,
    pub kind: PackageKind,
    pub package: String,
    pub paths: Vec<LayerPath>,
}

/// What an ELF file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfFact {
    pub entry: u32,
    /// `ET_*`: 1 relocatable, 2 executable, 3 shared or PIE.
    pub elf_type: u16,
    /// `EM_*`: 62 x86-64, 183 aarch64.
    pub machine: u16,
    /// Bytes of sections `.debug_*`, `.zdebug_*`, `.symtab` and `.strtab` in the file; `None` where
    /// the section table could not be read in one pass.
    pub debug_bytes: Option<u64>,
    /// Has a program interpreter (is dynamically linked and starts by itself).
    pub interpreter: Option<String>,
    pub dynamic: Dynamic,
    /// Absolute paths and names of libraries that stand in it as strings, without double ones; at most
    /// 400. Not of libraries in the system's folders.
    pub strings: Vec<String>,
}

/// What the dynamic linker is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dynamic {
    /// Linked statically, or no program.
    None,
    /// There is something to read, but one pass did not get at it, or it is broken.
    Unknown,
    Linked(Linked),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// `DT_NEEDED`.
    pub needed: Vec<String>,
    /// `DT_RUNPATH`, else `DT_RPATH`, with `$ORIGIN` as written.
    pub search: Vec<String>,
    /// The search path is of the older kind, which holds for the needed libraries too.
    pub inherited: bool,
    /// Of each family of symbol versions the highest that it needs: `GLIBC_2.34`.
    pub versions: Vec<String>,
    /// It calls `dlopen`.
    pub opens: bool,
    /// It calls `iconv_open`: the C library opens a table for each character set.
    pub converts: bool,
    /// It asks the C library for local times: that opens the time zones' tables.
    pub zones: bool,
}

/// How well a large file packs, by samples of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packing {
    pub entry: u32,
    /// Packed bytes of a hundred; 1 to 100.
    pub percent: u8,
}

/// What a text file refers to. Words in places where a secret may stand are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    pub entry: u32,
    /// The words behind `#!`.
    pub interpreter: Vec<String>,
    /// Words in the place of a command.
    pub commands: Vec<String>,
    /// Absolute paths, `*` and `?` included.
    pub paths: Vec<String>,
    /// What an `include` or a module line names, relative paths too.
    pub includes: Vec<String>,
    /// It starts what it is given (`exec "$@"`).
    pub runs_arguments: bool,
    /// What cannot be told without running it, in words.
    pub unclear: Vec<String>,
    /// For a list of dependencies: what installing them runs or reads of the application itself.
    pub builds: Vec<String>,
    /// For a JavaScript source: the packages that it loads by name.
    pub imports: Vec<String>,
    /// For npm's record of what is installed: folders that only development needs, from the folder of the
    /// application.
    pub development: Vec<String>,
    /// It was longer than what is read.
    pub truncated: bool,
}

/// What the sources of a layer load by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modules {
    /// Each name once.
    pub names: Vec<String>,
    pub files: Vec<Loads>,
}

/// What one source loads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loads {
    pub entry: u32,
    pub list: Vec<Load>,
}

/// One name in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Its place in [`Modules::names`].
    pub name: u32,
    /// From 1; the last that there is a number for, if it is farther.
    pub line: u16,
    pub how: How,
}

/// When a named module is loaded; the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum How {
    /// As soon as the file is.
    Always,
    /// If a condition holds, or to try whether it is there.
    Guarded,
    /// When a function is called.
    Later,
    /// A text in the application's own files that reads like a module's name.
    Text,
    /// What the module before it in the list is asked for: a module within it, or anything else.
    Member,
    /// No module: a word that hints at the use of one.
    Word,
    /// No module: a group of plugins that a distribution belongs to.
    Group,
}

/// A small, known file whose content later stages read (`etc/passwd`, `etc/os-release`…).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    pub entry: u32,
    pub bytes: Vec<u8>,
    /// The file was longer than what is kept.
    pub truncated: bool,
}

/// A file that an analyzer wanted and could not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    pub entry: u32,
    /// Id of the analyzer.
    pub analyzer: String,
    pub why: String,
    /// The file itself was looked at, as it stands; only what is packed in it was not.
    pub within: bool,
}
