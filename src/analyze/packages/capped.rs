//! Lists in JSON of which no more than a given number is kept: `[{},{},…]` of some megabytes would be
//! gigabytes of structs.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The first `N` elements of an array.
#[derive(Debug)]
pub(super) struct Most<T, const N: usize> {
    pub list: Vec<T>,
    /// There were more.
    pub over: bool,
}

/// The first `N` members of an object, in their order.
#[derive(Debug)]
pub(super) struct MostPairs<T, const N: usize> {
    pub list: Vec<(String, T)>,
    /// There were more.
    pub over: bool,
}

impl<T, const N: usize> Default for Most<T, N> {
    fn default() -> Self {
        Self { list: Vec::new(), over: false }
    }
}

impl<T, const N: usize> Default for MostPairs<T, N> {
    fn default() -> Self {
        Self { list: Vec::new(), over: false }
    }
}

struct Elements<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Elements<T, N> {
    type Value = Most<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Most::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut most = Most::default();
        while most.list.len() < N {
            match seq.next_element()? {
                Some(one) => most.list.push(one),
                None => return Ok(most),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            most.over = true;
        }
        Ok(most)
    }
}

struct Members<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Members<T, N> {
    type Value = MostPairs<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(MostPairs::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut most = MostPairs::default();
        while most.list.len() < N {
            match map.next_entry()? {
                Some(one) => most.list.push(one),
                None => return Ok(most),
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            most.over = true;
        }
        Ok(most)
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Most<T, N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Elements(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for MostPairs<T, N> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Members(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_more_are_told() {
        let most: Most<u8, 2> = serde_json::from_str("[1, 2, {\"x\": []}]").unwrap();
        assert_eq!((most.list, most.over), (vec![1, 2], true));
        let most: Most<u8, 2> = serde_json::from_str("null").unwrap();
        assert_eq!((most.list, most.over), (vec![], false));
        let most: MostPairs<u8, 1> = serde_json::from_str("{\"a\": 1, \"b\": 2}").unwrap();
        assert_eq!((most.list, most.over), (vec![("a".to_owned(), 1)], true));
    }
}
