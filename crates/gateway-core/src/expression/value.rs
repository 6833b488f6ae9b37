//! Values of expressions. They borrow from the request and its subject: nothing is copied until an operation makes
//! something new.

use std::{cmp::Ordering, fmt, ops::Deref, sync::Arc};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use serde_json::Value as Json;

use super::{error_type::ErrorTypes, objects::Object};

/// A value.
#[derive(Clone)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// Also every number that came from JSON.
    Double(f64),
    String(Text<'a>),
    Bytes(Arc<[u8]>),
    List(List<'a>),
    Map(Map<'a>),
    Timestamp(Timestamp),
    Duration(SignedDuration),
    /// A type, by its name: what `type(x)` gives.
    Type(&'static str),
    /// What `type(Error)` gives.
    ErrorTypes(ErrorTypes),
    Networks(Arc<[IpNet]>),
    /// A regular expression that was compiled at load; a text for everybody who asks.
    Pattern(Arc<Regex>),
    Object(Object<'a>),
}

/// Text, of the data or made by an operation.
#[derive(Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
}

/// A list, of the data or made by an operation.
#[derive(Clone)]
pub(super) enum List<'a> {
    Json(&'a [Json]),
    Shared(Arc<[Value<'a>]>),
}

/// A map, of the data or made by an operation. One that is made has few entries: it is written in the expression, or has
/// the size of a query.
#[derive(Clone)]
pub(super) enum Map<'a> {
    Json(&'a serde_json::Map<String, Json>),
    Shared(Arc<[(Value<'a>, Value<'a>)]>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(items) => items.len(),
            Self::Shared(items) => items.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Json(items) => items.get(index).map(Value::from),
            Self::Shared(items) => items.get(index).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Map<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(members) => members.len(),
            Self::Shared(entries) => entries.len(),
        }
    }

    /// The value of a key. Numbers are the same key whatever their type.
    pub(super) fn get(&self, key: &Value<'_>) -> Option<Value<'a>> {
        match (self, key) {
            (Self::Json(members), Value::String(name)) => members.get(&**name).map(Value::from),
            (Self::Json(_), _) => None,
            (Self::Shared(entries), key) => {
                entries.iter().find(|(own, _)| own.equals(key)).map(|(_, value)| value.clone())
            }
        }
    }

    pub(super) fn keys(&self) -> List<'a> {
        match self {
            Self::Json(members) => {
                let members: &'a serde_json::Map<String, Json> = members;
                Value::list(members.keys().map(|name| Value::from(name.as_str())))
            }
            Self::Shared(entries) => Value::list(entries.iter().map(|(key, _)| key.clone())),
        }
    }

    pub(super) fn entries(&self) -> Vec<(Value<'a>, Value<'a>)> {
        match self {
            Self::Json(members) => {
                let members: &'a serde_json::Map<String, Json> = members;
                members
                    .iter()
                    .map(|(name, member)| (Value::from(name.as_str()), Value::from(member)))
                    .collect()
            }
            Self::Shared(entries) => entries.to_vec(),
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn list(items: impl IntoIterator<Item = Self>) -> List<'a> {
        List::Shared(items.into_iter().collect())
    }

    pub(super) fn map(entries: impl IntoIterator<Item = (Self, Self)>) -> Self {
        Self::Map(Map::Shared(entries.into_iter().collect()))
    }

    /// A map with names as keys.
    pub(super) fn record(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::map(entries.into_iter().map(|(name, value)| (Self::from(name), value)))
    }

    /// JSON that nobody else holds.
    pub(super) fn from_owned(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::from(text.clone()),
            Json::Array(items) => Self::List(Self::list(items.iter().map(Self::from_owned))),
            Json::Object(members) => Self::map(
                members.iter().map(|(name, member)| (Self::from(name.clone()), Self::from_owned(member))),
            ),
        }
    }

    /// The type's name as CEL spells it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) | Self::Pattern(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Type(_) | Self::ErrorTypes(_) => "type",
            Self::Networks(_) => "networks",
            Self::Object(object) => object.type_name(),
        }
    }

    /// Equality as CEL defines it: numbers by value, lists and maps by their elements, different types never.
    pub(super) fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(left), Value::Bool(right)) => left == right,
            (Self::String(left), Value::String(right)) => **left == **right,
            (Self::Bytes(left), Value::Bytes(right)) => left == right,
            (Self::Timestamp(left), Value::Timestamp(right)) => left == right,
            (Self::Duration(left), Value::Duration(right)) => left == right,
            (Self::Type(left), Value::Type(right)) => left == right,
            (Self::ErrorTypes(left), Value::ErrorTypes(right)) => left.overlaps(*right),
            (Self::Networks(left), Value::Networks(right)) => left == right,
            (Self::List(left), Value::List(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right.iter()).all(|(left, right)| left.equals(&right))
            }
            (Self::Map(left), Value::Map(right)) => {
                left.len() == right.len()
                    && left
                        .entries()
                        .iter()
                        .all(|(key, value)| right.get(key).is_some_and(|other| value.equals(&other)))
            }
            (Self::Object(left), Value::Object(right)) => left.equals(*right),
            _ => self.compare_numbers(other) == Some(Ordering::Equal),
        }
    }

    /// The order of two values; `None` if there is none between them.
    pub(super) fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            (Self::String(left), Value::String(right)) => Some((**left).cmp(&**right)),
            (Self::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
            (Self::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
            (Self::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
            _ => self.compare_numbers(other),
        }
    }

    fn compare_numbers(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Double(left), Value::Double(right)) => left.partial_cmp(right),
            (Self::Double(left), right) => right.as_integer().and_then(|right| compare_double(*left, right)),
            (left, Value::Double(right)) => {
                left.as_integer().and_then(|left| compare_double(*right, left)).map(Ordering::reverse)
            }
            (left, right) => Some(left.as_integer()?.cmp(&right.as_integer()?)),
        }
    }

    fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(i128::from(*number)),
            Self::Uint(number) => Some(i128::from(*number)),
            _ => None,
        }
    }

    /// Elements, members and characters: what looking at all of it costs.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::String(text) => text.len() / 16,
            Self::Bytes(bytes) => bytes.len() / 16,
            Self::List(List::Json(items)) => items.iter().map(json_weight).sum::<usize>(),
            Self::List(List::Shared(items)) => items.iter().map(|item| 1 + item.weight()).sum(),
            Self::Map(Map::Json(members)) => members.values().map(json_weight).sum::<usize>(),
            Self::Map(Map::Shared(entries)) => {
                entries.iter().map(|(key, value)| 1 + key.weight() + value.weight()).sum()
            }
            _ => 0,
        }
    }
}

