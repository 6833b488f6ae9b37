//! JSON as a verifier must read it: one object, no ambiguity.
//!
//! RFC 7515, section 4, and RFC 7519, section 4, let a parser refuse duplicate members or silently take the last one. Two readers that differ
//! there can be played against each other, so duplicates are refused at every depth, also when one is written with escapes. So are invalid
//! UTF-8, a byte order mark, lone surrogates, trailing bytes, numbers that are not finite as a double, and nesting beyond a limit.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The nesting that protocol messages get: an object inside an object has depth 2.
pub const MAX_DEPTH: usize = 16;

/// Why bytes are not one acceptable JSON object. No variant carries input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not UTF-8 (RFC 8259, section 8.1).
    #[error("not UTF-8")]
    NotUtf8,
    /// Not JSON: also a byte order mark, a lone surrogate, trailing bytes, a number beyond the range of a double.
    #[error("not valid JSON at line {line}, column {column}")]
    Syntax {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault in bytes, from 1; 0 when the text ended too early on a line.
        column: usize,
    },
    /// Valid so far, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// An object has two members of the same name.
    #[error("an object has two members of the same name")]
    DuplicateMember,
    /// Objects and arrays are nested deeper than allowed.
    #[error("nested too deeply")]
    TooDeep,
    /// A JSON object, but not of the type asked for: a member is missing or has another type.
    #[error("a member is missing or has the wrong type, at line {line}, column {column}")]
    WrongShape {
        /// Line where the fault was noticed, from 1.
        line: usize,
        /// Column where the fault was noticed in bytes, from 1.
        column: usize,
    },
}

/// Parses one JSON object whose objects and arrays are nested at most `max_depth` deep, the outermost counted.
///
/// # Errors
///
/// One [`JsonError`], never [`JsonError::WrongShape`].
pub fn parse_object(bytes: &[u8], max_depth: usize) -> Result<Map<String, Value>, JsonError> {
    match read(bytes, max_depth, Build)? {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(JsonError::NotAnObject)
        }
    }
}

/// Parses one JSON value of any kind, as strictly as [`parse_object`].
///
/// # Errors
///
/// One [`JsonError`], never [`JsonError::NotAnObject`] or [`JsonError::WrongShape`].
pub fn parse_value(bytes: &[u8], max_depth: usize) -> Result<Value, JsonError> {
    read(bytes, max_depth, Build)
}

/// Parses one JSON object, as strictly as [`parse_object`], into a type that may borrow from `bytes`.
///
/// # Errors
///
/// One [`JsonError`]; [`JsonError::WrongShape`] when only the conversion into `T` failed.
pub fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8], max_depth: usize) -> Result<T, JsonError> {
    if read(bytes, max_depth, Scan)? != Kind::Object {
        return Err(JsonError::NotAnObject);
    }
    serde_json::from_slice(bytes)
        .map_err(|error| JsonError::WrongShape { line: error.line(), column: error.column() })
}

fn read<S: Shape>(bytes: &[u8], max_depth: usize, shape: S) -> Result<S::Output, JsonError> {
    std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let refusal = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Strict { shape, depth_left: max_depth, refusal: &refusal }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            refusal.get().unwrap_or(JsonError::Syntax { line: error.line(), column: error.column() })
        })
}

/// What a strict walk makes of the text: a tree, or nothing but the knowledge that it is good.
trait Shape: Copy {
    type Output;
    type Members: Default;
    type Elements: Default;
    fn scalar(self, value: Scalar<'_>) -> Self::Output;
    fn add_element(self, elements: &mut Self::Elements, value: Self::Output);
    fn array(self, elements: Self::Elements) -> Self::Output;
    /// Tells whether the name is new.
    fn add_member(self, members: &mut Self::Members, name: Cow<'_, str>, value: Self::Output) -> bool;
    fn object(self, members: Self::Members) -> Self::Output;
}

enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Number),
    String(&'a str),
}

#[derive(Clone, Copy)]
struct Build;

impl Shape for Build {
    type Output = Value;
    type Members = Map<String, Value>;
    type Elements = Vec<Value>;

    fn scalar(self, value: Scalar<'_>) -> Value {
        match value {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Number(value) => Value::Number(value),
            Scalar::String(value) => Value::String(value.to_owned()),
        }
    }
    fn add_element(self, elements: &mut Vec<Value>, value: Value) {
        elements.push(value);
    }
    fn array(self, elements: Vec<Value>) -> Value {
        Value::Array(elements)
    }
    fn add_member(self, members: &mut Map<String, Value>, name: Cow<'_, str>, value: Value) -> bool {
        members.insert(name.into_owned(), value).is_none()
    }
    fn object(self, members: Map<String, Value>) -> Value {
        Value::Object(members)
    }
}

#[derive(Clone, Copy)]
struct Scan;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Other,
}

impl Shape for Scan {
    type Output = Kind;
    type Members = HashSet<String>;
    type Elements = ();

    fn scalar(self, _: Scalar<'_>) -> Kind {
        Kind::Other
    }
    fn add_element(self, (): &mut (), _: Kind) {}
    fn array(self, (): ()) -> Kind {
        Kind::Other
    }
    fn add_member(self, members: &mut HashSet<String>, name: Cow<'_, str>, _: Kind) -> bool {
        members.insert(name.into_owned())
    }
    fn object(self, _: HashSet<String>) -> Kind {
        Kind::Object
    }
}

/// Reads one value; the reason of a refusal that is not a syntax error is left in `refusal`.
#[derive(Clone, Copy)]
struct Strict<'r, S> {
    shape: S,
    depth_left: usize,
    refusal: &'r Cell<Option<JsonError>>,
}

