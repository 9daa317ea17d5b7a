//! What Go's own types take: strings, numbers, pointers, slices, maps.

use super::{Reading, Unmarshal};
use serde::de::{IgnoredAny, MapAccess, SeqAccess};
use std::collections::BTreeMap;

impl Unmarshal for String {
    const BELONGS: &'static str = "a string";

    fn string(&mut self, v: &str) -> bool {
        self.clear();
        self.push_str(v);
        true
    }
}

impl Unmarshal for bool {
    const BELONGS: &'static str = "true or false";

    fn boolean(&mut self, v: bool) -> bool {
        *self = v;
        true
    }
}

impl Unmarshal for i64 {
    const BELONGS: &'static str = "a whole number";

    fn integer(&mut self, v: i64) -> bool {
        *self = v;
        true
    }
}

impl Unmarshal for u64 {
    const BELONGS: &'static str = "a whole number that is not negative";

    fn integer(&mut self, v: i64) -> bool {
        u64::try_from(v).map(|v| *self = v).is_ok()
    }
}

/// Go's pointer.
impl<T: Unmarshal + Default> Unmarshal for Option<T> {
    const BELONGS: &'static str = T::BELONGS;

    fn null(&mut self) {
        *self = None;
    }

    fn boolean(&mut self, v: bool) -> bool {
        self.get_or_insert_default().boolean(v)
    }

    fn integer(&mut self, v: i64) -> bool {
        self.get_or_insert_default().integer(v)
    }

    fn other_number(&mut self, v: f64) -> bool {
        self.get_or_insert_default().other_number(v)
    }

    fn string(&mut self, v: &str) -> bool {
        self.get_or_insert_default().string(v)
    }

    fn array<'de, A: SeqAccess<'de>>(&mut self, v: A, r: &Reading) -> Result<bool, A::Error> {
        self.get_or_insert_default().array(v, r)
    }

    fn object<'de, A: MapAccess<'de>>(&mut self, v: A, r: &Reading) -> Result<bool, A::Error> {
        self.get_or_insert_default().object(v, r)
    }
}

impl<T: Unmarshal + Default> Unmarshal for Vec<T> {
    const BELONGS: &'static str = "a list";

    fn null(&mut self) {
        self.clear();
    }

    fn array<'de, A: SeqAccess<'de>>(&mut self, mut v: A, r: &Reading) -> Result<bool, A::Error> {
        let mut length = 0;
        loop {
            let mut fresh = None;
            let element = match self.get_mut(length) {
                Some(element) => element,
                None => fresh.insert(T::default()),
            };
            if r.element(length, &mut v, element)?.is_none() {
                break;
            }
            self.extend(fresh);
            length += 1;
        }
        self.truncate(length);
        Ok(true)
    }
}

/// A map's keys are its own: they are told apart by case. A value of an earlier equal key is lost.
impl<T: Unmarshal + Default> Unmarshal for BTreeMap<String, T> {
    const BELONGS: &'static str = "an object";

    fn null(&mut self) {
        self.clear();
    }

    fn object<'de, A: MapAccess<'de>>(&mut self, mut v: A, r: &Reading) -> Result<bool, A::Error> {
        while let Some(key) = v.next_key::<String>()? {
            let mut value = T::default();
            // The key is the document's own, and may be a secret.
            r.field("*", &mut v, &mut value)?;
            if self.insert(key, value).is_some() {
                r.repeated("*");
            }
        }
        Ok(true)
    }
}

/// A value of which nothing is wanted but that it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present;

impl Unmarshal for Present {
    const BELONGS: &'static str = "a value";

    fn boolean(&mut self, _: bool) -> bool {
        true
    }

    fn integer(&mut self, _: i64) -> bool {
        true
    }

    fn other_number(&mut self, _: f64) -> bool {
        true
    }

    fn string(&mut self, _: &str) -> bool {
        true
    }

    fn array<'de, A: SeqAccess<'de>>(&mut self, mut v: A, _: &Reading) -> Result<bool, A::Error> {
        while v.next_element::<IgnoredAny>()?.is_some() {}
        Ok(true)
    }

    fn object<'de, A: MapAccess<'de>>(&mut self, mut v: A, _: &Reading) -> Result<bool, A::Error> {
        while v.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(true)
    }
}
