//! JSON as Go's `encoding/json` reads it: runtimes, registries and builders are written in Go, so what they
//! make of a document is what the document says.
//!
//! - A key names a field in any case, by Unicode's simple folding: `ſ` is an `s`, the Kelvin sign a `k`.
//! - Every occurrence of a key counts, in order: the last one wins, objects and the elements of lists are
//!   written *into* what stood there before, field by field.
//! - `null` leaves a string, a number, a structure as it is, and empties a list, a map, an [`Option`].
//! - Unknown fields are passed over, whatever they hold and however deep.
//! - What is no Unicode, as bytes or as half of a pair of escapes, is U+FFFD.
//! - A value of the wrong type is an error. It names the field and never quotes the value: that may be a
//!   secret.
//!
//! The depth is that of the Rust types; nothing recurses over the input. One thing is not imitated: an
//! element that a shorter list cut off comes back in Go when a third list is longer again and leaves fields
//! of it out ([`Reading::repeated`] tells that such lists were met).
//!
//! A type states its fields with `go_struct!`:
//!
//! ```ignore
//! #[derive(Default)]
//! struct Login { username: String, servers: Vec<String> }
//! go_struct!(Login { "username" => username, "servers" => servers });
//! let login: Login = go_json::unmarshal(bytes)?.value;
//! ```

mod strings;
mod unicode;
mod values;

pub use strings::strings;
pub use values::Present;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::fmt::{self, Write as _};

/// Why bytes are not the JSON that belongs there.
#[derive(Debug, thiserror::Error)]
#[error("{place}{}{source}", if place.is_empty() { "" } else { ": " })]
pub struct JsonError {
    /// The field, such as `config.Env[3]`; empty where the text itself is broken at its top.
    place: String,
    source: serde_json::Error,
}

/// What came of a document.
#[derive(Debug)]
pub struct Unmarshalled<T> {
    pub value: T,
    /// Whether characters of it had to be replaced by U+FFFD.
    pub repaired: bool,
    /// Fields that stand more than once in one object, such as `config.Env`; of a map's keys, which may be
    /// secrets, `config.Labels.*`. Readers that are no Go may take another one.
    pub repeated: Vec<String>,
}

impl<T> Unmarshalled<T> {
    /// What had to be put right in it, for a report.
    pub fn remarks(&self) -> Vec<String> {
        let repaired = self.repaired.then_some("characters that are no Unicode were replaced");
        repaired.map(str::to_owned).into_iter().collect()
    }
}

/// Reads a whole document.
///
/// # Errors
/// Where the text is no JSON, or a value is not of the type that its field has.
pub fn unmarshal<T: Unmarshal + Default>(raw: &[u8]) -> Result<Unmarshalled<T>, JsonError> {
    read(raw).map(|(value, repeated)| Unmarshalled { value, repaired: false, repeated }).or_else(
        |error| {
            let repaired = unicode::repaired(raw);
            if repaired.as_bytes() == raw {
                return Err(error);
            }
            // Where it is still bad, the fault is another one, and its place that of the first reading.
            let (value, repeated) = read(repaired.as_bytes()).map_err(|_| error)?;
            Ok(Unmarshalled { value, repaired: true, repeated })
        },
    )
}

fn read<T: Unmarshal + Default>(raw: &[u8]) -> Result<(T, Vec<String>), JsonError> {
    let mut value = T::default();
    let reading = Reading::default();
    let mut input = serde_json::Deserializer::from_slice(raw);
    let done = Target(&mut value, &reading).deserialize(&mut input).and_then(|()| input.end());
    match done {
        Ok(()) => Ok((value, reading.repeated.into_inner())),
        Err(source) => Err(JsonError { place: reading.place(), source }),
    }
}

/// A type that a JSON value can be written into, as Go's `Unmarshal` does it. Each method tells whether
/// such a value belongs there.
pub trait Unmarshal {
    /// What belongs there, for errors: `a string`.
    const BELONGS: &'static str;

    fn null(&mut self) {}

    fn boolean(&mut self, _: bool) -> bool {
        false
    }

    /// A number without a fraction or an exponent that fits Go's `int64`.
    fn integer(&mut self, _: i64) -> bool {
        false
    }

    /// Any other number, as near as a float comes.
    fn other_number(&mut self, _: f64) -> bool {
        false
    }

    fn string(&mut self, _: &str) -> bool {
        false
    }

    /// # Errors
    /// Those of the elements.
    fn array<'de, A: SeqAccess<'de>>(&mut self, _: A, _: &Reading) -> Result<bool, A::Error> {
        Ok(false)
    }

    /// # Errors
    /// Those of the values.
    fn object<'de, A: MapAccess<'de>>(&mut self, _: A, _: &Reading) -> Result<bool, A::Error> {
        Ok(false)
    }
}

/// One reading of one document.
#[derive(Debug, Default)]
pub struct Reading {
    /// Where it is, outermost first; where it failed, that place.
    path: RefCell<Vec<Step>>,
    repeated: RefCell<Vec<String>>,
}

