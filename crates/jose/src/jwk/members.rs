//! The members of a JWK that mean something here, taken out of its JSON in one go.

use serde_json::{Map, Value};

use super::JwkError;
use crate::json::{Borrowed, Object};

/// What a JWK says, by member; members of no meaning here are left out.
#[derive(Default)]
pub(super) struct Members<'m> {
    /// There is a member that only private or symmetric keys have (RFC 7518, section 6; RFC 9964). Its presence alone refuses
    /// a public key (D14).
    pub(super) has_private: bool,
    pub(super) kty: Option<Member<'m>>,
    pub(super) crv: Option<Member<'m>>,
    pub(super) x: Option<Member<'m>>,
    pub(super) y: Option<Member<'m>>,
    pub(super) n: Option<Member<'m>>,
    pub(super) e: Option<Member<'m>>,
    pub(super) alg: Option<Member<'m>>,
    pub(super) r#use: Option<Member<'m>>,
    pub(super) key_ops: Option<Member<'m>>,
}

/// The value of a member, as far as values differ here.
#[derive(Clone, Copy)]
pub(super) enum Member<'m> {
    Text(&'m str),
    /// A list of texts, as `key_ops` is.
    Texts {
        has_verify: bool,
    },
    Other,
}

impl<'m> Members<'m> {
    fn read(members: impl Iterator<Item = (&'m str, Member<'m>)>) -> Self {
        let mut read = Self::default();
        for (name, member) in members {
            match name {
                "kty" => read.kty = Some(member),
                "crv" => read.crv = Some(member),
                "x" => read.x = Some(member),
                "y" => read.y = Some(member),
                "n" => read.n = Some(member),
                "e" => read.e = Some(member),
                "alg" => read.alg = Some(member),
                "use" => read.r#use = Some(member),
                "key_ops" => read.key_ops = Some(member),
                "d" | "p" | "q" | "dp" | "dq" | "qi" | "oth" | "k" | "priv" => read.has_private = true,
                _ => {}
            }
        }
        read
    }
}

impl<'m> From<&'m Map<String, Value>> for Members<'m> {
    fn from(members: &'m Map<String, Value>) -> Self {
        Self::read(members.iter().map(|(name, value)| (name.as_str(), Member::from(value))))
    }
}

impl<'m> From<&'m Object<'_>> for Members<'m> {
    fn from(members: &'m Object<'_>) -> Self {
        Self::read(members.iter().map(|(name, value)| (name, Member::from(value))))
    }
}

impl<'m> From<&'m Value> for Member<'m> {
    fn from(value: &'m Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Array(elements) if elements.iter().all(Value::is_string) => {
                Self::Texts { has_verify: elements.iter().any(|element| element == VERIFY) }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Self::Other
            }
        }
    }
}

impl<'m> From<&'m Borrowed<'_>> for Member<'m> {
    fn from(value: &'m Borrowed<'_>) -> Self {
        match value {
            Borrowed::String(text) => Self::Text(text),
            Borrowed::Array(elements)
                if elements.iter().all(|element| matches!(element, Borrowed::String(_))) =>
            {
                let is_verify =
                    |element: &Borrowed<'_>| matches!(element, Borrowed::String(text) if text == VERIFY);
                Self::Texts { has_verify: elements.iter().any(is_verify) }
            }
            Borrowed::Null
            | Borrowed::Bool(_)
            | Borrowed::Number(_)
            | Borrowed::Array(_)
            | Borrowed::Object(_) => Self::Other,
        }
    }
}

/// The text of a member that must be there.
pub(super) fn text<'m>(member: Option<Member<'m>>, name: &'static str) -> Result<&'m str, JwkError> {
    match member {
        Some(Member::Text(text)) => Ok(text),
        Some(Member::Texts { .. } | Member::Other) => Err(JwkError::WrongType(name)),
        None => Err(JwkError::MissingMember(name)),
    }
}

/// The operation that a key for signatures of others must allow (RFC 7517, section 4.3).
const VERIFY: &str = "verify";
