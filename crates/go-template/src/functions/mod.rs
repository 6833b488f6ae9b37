//! The functions of the language, of sprig, and those for the gateway's templates.
//!
//! One file per group. Each file ends up in [`GROUPS`] with a table of [`Function`]s.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use regex::Regex;

use crate::{
    error::FunctionError,
    limits::Steps,
    map::Map,
    output::Output,
    print,
    text::Text,
    time::Time,
    value::{IntegerKind, Value},
};

mod builtin;
mod comparison;
mod dates;
mod decimals;
mod defaults;
mod digests;
mod encodings;
mod json;
mod letter_case;
mod lists;
mod maps;
mod numbers;
mod paths;
mod pattern_syntax;
mod quotes;
mod random;
pub(crate) mod regular_expressions;
mod strings;
mod types;
mod unavailable;
mod urls;
mod versions;
mod wrapping;

/// The name of the function that reads a secret; the parser replaces well-formed calls.
pub(crate) const SECRET: &str = "secret";

const GROUPS: [&[Function]; 21] = [
    builtin::FUNCTIONS,
    comparison::FUNCTIONS,
    dates::FUNCTIONS,
    decimals::FUNCTIONS,
    defaults::FUNCTIONS,
    digests::FUNCTIONS,
    encodings::FUNCTIONS,
    json::FUNCTIONS,
    letter_case::FUNCTIONS,
    lists::FUNCTIONS,
    maps::FUNCTIONS,
    numbers::FUNCTIONS,
    paths::FUNCTIONS,
    quotes::FUNCTIONS,
    random::FUNCTIONS,
    regular_expressions::FUNCTIONS,
    strings::FUNCTIONS,
    types::FUNCTIONS,
    urls::FUNCTIONS,
    versions::FUNCTIONS,
    wrapping::FUNCTIONS,
];

/// A function templates can call.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// The type of any number of further arguments.
    pub(crate) rest: Option<Parameter>,
    pub(crate) body: Body,
}

/// The type of a parameter. Arguments are never converted to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    Any,
    Text,
    /// A Go `int`, not an `int64`.
    Int,
    Float,
    Bool,
    /// A map of anything; a map of strings does not fit. A missing value does, as null: in Go that is the empty map.
    Map,
    Time,
}

/// What a function does.
pub(crate) enum Body {
    Plain(fn(&Call<'_>) -> FunctionResult),
    /// `or`
    FirstTrue,
    /// `and`
    FirstFalse,
}

pub(crate) type FunctionResult = Result<Value, FunctionError>;

/// What functions may use besides their arguments.
pub(crate) struct Environment<'a> {
    pub(crate) now: &'a Time,
    pub(crate) random: &'a dyn Fn(&mut [u8]) -> bool,
    pub(crate) max_text_bytes: usize,
    pub(crate) max_elements: usize,
    /// The regular expressions that stand in the template as literals.
    pub(crate) patterns: &'a HashMap<Vec<u8>, Regex>,
    pub(crate) steps: Steps,
}

/// One call: the arguments already have the types the function declares.
pub(crate) struct Call<'a> {
    pub(crate) environment: &'a Environment<'a>,
    pub(crate) arguments: &'a [Value],
}

impl Function {
    /// A function with a fixed number of arguments.
    pub(crate) const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        body: fn(&Call<'_>) -> FunctionResult,
    ) -> Self {
        Self { name, parameters, rest: None, body: Body::Plain(body) }
    }

    /// A function with any number of further arguments.
    pub(crate) const fn variadic(
        name: &'static str,
        parameters: &'static [Parameter],
        rest: Parameter,
        body: fn(&Call<'_>) -> FunctionResult,
    ) -> Self {
        Self { name, parameters, rest: Some(rest), body: Body::Plain(body) }
    }
}

impl Parameter {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Text => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Map => "map[string]interface {}",
            Self::Time => "time.Time",
        }
    }
}