#[derive(Debug)]
enum Step {
    Field(&'static str),
    Element(usize),
}

impl Reading {
    /// Notes that a field stands more than once in its object; `*` for a key of a map. Of the elements of a list
    /// it is one field, so that there are no more than the types have.
    pub fn repeated(&self, name: &'static str) {
        let mut place = String::new();
        let path = self.path.borrow();
        let names = path.iter().filter_map(|step| match step {
            Step::Field(name) => Some(*name),
            Step::Element(_) => None,
        });
        for name in names.chain([name]) {
            if !place.is_empty() {
                place.push('.');
            }
            place.push_str(name);
        }
        let mut repeated = self.repeated.borrow_mut();
        if !repeated.contains(&place) {
            repeated.push(place);
        }
    }

    /// Reads the next value of `map` into the field of this name.
    ///
    /// # Errors
    /// Where the value does not belong there.
    pub fn field<'de, A: MapAccess<'de>, T: Unmarshal>(
        &self,
        name: &'static str,
        map: &mut A,
        field: &mut T,
    ) -> Result<(), A::Error> {
        self.path.borrow_mut().push(Step::Field(name));
        map.next_value_seed(Target(field, self)).inspect(|()| self.leave())
    }

    /// Reads the next element of `list`, which has this number; `None` at its end.
    ///
    /// # Errors
    /// Where it does not belong there.
    pub fn element<'de, A: SeqAccess<'de>, T: Unmarshal>(
        &self,
        number: usize,
        list: &mut A,
        element: &mut T,
    ) -> Result<Option<()>, A::Error> {
        self.path.borrow_mut().push(Step::Element(number));
        list.next_element_seed(Target(element, self)).inspect(|_| self.leave())
    }

    fn leave(&self) {
        self.path.borrow_mut().pop();
    }

    fn place(&self) -> String {
        let mut out = String::new();
        for step in self.path.borrow().iter() {
            match step {
                Step::Field(name) if out.is_empty() => out.push_str(name),
                Step::Field(name) => {
                    let _ = write!(out, ".{name}");
                }
                Step::Element(n) => {
                    let _ = write!(out, "[{n}]");
                }
            }
        }
        out
    }
}

/// The place that a value is read into.
struct Target<'a, T>(&'a mut T, &'a Reading);

impl<T: Unmarshal> Target<'_, T> {
    fn check<E: de::Error>(belongs: bool, found: &str) -> Result<(), E> {
        if belongs {
            return Ok(());
        }
        Err(E::custom(format_args!("{found} where {} belongs", T::BELONGS)))
    }
}

impl<'de, T: Unmarshal> DeserializeSeed<'de> for Target<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, T: Unmarshal> Visitor<'de> for Target<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::BELONGS)
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.null();
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<(), E> {
        Self::check(self.0.boolean(v), "true or false")
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<(), E> {
        Self::check(self.0.integer(v), if v < 0 { "a negative number" } else { "a number" })
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<(), E> {
        match i64::try_from(v) {
            Ok(v) => self.visit_i64(v),
            Err(_) => Self::check(self.0.other_number(v as f64), "a number beyond 64 bits"),
        }
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<(), E> {
        Self::check(self.0.other_number(v), "a number that is not whole")
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<(), E> {
        Self::check(self.0.string(v), "a string")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        let belongs = self.0.array(list, self.1)?;
        Self::check(belongs, "a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let belongs = self.0.object(map, self.1)?;
        Self::check(belongs, "an object")
    }
}

/// The key of a structure: the number of the field that it names.
#[doc(hidden)]
pub struct FieldOf(pub &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for FieldOf {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Option<usize>, D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldOf {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Option<usize>, E> {
        let exact = self.0.iter().position(|name| *name == key);
        Ok(exact.or_else(|| self.0.iter().position(|name| is_same(key, name))))
    }
}

/// Whether a key names a field of ASCII letters, by Unicode's simple folding.
fn is_same(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    // No character that folds to one of `name` takes more than three bytes.
    key.len() <= 3 * name.len() && key.chars().map(fold).eq(name.chars().map(fold))
}

/// Writes down which keys name which fields of a structure, at most 64.
macro_rules! go_struct {
    ($type:ty { $($name:literal => $field:ident),+ $(,)? }) => {
        impl $crate::oci::go_json::Unmarshal for $type {
            const BELONGS: &'static str = "an object";

            fn object<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                mut map: A,
                reading: &$crate::oci::go_json::Reading,
            ) -> Result<bool, A::Error> {
                const NAMES: &[&str] = &[$($name),+];
                let mut met = 0_u64;
                while let Some(found) =
                    map.next_key_seed($crate::oci::go_json::FieldOf(NAMES))?
                {
                    let name = found.map_or("", |number| NAMES[number]);
                    let bit = found.map_or(0, |number| 1_u64 << number);
                    if met & bit != 0 {
                        reading.repeated(name);
                    }
                    met |= bit;
                    match name {
                        $($name => reading.field($name, &mut map, &mut self.$field)?,)+
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(true)
            }
        }
    };
}
pub(crate) use go_struct;

#[cfg(test)]
mod tests;
