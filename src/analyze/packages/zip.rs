//! Members of zip archives as they stream by: the few that are wanted are kept, archives among them opened, and
//! all others passed over.
//!
//! The local headers are read (APPNOTE.TXT 4.3.7), from the first one on wherever it stands: a start script may come
//! before it, and whoever puts one there corrects no offsets. What has no stated size is inflated to find its end.

use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

const LOCAL: &[u8] = b"PK\x03\x04";
const FIXED: usize = 30;
/// Archives within archives, the file itself included.
const DEPTH: usize = 4;
/// Bytes of all kept members of one file.
const KEPT: usize = 32 << 20;
/// Members of one file, those of archives in it included.
const MEMBERS: u32 = 400_000;
/// Archives in one file.
const ARCHIVES: usize = 10_000;
/// Reasons that are told of one file.
const GAPS: usize = 20;
/// Bytes of a path inside the file.
const PATH: usize = 400;

/// What is done with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Nothing,
    Bytes,
    /// It is an archive itself.
    Members,
}

/// An archive: the file itself, or one in it.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// Its path within the file, `!/` between archives; empty for the file itself.
    pub inside: String,
    /// Bytes that it takes in the archive around it, as far as it was read.
    pub packed: u64,
    pub kept: Vec<Kept>,
    /// Members that it has.
    pub members: u32,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub name: String,
    /// Its beginning.
    pub bytes: Vec<u8>,
}

/// Walks one file. Archives stand in `archives` in the order of their beginnings.
pub(super) struct Walk {
    choose: fn(&[u8]) -> Want,
    /// Bytes of a member that are kept.
    most: usize,
    levels: Vec<Level>,
    pub archives: Vec<Archive>,
    /// What was not looked at, by its path within the file, and why.
    pub gaps: Vec<(String, &'static str)>,
    members: u32,
    kept: usize,
    /// Inflated bytes that may still come.
    budget: u64,
    stopped: bool,
}

/// An archive that is being read.
struct Level {
    archive: usize,
    state: State,
    /// A header as far as it is there; in `Seek` the last bytes before.
    header: Vec<u8>,
    inflate: Option<Decompress>,
    /// Room for inflated bytes.
    out: Vec<u8>,
}

enum State {
    /// Until a local header begins.
    Seek,
    Header,
    Member(Member),
    Descriptor,
    End,
}

struct Member {
    name: String,
    /// Packed bytes to come; `None` where only inflating tells.
    left: Option<u64>,
    deflated: bool,
    sink: Sink,
    packed: u64,
}

enum Sink {
    Nothing,
    Bytes(Vec<u8>),
    Archive,
}

impl Walk {
    /// `most`: bytes of a member that are kept. `budget`: bytes that may be inflated.
    pub fn new(choose: fn(&[u8]) -> Want, most: usize, budget: u64) -> Self {
        let mut walk = Self {
            choose,
            most,
            levels: Vec::new(),
            archives: Vec::new(),
            gaps: Vec::new(),
            members: MEMBERS,
            kept: KEPT,
            budget,
            stopped: false,
        };
        walk.open(String::new());
        walk
    }

    /// The next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.level(0, bytes);
    }

    /// The file has ended. How much of the budget is left.
    pub fn end(&mut self) -> u64 {
        // Only of the innermost: it is why the others are.
        if let Some(Level { state: State::Member(_) | State::Descriptor, .. }) = self.levels.last()
            && !self.stopped
        {
            self.gap_at(self.levels.len() - 1, "it is cut");
        }
        self.levels.clear();
        self.budget
    }

    fn open(&mut self, inside: String) {
        self.levels.push(Level {
            archive: self.archives.len(),
            state: State::Header,
            header: Vec::new(),
            inflate: None,
            out: Vec::new(),
        });
        self.archives.push(Archive { inside, ..Archive::default() });
    }

    fn gap(&mut self, inside: String, why: &'static str) {
        if self.gaps.len() < GAPS {
            self.gaps.push((inside, why));
        }
    }