fn json_weight(json: &Json) -> usize {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => 1,
        Json::String(text) => 1 + text.len() / 16,
        Json::Array(items) => 1 + items.iter().map(json_weight).sum::<usize>(),
        Json::Object(members) => 1 + members.values().map(json_weight).sum::<usize>(),
    }
}

/// Exact, also where the integer has no double of its own.
fn compare_double(double: f64, integer: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    let whole = double.trunc();
    // Saturates far beyond the 64 bits that integers have.
    #[expect(clippy::cast_possible_truncation, reason = "saturating is right: it keeps the order")]
    let order = (whole as i128).cmp(&integer);
    Some(order.then(double.partial_cmp(&whole).unwrap_or(Ordering::Equal)))
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::String(Text::Shared(text.into()))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(Text::Borrowed(text))
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    /// Every number is a double, as in heimdall.
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::from(text.as_str()),
            Json::Array(items) => Self::List(List::Json(items)),
            Json::Object(members) => Self::Map(Map::Json(members)),
        }
    }
}

impl fmt::Debug for Value<'_> {
    /// Shows the type only: values may be tokens or personal data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Value({})", self.type_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_and_exactly() {
        let check = |left: Value<'_>, right: Value<'_>, expected: Option<Ordering>| {
            assert_eq!(left.compare(&right), expected);
            assert_eq!(right.compare(&left), expected.map(Ordering::reverse));
            assert_eq!(left.equals(&right), expected == Some(Ordering::Equal));
        };
        check(Value::Int(3), Value::Double(3.0), Some(Ordering::Equal));
        check(Value::Uint(3), Value::Int(3), Some(Ordering::Equal));
        check(Value::Int(-1), Value::Uint(u64::MAX), Some(Ordering::Less));
        check(
            Value::Int(9_007_199_254_740_993),
            Value::Double(9_007_199_254_740_992.0),
            Some(Ordering::Greater),
        );
        check(Value::Int(2), Value::Double(2.5), Some(Ordering::Less));
        check(Value::Int(-2), Value::Double(-2.5), Some(Ordering::Greater));
        check(Value::Double(f64::INFINITY), Value::Uint(u64::MAX), Some(Ordering::Greater));
        check(Value::Double(f64::NAN), Value::Double(f64::NAN), None);
        check(Value::Double(f64::NAN), Value::Int(0), None);
        check(Value::from("3"), Value::Int(3), None);
    }

    #[test]
    fn values_do_not_show_themselves() {
        assert_eq!(format!("{:?}", Value::from("secret")), "Value(string)");
    }
}
