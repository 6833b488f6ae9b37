//! [`Value`]: everything a template can hold.

use std::{fmt, sync::Arc};

use crate::{list::List, map::Map, object::Object, text::Text, time::Time};

/// A value of a template. Cheap to clone.
///
/// Equality is Go's `reflect.DeepEqual`: values of different types are never equal, not even 1 and 1.0.
#[derive(Clone)]
pub enum Value {
    /// Null.
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(Integer),
    /// A floating point number: every number that came from JSON.
    Float(f64),
    /// A string.
    String(Text),
    /// A list.
    List(List),
    /// A map by text.
    Map(Map),
    /// A point in time.
    Time(Time),
    /// A thing of the host with fields and methods.
    Object(Arc<dyn Object>),
}

/// An integer with its Go type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer {
    /// The number.
    pub value: i64,
    /// The type; only `typeOf`, `kindOf`, `deepEqual` and functions that want an `int` look at it.
    pub kind: IntegerKind,
}

/// The Go types integers can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerKind {
    /// `int`: constants, lengths, numbers of YAML documents.
    Int,
    /// `int64`: results of the arithmetic functions.
    Int64,
    /// `uint8`: a byte of a string.
    Uint8,
    /// `uint64`: parts of a version.
    Uint64,
}

/// The declared type of a list's or map's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// Anything.
    Any,
    /// `string`.
    Text,
    /// `int`.
    Int,
    /// Lists of anything.
    List,
    /// Lists of strings.
    TextList,
    /// Things of the host, of the Go type named.
    Object(&'static str),
}

impl Value {
    /// A Go `int`.
    pub fn int(value: i64) -> Self {
        Self::Int(Integer { value, kind: IntegerKind::Int })
    }

    /// A Go `int64`.
    pub fn int64(value: i64) -> Self {
        Self::Int(Integer { value, kind: IntegerKind::Int64 })
    }

    /// The type in Go's words, as `typeOf` and `%T` give it.
    pub fn type_name(&self) -> String {
        match self {
            Self::Nil => "<nil>".into(),
            Self::Bool(_) => "bool".into(),
            Self::Int(integer) => integer.kind.name().into(),
            Self::Float(_) => "float64".into(),
            Self::String(_) => "string".into(),
            Self::List(list) => format!("[]{}", list.element().name()),
            Self::Map(map) => format!("map[string]{}", map.element().name()),
            Self::Time(_) => "time.Time".into(),
            Self::Object(object) => object.type_name().into(),
        }
    }

    /// The kind in Go's words, as `kindOf` gives it.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(integer) => integer.kind.name(),
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::List(_) => "slice",
            Self::Map(_) => "map",
            Self::Time(_) => "struct",
            Self::Object(object) => {
                if object.entries().is_some() {
                    "map"
                } else {
                    "ptr"
                }
            }
        }
    }

    /// What `if`, `with`, `and`, `or`, `not` make of it: false are false, 0, null and whatever is empty.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(integer) => integer.value != 0,
            Self::Float(value) => *value != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::List(list) => !list.items().is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Time(_) => true,
            Self::Object(object) => object.entries().is_none_or(|entries| !entries.is_empty()),
        }
    }

    /// The entries of a map, or of an object that is one.
    pub(crate) fn as_map(&self) -> Option<Map> {
        match self {
            Self::Map(map) => Some(map.clone()),
            Self::Object(object) => object.entries(),
            Self::Nil
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::String(_)
            | Self::List(_)
            | Self::Time(_) => None,
        }
    }
}

impl IntegerKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint64 => "uint64",
        }
    }
}

impl ElementType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Text => "string",
            Self::Int => "int",
            Self::List => "[]interface {}",
            Self::TextList => "[]string",
            Self::Object(name) => name,
        }
    }

    /// What `index` gives for a key that is not there.
    pub(crate) fn zero(self) -> Value {
        match self {
            Self::Any | Self::Object(_) => Value::Nil,
            Self::Text => Value::from(""),
            Self::Int => Value::int(0),
            Self::List => Value::List(List::null(Self::Any)),
            Self::TextList => Value::List(List::null(Self::Text)),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Int(left), Self::Int(right)) => left == right,
            (Self::Float(left), Self::Float(right)) => left == right,
            (Self::String(left), Self::String(right)) => left == right,
            (Self::List(left), Self::List(right)) => left == right,
            (Self::Map(left), Self::Map(right)) => left == right,
            (Self::Time(left), Self::Time(right)) => left == right,
            (Self::Object(left), Self::Object(right)) => Arc::ptr_eq(left, right),
            (
                Self::Nil
                | Self::Bool(_)
                | Self::Int(_)
                | Self::Float(_)
                | Self::String(_)
                | Self::List(_)
                | Self::Map(_)
                | Self::Time(_)
                | Self::Object(_),
                _,
            ) => false,
        }
    }
}

impl fmt::Debug for Value {
    /// Shows the type only: values may be tokens or personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Value({})", self.type_name())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Arc<dyn Object>> for Value {
    fn from(object: Arc<dyn Object>) -> Self {
        Self::Object(object)
    }
}

impl From<&serde_json::Value> for Value {
    /// Every number becomes a float, as in Go.
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Nil,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => number.as_f64().map_or(Self::Nil, Self::Float),
            serde_json::Value::String(text) => Self::from(text.as_str()),
            serde_json::Value::Array(items) => Self::List(List::new(items.iter().map(Self::from))),
            serde_json::Value::Object(members) => Self::from(members),
        }
    }
}

impl From<&serde_json::Map<String, serde_json::Value>> for Value {
    fn from(members: &serde_json::Map<String, serde_json::Value>) -> Self {
        Self::Map(Map::new(members.iter().map(|(name, value)| (name.as_str(), Self::from(value)))))
    }
}

impl From<serde_json::Value> for Value {
    /// Every number becomes a float, as in Go.
    fn from(json: serde_json::Value) -> Self {
        Self::from(&json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_json_are_floats() {
        assert_eq!(Value::from(serde_json::json!(3)).type_name(), "float64");
    }

    #[test]
    fn values_do_not_show_themselves_in_debug_output() {
        assert_eq!(format!("{:?}", Value::from("secret")), "Value(string)");
        assert_eq!(
            format!("{:?}", Value::from(serde_json::json!({"a": 1}))),
            "Value(map[string]interface {})"
        );
    }

    #[test]
    fn values_of_different_types_are_never_equal() {
        assert!(Value::from(1_i64) != Value::from(1.0));
        assert!(Value::int(1) != Value::int64(1));
        assert!(Value::List(List::new([Value::from("a")])) != Value::List(List::of_strings(["a"])));
    }
}
