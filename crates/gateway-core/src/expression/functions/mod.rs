//! The functions of expressions: CEL's standard library, the extensions for lists, strings, math, sets and encoders, and
//! heimdall's own.
//!
//! A function is a row of a table: its name, whether it is called on a value, the types it is defined for, and what it
//! does. The table is what the check at load reads; nothing else knows a function by name.

mod arithmetic;
mod conversions;
mod double_text;
mod encoders;
mod format;
mod lists;
mod math;
mod meanings;
mod networks;
mod regular_expressions;
mod requests;
mod sets;
mod strings;
mod times;

use super::{
    budget::Budget,
    error::ExpressionErrorCause as Cause,
    types::{ObjectType, Type},
    value::Value,
};

/// A function.
pub(super) struct Function {
    /// Its name, with its namespace if it has one.
    pub(super) name: &'static str,
    pub(super) style: Style,
    /// What it is defined for; the value it is called on is the first parameter.
    pub(super) overloads: &'static [Overload],
    pub(super) run: Run,
}

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `f(a, b)`
    Global,
    /// `a.f(b)`
    Receiver,
}

/// Does a function's work. Called with values that may be of any type: what is known at load is not everything.
pub(super) type Run = for<'a> fn(&[Value<'a>], &mut Budget) -> Result<Value<'a>, Cause>;

/// The types that a function takes, and the one that it gives.
pub(super) struct Overload {
    pub(super) parameters: &'static [Shape],
    pub(super) result: Shape,
}

/// The type of a parameter or result; `A` and `B` stand for one type each wherever they occur.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    A,
    B,
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    Type,
    Networks,
    Object(ObjectType),
    List(&'static Shape),
    Map(&'static Shape, &'static Shape),
}

/// What `A` and `B` stand for in one call.
#[derive(Debug, Default, Clone)]
pub(super) struct Bindings {
    a: Option<Type>,
    b: Option<Type>,
}

/// A row of a table.
const fn to(result: Shape, parameters: &'static [Shape]) -> Overload {
    Overload { parameters, result }
}

/// Every table.
const TABLES: [&[Function]; 11] = [
    conversions::FUNCTIONS,
    encoders::FUNCTIONS,
    format::FUNCTIONS,
    lists::FUNCTIONS,
    math::FUNCTIONS,
    networks::FUNCTIONS,
    regular_expressions::FUNCTIONS,
    requests::FUNCTIONS,
    sets::FUNCTIONS,
    strings::FUNCTIONS,
    times::FUNCTIONS,
];

/// The functions behind operators.
pub(super) use self::arithmetic::{ADD, DIVIDE, MULTIPLY, NEGATE, REMAINDER, SUBTRACT};
pub(super) use self::{
    lists::SORT_BY_KEYS, networks::contains as networks_contain, regular_expressions::compile,
};

/// All functions.
pub(super) fn all() -> impl Iterator<Item = &'static Function> {
    TABLES.into_iter().flatten()
}

/// What the function of this name does; empty for none of ours.
pub(super) fn meaning(name: &str) -> &'static str {
    meanings::MEANINGS.iter().find(|(known, _)| *known == name).map_or("", |(_, meaning)| meaning)
}

/// The function of this name and style.
pub(super) fn find(name: &str, style: Style) -> Option<&'static Function> {
    all().find(|function| function.name == name && function.style == style)
}

impl Overload {
    /// The result's type for arguments of these types; `None` if they do not fit.
    pub(super) fn result_for(&self, arguments: &[Type]) -> Option<Type> {
        if arguments.len() != self.parameters.len() {
            return None;
        }
        let mut bindings = Bindings::default();
        let fits = self
            .parameters
            .iter()
            .zip(arguments)
            .all(|(parameter, argument)| parameter.accepts(argument, &mut bindings));
        fits.then(|| self.result.resolve(&bindings))
    }
}

