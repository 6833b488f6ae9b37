//! JSON that borrows its texts from where it was read: for messages that are looked at once and dropped.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Number, Value};

/// One JSON value.
///
/// ```
/// use jose::json::{self, Borrowed};
///
/// let claims = json::borrow_object(br#"{ "aud": ["shop"] }"#, json::MAX_DEPTH)?;
/// let is_for_shop = match claims.get("aud") {
///     Some(Borrowed::Array(audience)) => audience.contains(&Borrowed::String("shop".into())),
///     _ => false,
/// };
/// assert!(is_for_shop);
/// # Ok::<(), json::JsonError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Borrowed<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number; always finite.
    Number(Number),
    /// A text, copied only where it is written with escapes.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Self>),
    /// An object.
    Object(Object<'a>),
}

/// The members of one JSON object in the order of the text. No two have the same name.
///
/// ```
/// use jose::json;
///
/// let claims = json::borrow_object(br#"{ "sub": "alice", "iat": 1800000000 }"#, json::MAX_DEPTH)?;
/// assert!(claims.contains("sub") && !claims.contains("exp"));
/// assert!(json::borrow_object(br#"{ "sub": "alice", "sub": "bob" }"#, json::MAX_DEPTH).is_err());
/// # Ok::<(), json::JsonError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Borrowed<'a>)>,
}

impl<'a> Object<'a> {
    /// The value of the member with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Borrowed<'a>> {
        self.iter().find(|(known, _)| is_same(known, name)).map(|(_, value)| value)
    }

    /// Whether there is a member with this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Name and value of each member.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Borrowed<'a>)> {
        self.members.iter().map(|(name, value)| (&**name, value))
    }
}

/// An object while it is read.
#[derive(Default)]
pub(super) struct Members<'a> {
    object: Object<'a>,
    /// All names, once comparing a new one with each of them is no longer the cheapest.
    names: Option<HashSet<Cow<'a, str>>>,
}

/// Up to how many members a new name is compared with each known one.
const FEW_MEMBERS: usize = 16;
/// Room made at the first member: header, key and claims of a proof have fewer.
const USUAL_MEMBERS: usize = 8;

impl<'a> Members<'a> {
    /// Adds a member; false if there is one of this name.
    pub(super) fn add(&mut self, name: Cow<'a, str>, value: Borrowed<'a>) -> bool {
        let members = &mut self.object.members;
        let is_new = match members.len() {
            0 => {
                *members = Vec::with_capacity(USUAL_MEMBERS);
                true
            }
            1..FEW_MEMBERS => !members.iter().any(|(known, _)| is_same(known, &name)),
            _ => {
                let known = || members.iter().map(|(name, _)| name.clone()).collect();
                self.names.get_or_insert_with(known).insert(name.clone())
            }
        };
        if is_new {
            members.push((name, value));
        }
        is_new
    }

    pub(super) fn into_object(self) -> Object<'a> {
        self.object
    }
}

/// Names are short and most differ in length or at the start: no call to compare memory.
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(|(one, other)| one == other)
}

impl From<Object<'_>> for Map<String, Value> {
    fn from(object: Object<'_>) -> Self {
        object.members.into_iter().map(|(name, value)| (name.into_owned(), value.into())).collect()
    }
}

impl From<Borrowed<'_>> for Value {
    fn from(value: Borrowed<'_>) -> Self {
        match value {
            Borrowed::Null => Self::Null,
            Borrowed::Bool(value) => Self::Bool(value),
            Borrowed::Number(number) => Self::Number(number),
            Borrowed::String(text) => Self::String(text.into_owned()),
            Borrowed::Array(elements) => elements.into_iter().map(Self::from).collect(),
            Borrowed::Object(object) => Self::Object(object.into()),
        }
    }
}