impl<S> Strict<'_, S> {
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

impl<'de, S: Shape> DeserializeSeed<'de> for Strict<'_, S> {
    type Value = S::Output;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Output, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape> Visitor<'de> for Strict<'_, S> {
    type Value = S::Output;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<S::Output, E> {
        Ok(self.shape.scalar(Scalar::Null))
    }
    fn visit_bool<E>(self, value: bool) -> Result<S::Output, E> {
        Ok(self.shape.scalar(Scalar::Bool(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<S::Output, E> {
        Ok(self.shape.scalar(Scalar::Number(value.into())))
    }
    fn visit_u64<E>(self, value: u64) -> Result<S::Output, E> {
        Ok(self.shape.scalar(Scalar::Number(value.into())))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<S::Output, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(self.shape.scalar(Scalar::Number(number)))
    }
    fn visit_str<E>(self, value: &str) -> Result<S::Output, E> {
        Ok(self.shape.scalar(Scalar::String(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<S::Output, A::Error> {
        let inner = self.deeper()?;
        let mut elements = S::Elements::default();
        while let Some(value) = sequence.next_element_seed(inner)? {
            self.shape.add_element(&mut elements, value);
        }
        Ok(self.shape.array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S::Output, A::Error> {
        let inner = self.deeper()?;
        let mut members = S::Members::default();
        while let Some(name) = map.next_key_seed(MemberName)? {
            let value = map.next_value_seed(inner)?;
            if !self.shape.add_member(&mut members, name, value) {
                return Err(self.refuse(JsonError::DuplicateMember));
            }
        }
        Ok(self.shape.object(members))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: impl AsRef<[u8]>, expected: Result<(), JsonError>) {
        let bytes = text.as_ref();
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(parse_object(bytes, MAX_DEPTH).map(drop), expected, "parse_object of {shown}");
        assert_eq!(from_slice::<Value>(bytes, MAX_DEPTH).map(drop), expected, "from_slice of {shown}");
    }

    fn is_syntax_error(text: impl AsRef<[u8]>) {
        let bytes = text.as_ref();
        let result = parse_object(bytes, MAX_DEPTH);
        assert!(
            matches!(result, Err(JsonError::Syntax { .. })),
            "{result:?} for {}",
            String::from_utf8_lossy(bytes)
        );
        assert!(matches!(from_slice::<Value>(bytes, MAX_DEPTH), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn accepts_one_object() {
        check("{}", Ok(()));
        check(" {\"a\":[1,-2,3.5,1e308,true,null,\"\\ud83d\\ude00\"]}\n", Ok(()));
        let members = parse_object(br#"{"a":{"b":[1,"x"]},"c":18446744073709551615}"#, MAX_DEPTH).unwrap();
        assert_eq!(Value::Object(members), serde_json::json!({"a": {"b": [1, "x"]}, "c": u64::MAX}));
    }

    #[test]
    fn refuses_what_is_not_an_object() {
        for text in ["null", "1", "\"a\"", "[]", "[{}]", "true"] {
            check(text, Err(JsonError::NotAnObject));
        }
    }

    #[test]
    fn refuses_duplicates_at_any_depth_and_by_escapes() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[[{"a":1,"a":2}]]}"#,
            r#"{"":1,"":2}"#,
        ] {
            check(text, Err(JsonError::DuplicateMember));
        }
        check(r#"{"a":{"a":{"a":1}},"A":1}"#, Ok(()));
    }

    #[test]
    fn bounds_the_depth() {
        let nested =
            |depth: usize| format!("{}{}{}{}", "{\"a\":", "[".repeat(depth - 1), "]".repeat(depth - 1), "}");
        check(nested(16), Ok(()));
        check(nested(17), Err(JsonError::TooDeep));
        check(nested(100_000), Err(JsonError::TooDeep));
    }

    #[test]
    fn refuses_bytes_that_readers_may_take_differently() {
        check(b"{\"a\":\"\xff\"}", Err(JsonError::NotUtf8));
        check(b"{\"a\":\"\xed\xa0\x80\"}", Err(JsonError::NotUtf8));
        is_syntax_error("\u{feff}{}");
        is_syntax_error("{} {}");
        is_syntax_error("{}\0");
        is_syntax_error("");
        is_syntax_error("{\"a\":1,}");
        is_syntax_error("{'a':1}");
        is_syntax_error("{a:1}");
        is_syntax_error("{\"a\":\"\\ud800\"}");
        is_syntax_error("{\"\\udc00\":1}");
        is_syntax_error("{\"a\":NaN}");
        is_syntax_error("{\"a\":Infinity}");
        is_syntax_error("{\"a\":01}");
        is_syntax_error("{\"a\":1} // comment");
        is_syntax_error("{\"a\":\"\t\"}");
    }

    #[test]
    fn refuses_numbers_beyond_a_double() {
        is_syntax_error("{\"a\":1e999999}");
        is_syntax_error("{\"a\":-1e400}");
        is_syntax_error(format!("{{\"a\":1{}}}", "0".repeat(400)));
    }

    #[test]
    fn borrows_into_a_type_and_names_a_wrong_shape() {
        #[derive(Deserialize, Debug, PartialEq)]
        struct Named<'a> {
            name: &'a str,
        }
        assert_eq!(from_slice::<Named<'_>>(br#"{"name":"x","other":1}"#, 4), Ok(Named { name: "x" }));
        assert!(matches!(from_slice::<Named<'_>>(br#"{"name":1}"#, 4), Err(JsonError::WrongShape { .. })));
        assert!(matches!(from_slice::<Named<'_>>(b"{}", 4), Err(JsonError::WrongShape { .. })));
    }
}