impl Shape {
    fn accepts(self, argument: &Type, bindings: &mut Bindings) -> bool {
        let slot = match self {
            Self::A => Some(&mut bindings.a),
            Self::B => Some(&mut bindings.b),
            _ => None,
        };
        if let Some(slot) = slot {
            let fits = slot.as_ref().is_none_or(|bound| bound.overlaps(argument));
            *slot = match slot.take() {
                Some(bound) => Some(bound.join(argument.clone())),
                None => Some(argument.clone()),
            };
            return fits;
        }
        match (self, argument) {
            (_, Type::Dyn) => true,
            (Self::List(element), Type::List(argument)) => element.accepts(argument, bindings),
            (Self::Map(key, value), Type::Map(own_key, own)) => {
                key.accepts(own_key, bindings) && value.accepts(own, bindings)
            }
            (Self::Dyn, _) => true,
            (shape, argument) => shape.resolve(bindings) == *argument,
        }
    }

    /// As messages show it.
    pub(super) fn shown(self) -> String {
        match self {
            Self::A | Self::B => "any".to_owned(),
            Self::List(element) => format!("list({})", element.shown()),
            Self::Map(key, value) => format!("map({}, {})", key.shown(), value.shown()),
            other => other.resolve(&Bindings::default()).to_string(),
        }
    }

    fn resolve(self, bindings: &Bindings) -> Type {
        match self {
            Self::A => bindings.a.clone().unwrap_or(Type::Dyn),
            Self::B => bindings.b.clone().unwrap_or(Type::Dyn),
            Self::Dyn => Type::Dyn,
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Uint => Type::Uint,
            Self::Double => Type::Double,
            Self::String => Type::String,
            Self::Bytes => Type::Bytes,
            Self::Timestamp => Type::Timestamp,
            Self::Duration => Type::Duration,
            Self::Type => Type::Kind,
            Self::Networks => Type::Networks,
            Self::Object(object) => Type::Object(object),
            Self::List(element) => Type::list(element.resolve(bindings)),
            Self::Map(key, value) => Type::map(key.resolve(bindings), value.resolve(bindings)),
        }
    }
}

/// The function is not defined for these values.
pub(super) fn mismatch(function: &'static str, arguments: &[Value<'_>]) -> Cause {
    let types: Vec<&str> = arguments.iter().map(Value::type_name).collect();
    Cause::NoOverload { function, types: format!("({})", types.join(", ")) }
}

/// An index that a list or text may have: integers, and doubles that are whole.
pub(super) fn index(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(index) => Some(*index),
        Value::Uint(index) => i64::try_from(*index).ok(),
        Value::Double(index) => conversions::whole(*index),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_has_one_row_and_overloads_of_its_own() {
        let mut names = BTreeSet::new();
        for function in all() {
            assert!(names.insert((function.name, function.style == Style::Receiver)), "{}", function.name);
            assert!(!function.overloads.is_empty(), "{}", function.name);
        }
    }

    #[test]
    fn every_function_is_explained_and_nothing_else() {
        let names: BTreeSet<&str> = all().map(|function| function.name).collect();
        let explained: BTreeSet<&str> = meanings::MEANINGS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, explained);
        assert_eq!(explained.len(), meanings::MEANINGS.len());
    }

    /// No function may fall over values that only show when it runs.
    #[test]
    fn functions_refuse_values_they_are_not_defined_for() {
        let values = || {
            [
                Value::Null,
                Value::Bool(true),
                Value::Int(-1),
                Value::Uint(u64::MAX),
                Value::Double(f64::NAN),
                Value::from("ä"),
                Value::Bytes(vec![0xff].into()),
                Value::List(Value::list([Value::Int(1), Value::from("a")])),
                Value::map([(Value::from("a"), Value::Null)]),
                Value::Type("int"),
            ]
        };
        for function in all() {
            let mut budget = Budget::new();
            assert!((function.run)(&[], &mut budget).is_err() || function.name == "networks");
            for first in values() {
                let _ = (function.run)(std::slice::from_ref(&first), &mut budget);
                for second in values() {
                    let _ = (function.run)(&[first.clone(), second.clone()], &mut budget);
                    for third in values() {
                        let _ = (function.run)(&[first.clone(), second.clone(), third], &mut budget);
                    }
                }
            }
        }
    }
}
