//! JSON as a verifier must read it: one object, no ambiguity.
//!
//! RFC 7515, section 4, and RFC 7519, section 4, let a parser refuse duplicate members or silently take the last one. Two readers that differ
//! there can be played against each other, so duplicates are refused at every depth, also when one is written with escapes. So are invalid
//! UTF-8, a byte order mark, lone surrogates, trailing bytes, numbers that are not finite as a double, and nesting beyond a limit.

mod borrowed;
mod strict;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use borrowed::{Borrowed, Object};

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
    borrow_object(bytes, max_depth).map(Map::from)
}

/// As [`parse_object`], without copying the text: for what is looked at once.
///
/// # Errors
///
/// One [`JsonError`], never [`JsonError::WrongShape`].
pub fn borrow_object(bytes: &[u8], max_depth: usize) -> Result<Object<'_>, JsonError> {
    match strict::read(bytes, max_depth)? {
        Borrowed::Object(object) => Ok(object),
        Borrowed::Null
        | Borrowed::Bool(_)
        | Borrowed::Number(_)
        | Borrowed::String(_)
        | Borrowed::Array(_) => Err(JsonError::NotAnObject),
    }
}

/// Parses one JSON value of any kind, as strictly as [`parse_object`].
///
/// # Errors
///
/// One [`JsonError`], never [`JsonError::NotAnObject`] or [`JsonError::WrongShape`].
pub fn parse_value(bytes: &[u8], max_depth: usize) -> Result<Value, JsonError> {
    strict::read(bytes, max_depth).map(Value::from)
}

/// Parses one JSON object, as strictly as [`parse_object`], into a type that may borrow from `bytes`.
///
/// # Errors
///
/// One [`JsonError`]; [`JsonError::WrongShape`] when only the conversion into `T` failed.
pub fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8], max_depth: usize) -> Result<T, JsonError> {
    borrow_object(bytes, max_depth)?;
    serde_json::from_slice(bytes)
        .map_err(|error| JsonError::WrongShape { line: error.line(), column: error.column() })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

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
    fn refuses_duplicates_among_many_members() {
        let object = |names: &[String]| {
            let members: Vec<String> = names.iter().map(|name| format!(r#""{name}":1"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        for count in 1..50_usize {
            let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
            check(object(&names), Ok(()));
            for again in ["n0", r"\u006e0", &format!("n{}", count - 1), &format!("n{}", count / 2)] {
                let twice: Vec<String> = names.iter().cloned().chain([again.to_owned()]).collect();
                check(object(&twice), Err(JsonError::DuplicateMember));
                let then_more: Vec<String> = twice.into_iter().chain(["more".to_owned()]).collect();
                check(object(&then_more), Err(JsonError::DuplicateMember));
            }
        }
    }

    #[test]
    fn borrows_all_that_has_no_escape() {
        let text = br#"{"a":"plain","b\u0062":"esc\u0061ped","c":[null,true,-1,{}]}"#;
        let object = borrow_object(text, MAX_DEPTH).unwrap();
        let names: Vec<&str> = object.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "bb", "c"]);
        assert!(matches!(object.get("a"), Some(Borrowed::String(Cow::Borrowed("plain")))));
        assert!(matches!(object.get("bb"), Some(Borrowed::String(Cow::Owned(text))) if text == "escaped"));
        assert!(object.get("b").is_none());
        let expected = serde_json::json!({"a": "plain", "bb": "escaped", "c": [null, true, -1, {}]});
        assert_eq!(Value::Object(Map::from(object)), expected);
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