impl Environment<'_> {
    /// An empty text that cannot grow beyond the limit.
    pub(crate) fn output(&self) -> Output {
        Output::new(self.max_text_bytes)
    }

    /// Whether so many elements are allowed.
    pub(crate) fn check_elements(&self, count: u128) -> Result<usize, FunctionError> {
        match usize::try_from(count) {
            Ok(count) if count <= self.max_elements => Ok(count),
            Ok(_) | Err(_) => Err(FunctionError::TooManyElements { limit: self.max_elements }),
        }
    }

    /// Whether a result is small enough to go on with.
    pub(crate) fn check_size(&self, value: &Value) -> Result<(), FunctionError> {
        match value {
            Value::String(text) if text.len() > self.max_text_bytes => {
                Err(FunctionError::TextTooLong { limit: self.max_text_bytes })
            }
            Value::List(list) if list.items().len() > self.max_elements => {
                Err(FunctionError::TooManyElements { limit: self.max_elements })
            }
            Value::Nil
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Time(_)
            | Value::Object(_) => Ok(()),
        }
    }

    /// A value as `%v` shows it.
    pub(crate) fn printed(&self, value: &Value) -> Result<Text, FunctionError> {
        if let Value::String(text) = value {
            return Ok(text.clone());
        }
        let mut output = self.output();
        print::write_value(&mut output, value, &self.steps)?;
        Ok(output.into_bytes().into())
    }
}

impl<'a> Call<'a> {
    /// An argument of any type; null where there is none.
    pub(crate) fn value(&self, index: usize) -> &'a Value {
        self.arguments.get(index).unwrap_or(&Value::Nil)
    }

    /// The arguments from `index` on.
    pub(crate) fn rest(&self, index: usize) -> &'a [Value] {
        self.arguments.get(index..).unwrap_or_default()
    }

    pub(crate) fn bytes(&self, index: usize) -> Result<&'a [u8], FunctionError> {
        self.text(index).map(Text::as_bytes)
    }

    pub(crate) fn text(&self, index: usize) -> Result<&'a Text, FunctionError> {
        match self.value(index) {
            Value::String(text) => Ok(text),
            other => Err(wrong_type("string", other)),
        }
    }

    /// A text with everything that is not UTF-8 replaced.
    pub(crate) fn str(&self, index: usize) -> Result<Cow<'a, str>, FunctionError> {
        self.text(index).map(Text::to_str_lossy)
    }

    pub(crate) fn int(&self, index: usize) -> Result<i64, FunctionError> {
        match self.value(index) {
            Value::Int(integer) if integer.kind == IntegerKind::Int => Ok(integer.value),
            other => Err(wrong_type("int", other)),
        }
    }

    pub(crate) fn float(&self, index: usize) -> Result<f64, FunctionError> {
        match self.value(index) {
            Value::Float(value) => Ok(*value),
            other => Err(wrong_type("float64", other)),
        }
    }

    pub(crate) fn bool(&self, index: usize) -> Result<bool, FunctionError> {
        match self.value(index) {
            Value::Bool(value) => Ok(*value),
            other => Err(wrong_type("bool", other)),
        }
    }

    /// A map of anything; empty where the argument is a missing value.
    pub(crate) fn map(&self, index: usize) -> Result<Map, FunctionError> {
        match self.value(index) {
            Value::Map(map) => Ok(map.clone()),
            Value::Nil => Ok(Map::default()),
            other => Err(wrong_type("map[string]interface {}", other)),
        }
    }

    pub(crate) fn time(&self, index: usize) -> Result<&'a Time, FunctionError> {
        match self.value(index) {
            Value::Time(time) => Ok(time),
            other => Err(wrong_type("time.Time", other)),
        }
    }
}

/// The error for an argument the function cannot work with.
pub(crate) fn wrong_type(expected: &'static str, found: &Value) -> FunctionError {
    FunctionError::ArgumentType { expected, found: found.type_name() }
}

/// A name that is no function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownFunction {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// The function of this name.
pub(crate) fn find(name: &str) -> Result<&'static Function, UnknownFunction> {
    static TABLE: LazyLock<BTreeMap<&'static str, &'static Function>> =
        LazyLock::new(|| GROUPS.into_iter().flatten().map(|function| (function.name, function)).collect());
    TABLE.get(name).copied().ok_or_else(|| unavailable::explain(name, TABLE.keys().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_taken_twice() {
        let mut names: Vec<_> = GROUPS.into_iter().flatten().map(|function| function.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
