//! What a compiled Python module says: its strings, and which name each is assigned to.
//!
//! CPython's `marshal` format, versions 0 to 5. Names and values stand in separate tuples of a code object;
//! its instructions tell which go together: `LOAD_CONST` and then a store. Known for Python 3.7 to 3.13,
//! whose instructions are words of two bytes.

use std::ops::Range;

/// Instructions and pairs of one module; those of the largest real ones are a tenth of it.
const MOST_STEPS: usize = 4 << 20;
/// A call or a dictionary with more names is no one's configuration.
const MOST_KEYS: usize = 256;

/// The strings of a marshalled code object, by their marks, in order.
pub(super) fn strings(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    // Magic, flags and date or hash (PEP 552).
    let mut at = 16.min(bytes.len());
    while let Some(&mark) = bytes.get(at) {
        let string = match mark & 0x7f {
            // Short ASCII, and short ASCII interned.
            b'z' | b'Z' => bytes.get(at + 1).map(|&n| (at + 2, usize::from(n))),
            b'a' | b'A' | b'u' | b't' | b's' => bytes
                .get(at + 1..at + 5)
                .map(|n| (at + 5, u32::from_le_bytes([n[0], n[1], n[2], n[3]]) as usize)),
            _ => None,
        };
        let text = string.and_then(|(start, n)| {
            Some((bytes.get(start..start.checked_add(n)?)?, start, start + n))
        });
        match text {
            Some((text, start, end))
                if !text.is_empty() && text.iter().all(|&b| is_readable(b)) =>
            {
                out.push(start..end);
                at = end;
            }
            _ => at += 1,
        }
    }
    out
}

pub(super) fn is_readable(b: u8) -> bool {
    matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x80..)
}

/// `NAME = "value"` lines, one for each constant that is stored under a name or handed over under one.
pub(super) fn assignments(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(version) = Version::of(bytes) {
        let mut module = Module { bytes, at: 16, ..Module::default() };
        // What was read before a fault is worth as much.
        let _ = module.read(&version);
        let mut steps = MOST_STEPS;
        for code in &module.codes {
            module.pairs(code, &version, &mut steps, &mut out);
        }
    }
    out
}

/// What differs from one Python to the next.
struct Version {
    /// Numbers before the code of a code object, and objects behind it.
    numbers: usize,
    /// Those behind the code, up to the last one: `o` an object, `n` a number.
    fields: &'static [u8],
    load_const: u8,
    store_name: u8,
    store_global: u8,
    store_fast: u8,
    store_attr: u8,
    extended: u8,
    /// Loads the names of a call's arguments.
    keywords: u8,
}

impl Version {
    fn of(bytes: &[u8]) -> Option<Self> {
        let magic = u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]);
        let old = Self {
            numbers: 5,
            fields: b"oooooooono",
            load_const: 100,
            store_name: 90,
            store_global: 97,
            store_fast: 125,
            store_attr: 95,
            extended: 144,
            keywords: 172,
        };
        match magic {
            // 3.7, then 3.8 to 3.10, 3.11 and 3.12, 3.13.
            3390..3400 => Some(old),
            3400..3450 => Some(Self { numbers: 6, ..old }),
            3450..3550 => Some(Self { fields: b"oooooooonoo", ..old }),
            3550..3600 => Some(Self {
                fields: b"oooooooonoo",
                load_const: 83,
                store_name: 114,
                store_global: 113,
                store_fast: 110,
                store_attr: 108,
                extended: 71,
                keywords: 255,
                ..old
            }),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
enum Object {
    Text(Range<usize>),
    Tuple(Vec<usize>),
    Other,
}

/// The fields of a code object that tell names and values.
struct Code {
    code: Range<usize>,
    constants: usize,
    names: usize,
    locals: usize,
}

/// An object whose parts are being read.
struct Open {
    kind: u8,
    left: usize,
    parts: Vec<usize>,
    /// Of the object in the list that later ones refer to.
    reference: Option<usize>,
}

#[derive(Default)]
struct Module<'b> {
    bytes: &'b [u8],
    at: usize,
    objects: Vec<Object>,
    /// Numbers of objects; those that others refer to.
    references: Vec<usize>,
    open: Vec<Open>,
    codes: Vec<Code>,
}

