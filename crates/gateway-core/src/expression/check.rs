//! The check at load: every name is known, every function is defined for its operands, and the whole is true or false. What
//! only the data can tell has the type `dyn` and is checked when it is there.

mod calls;
mod names;

use super::{
    data::Variable,
    error::SyntaxError,
    functions::{self, Function},
    program::{Operation, Step},
    span::Span,
    syntax::{Node, NodeKind, Operator},
    types::{ObjectType, Type},
    value::Value,
};
use crate::document::Code;

/// A checked expression.
pub(super) struct Checked {
    pub(super) program: Step,
    /// What is odd, but not refused.
    pub(super) warnings: Vec<Warning>,
    /// Whether it may look into the request's body.
    pub(super) reads_body: bool,
}

/// Something that will fail for every request that reaches it.
pub(super) struct Warning {
    pub(super) span: Span,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Checks an expression that may use the `offered` variables.
pub(super) fn check(node: &Node, offered: &[Variable]) -> Result<Checked, SyntaxError> {
    let mut checker = Checker { offered, locals: Vec::new(), warnings: Vec::new(), reads_body: false };
    let (program, found) = checker.check(node)?;
    match found {
        Type::Bool => Ok(Checked { program, warnings: checker.warnings, reads_body: checker.reads_body }),
        Type::Dyn => Err(not_a_condition(node.span, &found).hint(
            "whether it is true or false only shows with the data: compare it, for example with `== true`",
        )),
        Type::Null
        | Type::Int
        | Type::Uint
        | Type::Double
        | Type::String
        | Type::Bytes
        | Type::List(_)
        | Type::Map(..)
        | Type::Timestamp
        | Type::Duration
        | Type::Kind
        | Type::ErrorKind
        | Type::Networks
        | Type::Object(_) => {
            let hint = format!("the result is `{found}`; compare it with something");
            Err(not_a_condition(node.span, &found).hint(hint))
        }
    }
}

fn not_a_condition(span: Span, found: &Type) -> SyntaxError {
    SyntaxError::new(span, format!("the result is `{found}`, neither true nor false"))
}

struct Checker<'o> {
    offered: &'o [Variable],
    /// Variables of comprehensions, the outermost first.
    locals: Vec<(String, Type)>,
    warnings: Vec<Warning>,
    reads_body: bool,
}

/// A part of the program and its type.
type Typed = (Step, Type);

