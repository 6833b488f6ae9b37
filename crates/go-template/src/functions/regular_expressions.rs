//! Regular expressions. Patterns that stand in the template as literals are compiled with it.

use std::{borrow::Cow, collections::HashMap};

use regex::{Captures, Regex, RegexBuilder};

use crate::{
    ast::{Branch, Command, Node, Operand, OperandKind, Pipeline, Tree},
    error::FunctionError,
    functions::{
        Call, Function, FunctionResult,
        Parameter::{Int, Text},
        pattern_syntax,
    },
    list::List,
    value::{ElementType, Value},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regexMatch", &[Text, Text], |call| Ok(is_match(call).unwrap_or(Value::Bool(false)))),
    Function::new("mustRegexMatch", &[Text, Text], is_match),
    Function::new("regexFind", &[Text, Text], find),
    Function::new("mustRegexFind", &[Text, Text], find),
    Function::new("regexFindAll", &[Text, Text, Int], find_all),
    Function::new("mustRegexFindAll", &[Text, Text, Int], find_all),
    Function::new("regexReplaceAll", &[Text, Text, Text], |call| replace(call, true)),
    Function::new("mustRegexReplaceAll", &[Text, Text, Text], |call| replace(call, true)),
    Function::new("regexReplaceAllLiteral", &[Text, Text, Text], |call| replace(call, false)),
    Function::new("mustRegexReplaceAllLiteral", &[Text, Text, Text], |call| replace(call, false)),
    Function::new("regexSplit", &[Text, Text, Int], split),
    Function::new("mustRegexSplit", &[Text, Text, Int], split),
    Function::new("regexQuoteMeta", &[Text], |call| Ok(quote_meta(&call.str(0)?).into())),
];

/// How large a compiled pattern may become, in bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

fn compile(pattern: &str) -> Result<Regex, FunctionError> {
    RegexBuilder::new(&pattern_syntax::translate(pattern)?)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|_| FunctionError::BadPattern)
}

/// The pattern of a call, always its first argument.
fn pattern<'a>(call: &Call<'a>) -> Result<Cow<'a, Regex>, FunctionError> {
    let text = call.text(0)?;
    match call.environment.patterns.get(text.as_bytes()) {
        Some(compiled) => Ok(Cow::Borrowed(compiled)),
        None => compile(&text.to_str_lossy()).map(Cow::Owned),
    }
}

fn is_match(call: &Call<'_>) -> FunctionResult {
    Ok(Value::Bool(pattern(call)?.is_match(&call.str(1)?)))
}

fn find(call: &Call<'_>) -> FunctionResult {
    let text = call.str(1)?;
    Ok(pattern(call)?.find(&text).map(|found| found.as_str()).unwrap_or_default().into())
}

/// How many results are wanted; a negative number means all.
fn limit(call: &Call<'_>) -> Result<usize, FunctionError> {
    Ok(usize::try_from(call.int(2)?).unwrap_or(usize::MAX))
}

fn find_all(call: &Call<'_>) -> FunctionResult {
    let text = call.str(1)?;
    let found: Vec<Value> =
        pattern(call)?.find_iter(&text).take(limit(call)?).map(|found| found.as_str().into()).collect();
    Ok(Value::List(if found.is_empty() {
        List::null(ElementType::Text)
    } else {
        List::with_element(ElementType::Text, found)
    }))
}

/// Replaces every match; `expands` tells whether `$1` and `${name}` stand for groups.
fn replace(call: &Call<'_>, expands: bool) -> FunctionResult {
    let (text, replacement) = (call.str(1)?, call.str(2)?);
    let pattern = pattern(call)?;
    let mut output = call.environment.output();
    let mut end = 0;
    for captures in pattern.captures_iter(&text) {
        let Some(whole) = captures.get(0) else { continue };
        output.push_str(text.get(end..whole.start()).unwrap_or_default())?;
        if expands {
            let mut expanded = String::new();
            expand(&mut expanded, &replacement, &captures);
            output.push_str(&expanded)?;
        } else {
            output.push_str(&replacement)?;
        }
        end = whole.end();
    }
    output.push_str(text.get(end..).unwrap_or_default())?;
    Ok(Value::String(output.into_bytes().into()))
}

