//! Names: variables, types, error types, and members of what they stand for.

use super::{Checker, Typed, Warning};
use crate::{
    document::{Code, did_you_mean},
    expression::{
        data::Variable,
        error::SyntaxError,
        error_type,
        functions::{self, Style},
        program::{Operation, Step},
        span::Span,
        syntax::{Node, NodeKind},
        types::{ObjectType, Type},
        value::Value,
    },
};

/// The types that expressions can name.
const TYPE_NAMES: [&str; 13] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
    "networks",
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
];

const VARIABLES: [Variable; 6] = [
    Variable::Request,
    Variable::Subject,
    Variable::Outputs,
    Variable::Values,
    Variable::Payload,
    Variable::Error,
];

impl Checker<'_> {
    pub(super) fn name(&mut self, name: &str, span: Span) -> Result<Typed, SyntaxError> {
        let step = |operation| Step { operation, span };
        if let Some((position, found)) = self.local(name) {
            return Ok((step(Operation::Local(position)), found));
        }
        if let Some(variable) = self.offered.iter().find(|variable| variable.name() == name) {
            return Ok((step(Operation::Variable(*variable)), variable.value_type()));
        }
        if let Some(known) = TYPE_NAMES.iter().find(|known| **known == name) {
            return Ok((step(Operation::Literal(Value::Type(known))), Type::Kind));
        }
        let constant = error_type::CONSTANTS.iter().find(|(known, _)| *known == name);
        if let Some((_, types)) = constant.filter(|_| self.offered.contains(&Variable::Error)) {
            return Ok((step(Operation::Literal(Value::ErrorTypes(*types))), Type::ErrorKind));
        }
        Err(self.unknown_name(name, span))
    }

    pub(super) fn local(&self, name: &str) -> Option<(usize, Type)> {
        let position = self.locals.iter().rposition(|(local, _)| local == name)?;
        self.locals.get(position).map(|(_, found)| (position, found.clone()))
    }

    fn unknown_name(&self, name: &str, span: Span) -> SyntaxError {
        let offered: Vec<&str> = self.offered.iter().map(|variable| variable.name()).collect();
        let list = offered.join(", ");
        if VARIABLES.iter().any(|variable| variable.name() == name) {
            return SyntaxError::new(span, format!("`{name}` is not offered here"))
                .hint(format!("use {list}"));
        }
        let locals = self.locals.iter().map(|(local, _)| local.as_str());
        let error = SyntaxError::new(span, format!("unknown name `{name}`"));
        match did_you_mean(name, offered.iter().copied().chain(locals)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if functions::find(name, Style::Global).is_some() => {
                error.hint(format!("it is a function: `{name}(…)`"))
            }
            None => error.hint(format!("known here: {list}; text stands in quotation marks")),
        }
    }

    pub(super) fn select(&mut self, operand: &Node, field: &str, span: Span) -> Result<Typed, SyntaxError> {
        if let Some(name) = self.qualified_type(operand, field) {
            return Ok((Step { operation: Operation::Literal(Value::Type(name)), span }, Type::Kind));
        }
        let (operand, found) = self.member(operand, field, span)?;
        let operation = Operation::Member { operand: Box::new(operand), field: field.to_owned() };
        Ok((Step { operation, span }, found))
    }

    /// `has(operand.field)`
    pub(super) fn has(&mut self, arguments: &[Node], span: Span) -> Result<Typed, SyntaxError> {
        let [Node { kind: NodeKind::Select { operand, field }, span: inner, .. }] = arguments else {
            return Err(SyntaxError::new(span, "`has` takes one member: `has(a.b)`"));
        };
        let (operand, _) = self.member(operand, field, *inner)?;
        let operation = Operation::Has { operand: Box::new(operand), field: field.clone() };
        Ok((Step { operation, span }, Type::Bool))
    }

    /// The operand of a member and the member's type.
    fn member(&mut self, operand: &Node, field: &str, span: Span) -> Result<Typed, SyntaxError> {
        let (step, operand_type) = self.check(operand)?;
        let found = match &operand_type {
            Type::Dyn => Type::Dyn,
            Type::Map(key, value) if key.overlaps(&Type::String) => (**value).clone(),
            Type::Object(object) => self.object_member(*object, field, span),
            _ => {
                let message = format!("a value of type `{operand_type}` has no member `{field}`");
                let error = SyntaxError::new(span, message);
                return Err(match functions::find(field, Style::Receiver) {
                    Some(_) => error.hint(format!("it is a function: `.{field}(…)`")),
                    None => error,
                });
            }
        };
        Ok((step, found))
    }

    /// An unknown member is a warning, as it is no error in heimdall: it fails for every request that gets here.
    fn object_member(&mut self, object: ObjectType, field: &str, span: Span) -> Type {
        let members = object.members();
        if let Some((_, found)) = members.iter().find(|(name, _)| *name == field) {
            return found.clone();
        }
        if object == ObjectType::Subject {
            return Type::Object(ObjectType::Principal);
        }
        let names = members.iter().map(|(name, _)| *name);
        let hint = match functions::find(field, Style::Receiver) {
            Some(_) => Some(format!("it is a function: `.{field}(…)`")),
            None => did_you_mean(field, names.clone()).map(|near| format!("did you mean `{near}`?")).or_else(
                || Some(format!("`{}` has {}", object.name(), names.collect::<Vec<_>>().join(", "))),
            ),
        };
        self.warnings.push(Warning {
            span,
            code: Code::TemplateReadsUnknown,
            message: format!("reads `{field}` of `{}`, which has no such member", object.name()),
            hint,
        });
        Type::Dyn
    }

    /// `google.protobuf.Timestamp` and its like.
    fn qualified_type(&self, operand: &Node, field: &str) -> Option<&'static str> {
        let qualified = format!("{}.{field}", self.qualified(operand)?);
        TYPE_NAMES.into_iter().find(|known| *known == qualified)
    }

    /// The names of `a.b.c`, joined, if `a` is no variable.
    pub(super) fn qualified(&self, node: &Node) -> Option<String> {
        match &node.kind {
            NodeKind::Name(name) => {
                let is_variable =
                    self.local(name).is_some() || self.offered.iter().any(|variable| variable.name() == name);
                (!is_variable).then(|| name.clone())
            }
            NodeKind::Select { operand, field } => Some(format!("{}.{field}", self.qualified(operand)?)),
            _ => None,
        }
    }
}
