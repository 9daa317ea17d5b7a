//! All that a document says, whichever of it counts.

use super::unicode;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Every string of a JSON text with the key that it stands under, if any. Where keys stand more than once, what they
/// held first is no part of the document for its readers, and still there for everybody to see.
///
/// `None` where the text is no JSON, or 128 levels deep.
pub fn strings(raw: &[u8]) -> Option<Vec<(String, String)>> {
    let text = unicode::repaired(raw);
    let mut out = Vec::new();
    let mut input = serde_json::Deserializer::from_str(&text);
    Collect(&mut out, "").deserialize(&mut input).ok()?;
    Some(out)
}

/// With the key of the value.
struct Collect<'a>(&'a mut Vec<(String, String)>, &'a str);

impl<'de> DeserializeSeed<'de> for Collect<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, v: &str) -> Result<(), E> {
        self.0.push((self.1.to_owned(), v.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Collect(self.0, ""))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Collect(self.0, &key))?;
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}
