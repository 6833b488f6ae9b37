//! Types that are known at load.

use std::fmt;

/// The type of a part of an expression, as far as it is known before there is data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// Anything: only the data tells.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Timestamp,
    Duration,
    /// The type of types: what `type(x)` gives.
    Kind,
    /// The type of `type(Error)` and of what it is compared with.
    ErrorKind,
    Networks,
    Object(ObjectType),
}

/// Things of the gateway with members of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectType {
    Request,
    Url,
    Subject,
    Principal,
    Error,
}

impl Type {
    pub(super) fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    pub(super) fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    /// Whether values of both types may be the same value.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            (Self::List(left), Self::List(right)) => left.overlaps(right),
            (Self::Map(left_key, left), Self::Map(right_key, right)) => {
                left_key.overlaps(right_key) && left.overlaps(right)
            }
            (left, right) => left == right,
        }
    }

    /// The type of a value that is of the one or the other type.
    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            (left, right) if left == right => left,
            (Self::List(left), Self::List(right)) => Self::list(left.join(*right)),
            (Self::Map(left_key, left), Self::Map(right_key, right)) => {
                Self::map(left_key.join(*right_key), left.join(*right))
            }
            _ => Self::Dyn,
        }
    }
}

impl ObjectType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Url => "URL",
            Self::Subject => "Subject",
            Self::Principal => "Principal",
            Self::Error => "Error",
        }
    }

    /// What it offers without a call: names and types.
    pub(super) fn members(self) -> Vec<(&'static str, Type)> {
        match self {
            Self::Request => vec![
                ("Method", Type::String),
                ("URL", Type::Object(Self::Url)),
                ("ClientIPAddresses", Type::list(Type::String)),
            ],
            Self::Url => vec![
                ("Scheme", Type::String),
                ("Host", Type::String),
                ("Path", Type::String),
                ("RawPath", Type::String),
                ("RawQuery", Type::String),
                ("Fragment", Type::String),
                ("Captures", Type::map(Type::String, Type::String)),
            ],
            Self::Subject | Self::Principal => {
                vec![("ID", Type::String), ("Attributes", Type::Dyn)]
            }
            Self::Error => vec![("Source", Type::String), ("StepID", Type::String)],
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => formatter.write_str("dyn"),
            Self::Null => formatter.write_str("null"),
            Self::Bool => formatter.write_str("bool"),
            Self::Int => formatter.write_str("int"),
            Self::Uint => formatter.write_str("uint"),
            Self::Double => formatter.write_str("double"),
            Self::String => formatter.write_str("string"),
            Self::Bytes => formatter.write_str("bytes"),
            Self::List(element) => write!(formatter, "list({element})"),
            Self::Map(key, value) => write!(formatter, "map({key}, {value})"),
            Self::Timestamp => formatter.write_str("timestamp"),
            Self::Duration => formatter.write_str("duration"),
            Self::Kind => formatter.write_str("type"),
            Self::ErrorKind => formatter.write_str("type of error"),
            Self::Networks => formatter.write_str("networks"),
            Self::Object(object) => formatter.write_str(object.name()),
        }
    }
}
