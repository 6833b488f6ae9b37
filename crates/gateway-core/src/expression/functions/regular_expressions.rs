//! `matches`, and heimdall's `regexFind` and `regexFindAll`. Patterns are RE2; those written in the expression are compiled
//! at load, others when they are met, which costs steps.

use std::sync::Arc;

use regex::Regex;

use super::{Function, Run, Shape, Style, mismatch, to};
use crate::{
    expression::{budget::Budget, error::ExpressionErrorCause as Cause, value::Value},
    re2,
};
use Shape::{Bool, List as ListOf, String};

/// What compiling a pattern costs while a request waits.
const COMPILE_STEPS: usize = 5_000;

const TESTS: &[super::Overload] = &[to(Bool, &[String, String])];

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "matches", style: Style::Receiver, overloads: TESTS, run: matches },
    Function { name: "matches", style: Style::Global, overloads: TESTS, run: matches },
    receiver("regexFind", &[to(String, &[String, String])], find),
    receiver("regexFindAll", &[to(ListOf(&String), &[String, String])], find_all),
];

const fn receiver(name: &'static str, overloads: &'static [super::Overload], run: Run) -> Function {
    Function { name, style: Style::Receiver, overloads, run }
}

/// Compiles a pattern that is written in the expression. The error says what is wrong with it.
pub(in crate::expression) fn compile(pattern: &str) -> Result<Value<'static>, std::string::String> {
    re2::compile(pattern).map(|compiled| Value::Pattern(Arc::new(compiled)))
}

fn pattern(value: &Value<'_>, budget: &mut Budget) -> Option<Result<Arc<Regex>, Cause>> {
    match value {
        Value::Pattern(compiled) => Some(Ok(Arc::clone(compiled))),
        Value::String(pattern) => Some(budget.charge(COMPILE_STEPS).and_then(|()| {
            re2::compile(pattern)
                .map(Arc::new)
                .map_err(|_| Cause::Unreadable { wanted: "regular expression" })
        })),
        _ => None,
    }
}

fn matches<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::String(text), expression] = arguments else { return Err(mismatch("matches", arguments)) };
    let compiled = pattern(expression, budget).ok_or_else(|| mismatch("matches", arguments))??;
    budget.charge_text(text.len())?;
    Ok(Value::Bool(compiled.is_match(text)))
}

fn find<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::String(text), expression] = arguments else { return Err(mismatch("regexFind", arguments)) };
    let compiled = pattern(expression, budget).ok_or_else(|| mismatch("regexFind", arguments))??;
    budget.charge_text(text.len())?;
    let found = compiled.find(text).map(|found| found.as_str().to_owned());
    Ok(Value::from(found.unwrap_or_default()))
}

fn find_all<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let [Value::String(text), expression] = arguments else {
        return Err(mismatch("regexFindAll", arguments));
    };
    let compiled = pattern(expression, budget).ok_or_else(|| mismatch("regexFindAll", arguments))??;
    let mut all = Vec::new();
    for found in compiled.find_iter(text) {
        budget.charge_text(found.len())?;
        all.push(Value::from(found.as_str().to_owned()));
    }
    Ok(Value::List(Value::list(all)))
}