/// Writes a replacement. A name is as long as possible: `$1W` is the group named `1W`. Groups that do not exist are empty.
fn expand(output: &mut String, replacement: &str, captures: &Captures<'_>) {
    let mut rest = replacement;
    while let Some((text, after)) = rest.split_once('$') {
        output.push_str(text);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            output.push('$');
            rest = after;
            continue;
        }
        let is_name = |character: char| character == '_' || character.is_alphanumeric();
        let found = match rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}').filter(|(name, _)| name.chars().all(is_name)),
            None => rest.split_at_checked(rest.find(|character| !is_name(character)).unwrap_or(rest.len())),
        };
        match found.filter(|(name, _)| !name.is_empty()) {
            Some((name, after)) => {
                let group = match name.parse() {
                    Ok(number) => captures.get(number),
                    Err(_) => captures.name(name),
                };
                output.push_str(group.map(|group| group.as_str()).unwrap_or_default());
                rest = after;
            }
            None => output.push('$'),
        }
    }
    output.push_str(rest);
}

/// The texts between the matches, at most so many.
fn split(call: &Call<'_>) -> FunctionResult {
    let (text, limit) = (call.str(1)?, limit(call)?);
    let pattern = pattern(call)?;
    if limit == 0 {
        return Ok(Value::List(List::null(ElementType::Text)));
    }
    if !call.text(0)?.is_empty() && text.is_empty() {
        return Ok(Value::List(List::of_strings([""])));
    }
    let mut parts: Vec<&str> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for found in pattern.find_iter(&text) {
        if parts.len() + 1 >= limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(text.get(start..end).unwrap_or_default());
        }
        start = found.end();
    }
    if end != text.len() {
        parts.push(text.get(start..).unwrap_or_default());
    }
    Ok(Value::List(List::of_strings(parts)))
}

/// The text as a pattern for itself.
fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

/// Compiles every literal that stands as a pattern in the template. Bad ones are left out: they fail when used.
pub(crate) fn compile_literals(tree: &Tree) -> HashMap<Vec<u8>, Regex> {
    let mut patterns = HashMap::new();
    for nodes in [&tree.main].into_iter().chain(tree.defined.values()) {
        collect_nodes(nodes, &mut patterns);
    }
    patterns
}

fn collect_nodes(nodes: &[Node], patterns: &mut HashMap<Vec<u8>, Regex>) {
    for node in nodes {
        match node {
            Node::Text(_) | Node::Break | Node::Continue => {}
            Node::Action(pipeline) => collect_pipeline(pipeline, patterns),
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                let Branch { pipeline, body, otherwise } = branch;
                collect_pipeline(pipeline, patterns);
                collect_nodes(body, patterns);
                collect_nodes(otherwise, patterns);
            }
            Node::Template { argument, .. } => {
                if let Some(pipeline) = argument {
                    collect_pipeline(pipeline, patterns);
                }
            }
        }
    }
}

fn collect_pipeline(pipeline: &Pipeline, patterns: &mut HashMap<Vec<u8>, Regex>) {
    for Command { first, arguments } in &pipeline.commands {
        if let (OperandKind::Function(function), Some(OperandKind::String(text))) =
            (&first.kind, arguments.first().map(|argument| &argument.kind))
            && FUNCTIONS.iter().any(|known| known.name == function.name)
            && let Ok(compiled) = compile(&text.to_str_lossy())
        {
            patterns.insert(text.as_bytes().to_vec(), compiled);
        }
        for operand in [first].into_iter().chain(arguments) {
            collect_operand(operand, patterns);
        }
    }
}

fn collect_operand(operand: &Operand, patterns: &mut HashMap<Vec<u8>, Regex>) {
    match &operand.kind {
        OperandKind::Pipeline(pipeline) => collect_pipeline(pipeline, patterns),
        OperandKind::Chain(inner, _) => collect_operand(inner, patterns),
        OperandKind::Nil
        | OperandKind::Dot
        | OperandKind::Bool(_)
        | OperandKind::Number(_)
        | OperandKind::String(_)
        | OperandKind::Field(_)
        | OperandKind::Variable(..)
        | OperandKind::Function(_) => {}
    }
}