    fn gap_at(&mut self, level: usize, why: &'static str) {
        let archive = self.levels.get(level).and_then(|l| self.archives.get(l.archive));
        let inside = archive.map(|a| a.inside.clone()).unwrap_or_default();
        self.gap(inside, why);
    }

    /// Bytes of the archive at `level`. Calls itself once for each of the few levels.
    fn level(&mut self, level: usize, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.stopped {
            let Some(now) = self.levels.get_mut(level) else { return };
            bytes = match &now.state {
                State::End => return,
                State::Seek => now.seek(bytes),
                State::Header => self.header(level, bytes),
                State::Descriptor => now.descriptor(bytes),
                State::Member(member) if member.deflated => self.inflate(level, bytes),
                State::Member(_) => self.stored(level, bytes),
            };
        }
    }

    fn header<'a>(&mut self, level: usize, bytes: &'a [u8]) -> &'a [u8] {
        let Some(now) = self.levels.get_mut(level) else { return &[] };
        let mut rest = now.gather(LOCAL.len(), bytes);
        if now.header.len() < LOCAL.len() {
            return rest;
        }
        if !now.header.starts_with(LOCAL) {
            // The directory, or an archive without members.
            let ended = matches!(now.header[..], [b'P', b'K', 1 | 5, _] | [b'P', b'K', 6, 6]);
            now.state = if ended { State::End } else { State::Seek };
            return rest;
        }
        rest = now.gather(FIXED, rest);
        let Some(&[a, b, c, d]) = now.header.get(26..FIXED).and_then(|h| h.first_chunk()) else {
            return rest;
        };
        let (name, extra) = (usize::from(u16::from_le_bytes([a, b])), u16::from_le_bytes([c, d]));
        let whole = FIXED + name + usize::from(extra);
        rest = now.gather(whole, rest);
        if now.header.len() == whole {
            let header = std::mem::take(&mut now.header);
            self.begin(level, &header, name);
        }
        rest
    }

    /// A member begins whose header is whole.
    fn begin(&mut self, level: usize, header: &[u8], name: usize) {
        let Some(left) = self.members.checked_sub(1) else {
            self.gap_at(level, "more members than are looked at");
            self.stopped = true;
            return;
        };
        self.members = left;
        let short = |i: usize| u16::from_le_bytes([header[i], header[i + 1]]);
        let long = |i: usize| u32::from(short(i)) | u32::from(short(i + 2)) << 16;
        let (flags, method) = (short(6), short(8));
        let name_bytes = &header[FIXED..FIXED + name];
        let mut packed = u64::from(long(18));
        if packed == u64::from(u32::MAX) {
            let unpacked = long(22) == u32::MAX;
            packed = zip64(&header[FIXED + name..], unpacked).unwrap_or(packed);
        }
        // Bit 3: the sizes follow the data.
        let folder = method == 0 && name_bytes.ends_with(b"/");
        let described = flags & 8 != 0 && packed == 0 && !folder;
        let text = String::from_utf8_lossy(&name_bytes[..name.min(PATH)]).into_owned();
        let mut want = (self.choose)(name_bytes);
        let why_not = match (flags & 1, method) {
            (1, _) => Some("it is encrypted"),
            (_, 0) if described => Some("its size is not stated"),
            (_, 0 | 8) => None,
            _ => Some("packed by a method that is not known"),
        };
        let Some(inside) = self.levels.get(level).and_then(|l| self.archives.get_mut(l.archive))
        else {
            return;
        };
        inside.members += 1;
        let at = match inside.inside.as_str() {
            "" => text.clone(),
            outer => format!("{outer}!/{text}"),
        };
        let why_not = match want {
            Want::Members if level + 1 >= DEPTH || self.archives.len() >= ARCHIVES => {
                Some("too many archives within one another")
            }
            _ => why_not,
        };
        if let Some(why) = why_not.filter(|_| want != Want::Nothing) {
            self.gap(at.clone(), why);
        }
        if why_not.is_some() {
            want = Want::Nothing;
        }
        let deflated = method == 8 && (want != Want::Nothing || described);
        let sink = match want {
            Want::Nothing => Sink::Nothing,
            Want::Bytes => Sink::Bytes(Vec::new()),
            Want::Members => {
                self.open(at);
                Sink::Archive
            }
        };
        let Some(now) = self.levels.get_mut(level) else { return };
        if described && (method != 8 || flags & 1 != 0) {
            now.state = State::Seek;
            return;
        }
        if deflated {
            match &mut now.inflate {
                Some(inflate) => inflate.reset(false),
                none => *none = Some(Decompress::new(false)),
            }
        }
        let left = (!described).then_some(packed);
        now.state = State::Member(Member { name: text, left, deflated, sink, packed: 0 });
        if left == Some(0) {
            self.finish(level);
        }
    }

    fn stored<'a>(&mut self, level: usize, bytes: &'a [u8]) -> &'a [u8] {
        let Some(member) = self.levels.get_mut(level).and_then(Level::member) else { return &[] };
        let left = member.left.unwrap_or(0);
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        member.left = Some(left - here as u64);
        member.packed += here as u64;
        let ended = member.left == Some(0);
        self.pass(level, &bytes[..here]);
        if ended {
            self.finish(level);
        }
        &bytes[here..]
    }

    fn inflate<'a>(&mut self, level: usize, bytes: &'a [u8]) -> &'a [u8] {
        let Some(now) = self.levels.get_mut(level) else { return &[] };
        let mut out = std::mem::take(&mut now.out);
        out.resize(16 << 10, 0);
        let rest = self.inflate_into(&mut out, level, bytes);
        if let Some(now) = self.levels.get_mut(level) {
            now.out = out;
        }
        rest
    }

    fn inflate_into<'a>(&mut self, out: &mut [u8], level: usize, bytes: &'a [u8]) -> &'a [u8] {
        let mut used = 0;
        loop {
            let Some(now) = self.levels.get_mut(level) else { return &[] };
            let (Some(inflate), State::Member(member)) = (&mut now.inflate, &mut now.state) else {
                return &[];
            };
            let left = member.left.unwrap_or(u64::MAX);
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - used);
            let (before, made) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(&bytes[used..used + most], out, FlushDecompress::None);
            let taken = (inflate.total_in() - before) as usize;
            let made = (inflate.total_out() - made) as usize;
            used += taken;
            member.packed += taken as u64;
            member.left = member.left.map(|left| left - taken as u64);
            let (known, wanted) = (member.left.is_some(), !matches!(member.sink, Sink::Nothing));
            let done = member.left == Some(0);
            let Some(budget) = self.budget.checked_sub(made as u64) else {
                self.budget = 0;
                self.gap_at(level, "it unpacks to more bytes than are looked at");
                self.stopped = true;
                return &[];
            };
            self.budget = budget;
            self.pass(level, &out[..made]);
            match status {
                Ok(Status::StreamEnd) => {
                    self.finish(level);
                    return &bytes[used..];
                }
                // Nothing moves without more bytes.
                Ok(_) if taken == 0 && made == 0 && most == 0 => {
                    if done {
                        self.finish(level);
                    }
                    return &bytes[used..];
                }
                Ok(_) if taken > 0 || made > 0 => {}
                _ => {
                    if wanted {
                        self.gap_at(level, "a member of it does not inflate");
                    }
                    self.finish(level);
                    if !known && let Some(now) = self.levels.get_mut(level) {
                        now.state = State::Seek;
                    }
                    return &bytes[used..];
                }
            }
        }
    }

    /// Bytes of a member, unpacked.
    fn pass(&mut self, level: usize, bytes: &[u8]) {
        match self.levels.get_mut(level).and_then(Level::member).map(|m| &mut m.sink) {
            Some(Sink::Bytes(kept)) => {
                let wanted = &bytes[..bytes.len().min(self.most.saturating_sub(kept.len()))];
                let Some(left) = self.kept.checked_sub(wanted.len()) else {
                    self.gap_at(level, "more of its members are wanted than are kept");
                    self.stopped = true;
                    return;
                };
                self.kept = left;
                kept.extend_from_slice(wanted);
            }
            Some(Sink::Archive) => self.level(level + 1, bytes),
            Some(Sink::Nothing) | None => {}
        }
    }

    /// The member is whole, or is given up; what is left of its packed bytes is passed over.
    fn finish(&mut self, level: usize) {
        let Some(now) = self.levels.get_mut(level) else { return };
        let archive = now.archive;
        let State::Member(member) = std::mem::replace(&mut now.state, State::Header) else {
            return;
        };
        let Member { name, left, sink, packed, .. } = member;
        now.state = match left {
            None => State::Descriptor,
            Some(0) => State::Header,
            left => State::Member(Member {
                name: String::new(),
                left,
                deflated: false,
                sink: Sink::Nothing,
                packed: 0,
            }),
        };
        match sink {
            Sink::Nothing => {}
            Sink::Bytes(bytes) => {
                if let Some(archive) = self.archives.get_mut(archive) {
                    archive.kept.push(Kept { name, bytes });
                }
            }
            Sink::Archive => {
                if let Some(inner) = self.levels.get(level + 1) {
                    let whole = packed.saturating_add(left.unwrap_or(0));
                    let cut = matches!(inner.state, State::Member(_) | State::Descriptor);
                    let none = self.archives.get(inner.archive).is_none_or(|a| a.members == 0);
                    if let Some(archive) = self.archives.get_mut(inner.archive) {
                        archive.packed = whole;
                    }
                    if cut {
                        self.gap_at(level + 1, "it is cut");
                    } else if none && whole > 0 {
                        self.gap_at(level + 1, "no archive, though its name says so");
                    }
                }
                self.levels.truncate(level + 1);
            }
        }
    }
}

