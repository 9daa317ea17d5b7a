//! Layers that no runtime unpacks.

/// Why runtimes do not unpack a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The root itself is something else than a directory.
    Root,
    /// An entry below a file, or below a name that the layer deletes.
    Parent,
    /// An entry below a link of the layer that leads to nothing in the layer, or in a circle. containerd
    /// makes the folder that it leads to.
    Link,
    /// A hard link to what is no file of the layer.
    HardLink,
    /// A whiteout of what the layer itself has, or of no name.
    Whiteout,
}

/// An entry that makes runtimes refuse its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::image) struct Refused {
    pub record: u32,
    pub why: Refusal,
    /// How many of this layer are refused for the same reason.
    pub count: u32,
}