impl Checker<'_> {
    fn check(&mut self, node: &Node) -> Result<Typed, SyntaxError> {
        let span = node.span;
        let step = |operation| Step { operation, span };
        match &node.kind {
            NodeKind::Literal(value) => Ok((step(Operation::Literal(value.clone())), literal_type(value))),
            NodeKind::Name(name) => self.name(name, span),
            NodeKind::Select { operand, field } => self.select(operand, field, span),
            NodeKind::Index { operand, index } => self.index(operand, index, span),
            NodeKind::Call { target, function, arguments } => {
                self.call(target.as_deref(), function, arguments, span)
            }
            NodeKind::List(items) => {
                let (items, element) = self.joined(items)?;
                Ok((step(Operation::List(items)), Type::list(element)))
            }
            NodeKind::Map(entries) => {
                let (steps, entries) = self.entries(entries)?;
                Ok((step(Operation::Map(steps)), entries))
            }
            NodeKind::Not(operand) => {
                let operand = self.truth(operand)?;
                Ok((step(Operation::Not(Box::new(operand))), Type::Bool))
            }
            NodeKind::Negate(operand) => self.operator(&functions::NEGATE, &[operand], span),
            NodeKind::And(operands) => Ok((step(Operation::And(self.truths(operands)?)), Type::Bool)),
            NodeKind::Or(operands) => Ok((step(Operation::Or(self.truths(operands)?)), Type::Bool)),
            NodeKind::Binary { operator, left, right } => self.binary(*operator, left, right, span),
            NodeKind::Conditional { condition, then, otherwise } => {
                let condition = Box::new(self.truth(condition)?);
                let (then, then_type) = self.check(then)?;
                let (otherwise, otherwise_type) = self.check(otherwise)?;
                if !then_type.overlaps(&otherwise_type) {
                    let message = format!("the branches have the types `{then_type}` and `{otherwise_type}`");
                    return Err(SyntaxError::new(span, message).hint("give both branches one type"));
                }
                let (then, otherwise) = (Box::new(then), Box::new(otherwise));
                let found = then_type.join(otherwise_type);
                Ok((step(Operation::Conditional { condition, then, otherwise }), found))
            }
        }
    }

    /// A part that must be true or false.
    fn truth(&mut self, node: &Node) -> Result<Step, SyntaxError> {
        let (step, found) = self.check(node)?;
        if found.overlaps(&Type::Bool) { Ok(step) } else { Err(not_a_condition(node.span, &found)) }
    }

    fn truths(&mut self, nodes: &[Node]) -> Result<Vec<Step>, SyntaxError> {
        nodes.iter().map(|node| self.truth(node)).collect()
    }

    /// Parts and the type of all of them.
    fn joined(&mut self, nodes: &[Node]) -> Result<(Vec<Step>, Type), SyntaxError> {
        let (mut steps, mut joined) = (Vec::new(), None);
        for node in nodes {
            let (step, found) = self.check(node)?;
            steps.push(step);
            joined = Some(match joined {
                Some(joined) => found.join(joined),
                None => found,
            });
        }
        Ok((steps, joined.unwrap_or(Type::Dyn)))
    }

    fn entries(&mut self, entries: &[(Node, Node)]) -> Result<(Vec<(Step, Step)>, Type), SyntaxError> {
        let (mut steps, mut joined) = (Vec::new(), None::<(Type, Type)>);
        for (key, value) in entries {
            let (key_step, key_type) = self.check(key)?;
            let can_be_key = [Type::Bool, Type::Int, Type::Uint, Type::String]
                .iter()
                .any(|allowed| key_type.overlaps(allowed));
            if !can_be_key {
                return Err(SyntaxError::new(
                    key.span,
                    format!("a value of type `{key_type}` can not be a key"),
                ));
            }
            let (value_step, value_type) = self.check(value)?;
            steps.push((key_step, value_step));
            joined = Some(match joined {
                Some((keys, values)) => (keys.join(key_type), values.join(value_type)),
                None => (key_type, value_type),
            });
        }
        let (keys, values) = joined.unwrap_or((Type::Dyn, Type::Dyn));
        Ok((steps, Type::map(keys, values)))
    }

    fn index(&mut self, operand: &Node, index: &Node, span: Span) -> Result<Typed, SyntaxError> {
        let (operand_step, operand_type) = self.check(operand)?;
        let (index_step, index_type) = self.check(index)?;
        let found = match &operand_type {
            Type::List(element) => {
                let fits = [Type::Int, Type::Uint].iter().any(|allowed| index_type.overlaps(allowed));
                fits.then(|| (**element).clone())
            }
            Type::Map(key, value) => index_type.overlaps(key).then(|| (**value).clone()),
            Type::Object(ObjectType::Subject) => {
                index_type.overlaps(&Type::String).then_some(Type::Object(ObjectType::Principal))
            }
            Type::Dyn => Some(Type::Dyn),
            _ => None,
        };
        let Some(found) = found else {
            let message = format!("a value of type `{operand_type}` has no element at a `{index_type}`");
            return Err(SyntaxError::new(span, message));
        };
        let (operand, index) = (Box::new(operand_step), Box::new(index_step));
        Ok((Step { operation: Operation::Index { operand, index }, span }, found))
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Node,
        right: &Node,
        span: Span,
    ) -> Result<Typed, SyntaxError> {
        let arithmetic: &'static Function = match operator {
            Operator::Add => &functions::ADD,
            Operator::Subtract => &functions::SUBTRACT,
            Operator::Multiply => &functions::MULTIPLY,
            Operator::Divide => &functions::DIVIDE,
            Operator::Remainder => &functions::REMAINDER,
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::In => return self.relation(operator, left, right, span),
        };
        self.operator(arithmetic, &[left, right], span)
    }

    fn operator(
        &mut self,
        function: &'static Function,
        operands: &[&Node],
        span: Span,
    ) -> Result<Typed, SyntaxError> {
        let mut steps = Vec::new();
        let mut types = Vec::new();
        for operand in operands {
            let (step, found) = self.check(operand)?;
            steps.push(step);
            types.push(found);
        }
        let found = calls::result(function, &types).ok_or_else(|| undefined(function.name, &types, span))?;
        Ok((Step { operation: Operation::Call { run: function.run, arguments: steps }, span }, found))
    }

    fn relation(
        &mut self,
        operator: Operator,
        left: &Node,
        right: &Node,
        span: Span,
    ) -> Result<Typed, SyntaxError> {
        let (left_step, left_type) = self.check(left)?;
        let (right_step, right_type) = self.check(right)?;
        let is_defined = match operator {
            Operator::In => contains(&right_type, &left_type),
            Operator::Equal | Operator::NotEqual => left_type.overlaps(&right_type),
            _ => left_type.overlaps(&right_type) && has_order(&left_type) && has_order(&right_type),
        };
        if !is_defined {
            return Err(undefined(operator.as_str(), &[left_type, right_type], span));
        }
        let (left, right) = (Box::new(left_step), Box::new(right_step));
        Ok((Step { operation: Operation::Relation { operator, left, right }, span }, Type::Bool))
    }
}

fn literal_type(value: &Value<'_>) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::String(_) | Value::Pattern(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        Value::Timestamp(_) => Type::Timestamp,
        Value::Duration(_) => Type::Duration,
        Value::Type(_) => Type::Kind,
        Value::ErrorTypes(_) => Type::ErrorKind,
        Value::Networks(_) => Type::Networks,
        Value::List(_) | Value::Map(_) | Value::Object(_) => Type::Dyn,
    }
}

fn has_order(found: &Type) -> bool {
    matches!(
        found,
        Type::Dyn
            | Type::Bool
            | Type::Int
            | Type::Uint
            | Type::Double
            | Type::String
            | Type::Bytes
            | Type::Timestamp
            | Type::Duration
    )
}

/// Whether `value in container` is defined.
fn contains(container: &Type, value: &Type) -> bool {
    match container {
        Type::Dyn => true,
        Type::List(element) => element.overlaps(value),
        Type::Map(key, _) => key.overlaps(value),
        Type::Networks => value.overlaps(&Type::String) || value.overlaps(&Type::list(Type::String)),
        Type::Object(ObjectType::Subject) => value.overlaps(&Type::String),
        _ => false,
    }
}

fn undefined(function: &str, types: &[Type], span: Span) -> SyntaxError {
    let shown: Vec<String> = types.iter().map(ToString::to_string).collect();
    let error = SyntaxError::new(span, format!("`{function}` is not defined for ({})", shown.join(", ")));
    let is_number = |found: &Type| matches!(found, Type::Int | Type::Uint | Type::Double);
    if types.len() == 2 && types.iter().all(is_number) {
        return error.hint("convert one side, for example with `double(…)` or `int(…)`");
    }
    error
}