impl Level {
    fn member(&mut self) -> Option<&mut Member> {
        match &mut self.state {
            State::Member(member) => Some(member),
            _ => None,
        }
    }

    /// Adds to the header until it has `whole` bytes.
    fn gather<'a>(&mut self, whole: usize, bytes: &'a [u8]) -> &'a [u8] {
        let (now, rest) = bytes.split_at(whole.saturating_sub(self.header.len()).min(bytes.len()));
        self.header.extend_from_slice(now);
        rest
    }

    fn seek<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        // The signature may lie across two chunks.
        let carried = self.header.len();
        let overlap = &bytes[..bytes.len().min(LOCAL.len() - 1)];
        self.header.extend_from_slice(overlap);
        if let Some(at) = memmem::find(&self.header, LOCAL).filter(|&at| at < carried) {
            self.header.truncate(carried);
            self.header.drain(..at);
            self.state = State::Header;
            return bytes;
        }
        if let Some(at) = memmem::find(bytes, LOCAL) {
            self.header.clear();
            self.state = State::Header;
            return &bytes[at..];
        }
        if bytes.len() > overlap.len() {
            self.header.clear();
            self.header.extend_from_slice(&bytes[bytes.len() - (LOCAL.len() - 1)..]);
        }
        let extra = self.header.len().saturating_sub(LOCAL.len() - 1);
        self.header.drain(..extra);
        &[]
    }

    /// Sizes and checksum behind a member, with or without their signature; in zip64 the header is sought behind
    /// them.
    fn descriptor<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let rest = self.gather(4, bytes);
        if self.header.len() < 4 {
            return rest;
        }
        let whole = if self.header.starts_with(b"PK\x07\x08") { 16 } else { 12 };
        let rest = self.gather(whole, rest);
        if self.header.len() == whole {
            self.header.clear();
            self.state = State::Header;
        }
        rest
    }
}

/// The packed size in the extra fields (4.5.3).
fn zip64(mut extra: &[u8], behind_unpacked: bool) -> Option<u64> {
    while let [a, b, c, d, rest @ ..] = extra {
        let length = usize::from(u16::from_le_bytes([*c, *d]));
        let body = rest.get(..length)?;
        if u16::from_le_bytes([*a, *b]) == 1 {
            let at = if behind_unpacked { 8 } else { 0 };
            return body.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b));
        }
        extra = &rest[length..];
    }
    None
}

#[cfg(test)]
#[path = "zip_tests.rs"]
pub(super) mod tests;