impl Module<'_> {
    fn byte(&mut self) -> Option<u8> {
        let b = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(b)
    }

    fn number(&mut self) -> Option<usize> {
        let b = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        Some(u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
    }

    fn text(&mut self, length: usize) -> Option<Object> {
        let end = self.at.checked_add(length).filter(|&e| e <= self.bytes.len())?;
        let range = self.at..end;
        self.at = end;
        Some(Object::Text(range))
    }

    fn skip(&mut self, bytes: usize) -> Option<Object> {
        self.text(bytes)?;
        Some(Object::Other)
    }

    /// Reads objects until the first one is complete. Each step takes at least one byte.
    fn read(&mut self, version: &Version) -> Option<()> {
        loop {
            if let Some(open) = self.open.last()
                && open.kind == b'c'
                && version.fields.get(open.parts.len()) == Some(&b'n')
            {
                self.number()?;
                self.complete(Object::Other, None)?;
            } else {
                let mark = self.byte()?;
                let reference = (mark & 0x80 != 0).then(|| {
                    self.references.push(usize::MAX);
                    self.references.len() - 1
                });
                let object = match mark & 0x7f {
                    b'N' | b'F' | b'T' | b'S' | b'.' | b'0' => Object::Other,
                    b'i' => self.skip(4)?,
                    b'I' | b'g' => self.skip(8)?,
                    b'y' => self.skip(16)?,
                    b'l' => {
                        let digits = (self.number()? as u32 as i32).unsigned_abs() as usize;
                        self.skip(digits.checked_mul(2)?)?
                    }
                    b'f' => {
                        let n = self.byte()?;
                        self.skip(n.into())?
                    }
                    b'z' | b'Z' => {
                        let n = self.byte()?;
                        self.text(n.into())?
                    }
                    b'a' | b'A' | b'u' | b't' | b's' => {
                        let n = self.number()?;
                        self.text(n)?
                    }
                    b'r' => {
                        let number = self.number()?;
                        let known = *self.references.get(number)?;
                        // A copy of a tuple would cost its length each time.
                        match self.objects.get(known) {
                            Some(_) => {
                                self.complete_as(known)?;
                                if self.open.is_empty() {
                                    return Some(());
                                }
                                continue;
                            }
                            None => Object::Other,
                        }
                    }
                    kind @ (b'(' | b')' | b'[' | b'<' | b'>' | b'{' | b'c') => {
                        let left = match kind {
                            b')' => usize::from(self.byte()?),
                            b'{' => usize::MAX,
                            b'c' => {
                                for _ in 0..version.numbers {
                                    self.number()?;
                                }
                                version.fields.len()
                            }
                            _ => self.number()?,
                        };
                        if left > 0 {
                            self.open.push(Open { kind, left, parts: Vec::new(), reference });
                            continue;
                        }
                        Object::Tuple(Vec::new())
                    }
                    _ => return None,
                };
                let ends_dict = mark & 0x7f == b'0';
                if ends_dict && self.open.last().is_some_and(|o| o.kind == b'{') {
                    let open = self.open.pop()?;
                    self.complete(Object::Other, open.reference)?;
                } else {
                    self.complete(object, reference)?;
                }
            }
            if self.open.is_empty() {
                return Some(());
            }
        }
    }

    /// Takes an object that was read as a part of the innermost open one.
    fn complete(&mut self, object: Object, reference: Option<usize>) -> Option<()> {
        let number = self.objects.len();
        self.objects.push(object);
        if let Some(slot) = reference {
            *self.references.get_mut(slot)? = number;
        }
        self.complete_as(number)
    }

    fn complete_as(&mut self, number: usize) -> Option<()> {
        let mut number = number;
        while let Some(open) = self.open.last_mut() {
            open.parts.push(number);
            open.left -= 1;
            if open.left > 0 {
                return Some(());
            }
            let open = self.open.pop()?;
            let object = match open.kind {
                b'c' => {
                    self.code(&open.parts);
                    Object::Other
                }
                _ => Object::Tuple(open.parts),
            };
            number = self.objects.len();
            self.objects.push(object);
            if let Some(slot) = open.reference {
                *self.references.get_mut(slot)? = number;
            }
        }
        Some(())
    }

    fn code(&mut self, parts: &[usize]) {
        if let [code, constants, names, locals, ..] = *parts
            && let Some(Object::Text(code)) = self.objects.get(code)
        {
            self.codes.push(Code { code: code.clone(), constants, names, locals });
        }
    }

    fn tuple(&self, number: usize) -> &[usize] {
        match self.objects.get(number) {
            Some(Object::Tuple(parts)) => parts,
            _ => &[],
        }
    }

    fn text_of(&self, number: Option<&usize>) -> Option<&[u8]> {
        match self.objects.get(*number?) {
            Some(Object::Text(range)) => self.bytes.get(range.clone()),
            _ => None,
        }
    }

    /// Follows the instructions of a code object.
    fn pairs(&self, code: &Code, version: &Version, steps: &mut usize, out: &mut Vec<u8>) {
        let constants = self.tuple(code.constants);
        // What the last instructions put on the stack: a constant, or something else.
        let mut last: Vec<Option<usize>> = Vec::new();
        let mut argument = 0usize;
        for word in self.bytes.get(code.code.clone()).unwrap_or_default().chunks_exact(2) {
            let (op, low) = (word[0], usize::from(word[1]));
            let Some(left) = steps.checked_sub(1) else { return };
            *steps = left;
            argument = argument << 8 & 0xff_ffff | low;
            if op == version.extended {
                continue;
            }
            let full = std::mem::take(&mut argument);
            // Caches of 3.11 and later.
            if op == 0 {
                continue;
            }
            let loads = op == version.load_const || op == version.keywords;
            if loads && let Some(&constant) = constants.get(full) {
                let keys = self.tuple(constant);
                if keys.len() <= last.len().min(MOST_KEYS) {
                    *steps = steps.saturating_sub(keys.len());
                    let values = &last[last.len() - keys.len()..];
                    for (key, value) in keys.iter().zip(values) {
                        self.pair(Some(key), value.as_ref(), out);
                    }
                }
                last.push(Some(constant));
                continue;
            }
            let (names, back) = match op {
                op if op == version.store_name || op == version.store_global => (code.names, 1),
                op if op == version.store_fast => (code.locals, 1),
                // The object is loaded behind the value.
                op if op == version.store_attr => (code.names, 2),
                _ => {
                    last.push(None);
                    continue;
                }
            };
            let value = last.len().checked_sub(back).and_then(|i| last[i]);
            self.pair(self.tuple(names).get(full), value.as_ref(), out);
            last.clear();
        }
    }

    fn pair(&self, name: Option<&usize>, value: Option<&usize>, out: &mut Vec<u8>) {
        let (Some(name), Some(value)) = (self.text_of(name), self.text_of(value)) else { return };
        let plain = |b: &u8| matches!(b, b' '..=b'~' | 0x80..) && *b != b'"' && *b != b'\\';
        if (6..=1024).contains(&value.len())
            && name.len() <= 80
            && !name.is_empty()
            && name.iter().chain(value).all(plain)
        {
            for part in [name, b" = \"", value, b"\"\n"] {
                out.extend_from_slice(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_brought_together() {
        let script = "import marshal,sys,importlib.util as u\n\
            s='import os\\nDB_NAME = \"inventory-one\"\\nclass C:\\n  token: str = \"second-value\"\\n  def f(self, x):\\n    self.api_key = \"third-value\"\\n    y = x(\"not-assigned\")\\n    x(user=\"fourth-value\", other=x)\\n    return y\\n'\n\
            c=compile(s,'m.py','exec')\nsys.stdout.buffer.write(u.MAGIC_NUMBER+bytes(12)+marshal.dumps(c))";
        let out = std::process::Command::new("python3").args(["-c", script]).output().unwrap();
        assert!(out.status.success());
        let text = String::from_utf8(assignments(&out.stdout)).unwrap();
        for want in
            ["DB_NAME = \"inventory-one\"", "token = \"second-value\"", "api_key = \"third-value\""]
        {
            assert!(text.lines().any(|l| l == want), "{text}");
        }
        assert!(!text.contains("not-assigned"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn nonsense_ends(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), magic in 3390u16..3600) {
            let head = [&magic.to_le_bytes()[..], b"\r\n", &[0; 12], b"\xe3"].concat();
            assignments(&[head, bytes].concat());
        }
    }
}
