//! The one walk through a JSON text that refuses whatever two readers may take differently.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::JsonError;
use super::borrowed::{Borrowed, Members};

/// Reads one value and nothing behind it.
pub(super) fn read(bytes: &[u8], max_depth: usize) -> Result<Borrowed<'_>, JsonError> {
    // Looked at once here, the reader below need not look at each text in it again.
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let refusal = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Strict { depth_left: max_depth, refusal: &refusal }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            refusal.get().unwrap_or(JsonError::Syntax { line: error.line(), column: error.column() })
        })
}

/// Reads one value; the reason of a refusal that is not a syntax error is left in `refusal`.
#[derive(Clone, Copy)]
struct Strict<'r> {
    depth_left: usize,
    refusal: &'r Cell<Option<JsonError>>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(self.refuse(JsonError::TooDeep)),
        }
    }

    fn refuse<E: serde::de::Error>(&self, reason: JsonError) -> E {
        self.refusal.set(Some(reason));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Borrowed<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Borrowed<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Borrowed<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::Number(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::Number(value.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Borrowed<'de>, E> {
        Number::from_f64(value).map(Borrowed::Number).ok_or_else(|| E::custom("number out of range"))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::String(Cow::Borrowed(value)))
    }
    fn visit_str<E>(self, value: &str) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Borrowed<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut elements = Vec::new();
        while let Some(value) = sequence.next_element_seed(inner)? {
            elements.push(value);
        }
        Ok(Borrowed::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Borrowed<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(MemberName)? {
            let value = map.next_value_seed(inner)?;
            if !members.add(name, value) {
                return Err(self.refuse(JsonError::DuplicateMember));
            }
        }
        Ok(Borrowed::Object(members.into_object()))
    }
}

/// A member's name after unescaping, borrowed where the text has no escape.
struct MemberName;

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for MemberName {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }
    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }
    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
