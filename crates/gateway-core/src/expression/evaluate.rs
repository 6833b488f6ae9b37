//! Evaluates an expression (language definition, section "Gradual Type Checking" and "Evaluation").
//!
//! `&&`, `||`, `all` and `exists` give an answer that one operand decides, whatever becomes of the others; only when nothing
//! decides does an error of an operand become the result. An exhausted budget ends everything.

use std::cmp::Ordering;

use super::{
    budget::Budget,
    data::ExpressionData,
    error::ExpressionErrorCause as Cause,
    functions::{self, SORT_BY_KEYS, index},
    objects::{self, Object},
    program::{Comprehension, ComprehensionKind, Operation, Step},
    span::Span,
    syntax::Operator,
    value::{List, Value},
};

/// A failure at a part.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) span: Span,
    pub(super) cause: Cause,
}

type Outcome<'a> = Result<Value<'a>, Fault>;

/// The value of a condition.
pub(super) fn condition(step: &Step, data: &ExpressionData<'_>) -> Result<bool, Fault> {
    let mut evaluation = Evaluation { data, budget: Budget::new(), locals: Vec::new() };
    evaluation.truth(step)
}

struct Evaluation<'d, 'a> {
    data: &'d ExpressionData<'a>,
    budget: Budget,
    locals: Vec<Value<'a>>,
}

impl<'a> Evaluation<'_, 'a> {
    fn value(&mut self, step: &Step) -> Outcome<'a> {
        let at = |cause| Fault { span: step.span, cause };
        self.budget.charge(1).map_err(at)?;
        match &step.operation {
            Operation::Literal(value) => Ok(value.clone()),
            Operation::Variable(variable) => objects::variable(*variable, self.data).map_err(at),
            Operation::Local(position) => {
                self.locals.get(*position).cloned().ok_or_else(|| at(Cause::NotThere { name: "variable" }))
            }
            Operation::Member { operand, field } => {
                let operand = self.value(operand)?;
                member(&operand, field).map_err(at)
            }
            Operation::Has { operand, field } => {
                let operand = self.value(operand)?;
                has(&operand, field).map(Value::Bool).map_err(at)
            }
            Operation::Index { operand, index } => {
                let (operand, index) = (self.value(operand)?, self.value(index)?);
                element(&operand, &index).map_err(at)
            }
            Operation::Call { run, arguments } => {
                let arguments = self.values(arguments)?;
                run(&arguments, &mut self.budget).map_err(at)
            }
            Operation::List(items) => Ok(Value::List(Value::list(self.values(items)?))),
            Operation::Map(entries) => self.map(entries, step.span),
            Operation::Not(operand) => Ok(Value::Bool(!self.truth(operand)?)),
            Operation::And(operands) => self.decided(operands, false).map(Value::Bool),
            Operation::Or(operands) => self.decided(operands, true).map(Value::Bool),
            Operation::Relation { operator, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.relation(*operator, &left, &right).map(Value::Bool).map_err(at)
            }
            Operation::Conditional { condition, then, otherwise } => {
                let branch = if self.truth(condition)? { then } else { otherwise };
                self.value(branch)
            }
            Operation::Comprehension(comprehension) => self.comprehension(comprehension, step.span),
        }
    }

    fn values(&mut self, steps: &[Step]) -> Result<Vec<Value<'a>>, Fault> {
        steps.iter().map(|step| self.value(step)).collect()
    }

    fn truth(&mut self, step: &Step) -> Result<bool, Fault> {
        match self.value(step)? {
            Value::Bool(truth) => Ok(truth),
            other => Err(Fault { span: step.span, cause: Cause::NotBool { type_name: other.type_name() } }),
        }
    }

    /// `&&` and `||`: the first operand that is `deciding` decides; errors before it do not count.
    fn decided(&mut self, operands: &[Step], deciding: bool) -> Result<bool, Fault> {
        let mut fault = None;
        for operand in operands {
            match self.truth(operand) {
                Ok(truth) if truth == deciding => return Ok(deciding),
                Ok(_) => {}
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    fault.get_or_insert(error);
                }
            }
        }
        fault.map_or(Ok(!deciding), Err)
    }

    fn map(&mut self, entries: &[(Step, Step)], span: Span) -> Outcome<'a> {
        let mut made: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let own = self.value(key)?;
            if !matches!(own, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::String(_)) {
                let cause = functions::mismatch("{}", &[own]);
                return Err(Fault { span: key.span, cause });
            }
            if made.iter().any(|(other, _)| other.equals(&own)) {
                return Err(Fault { span, cause: Cause::DuplicateKey });
            }
            made.push((own, self.value(value)?));
        }
        Ok(Value::map(made))
    }

    fn relation(&mut self, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Result<bool, Cause> {
        match operator {
            Operator::Equal | Operator::NotEqual => {
                self.budget.charge(left.weight())?;
                Ok(left.equals(right) == (operator == Operator::Equal))
            }
            Operator::In => self.is_in(left, right),
            _ => {
                self.budget.charge(left.weight())?;
                let order = left.compare(right);
                // Not a number has no order with anything, which is no error.
                let is_nan = |value: &Value<'_>| matches!(value, Value::Double(number) if number.is_nan());
                if order.is_none() && (is_nan(left) || is_nan(right)) {
                    return Ok(false);
                }
                let order = order
                    .ok_or_else(|| functions::mismatch(operator.as_str(), &[left.clone(), right.clone()]))?;
                Ok(match operator {
                    Operator::Less => order == Ordering::Less,
                    Operator::LessOrEqual => order != Ordering::Greater,
                    Operator::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                })
            }
        }
    }

    fn is_in(&mut self, value: &Value<'a>, container: &Value<'a>) -> Result<bool, Cause> {
        match container {
            Value::List(list) => {
                self.budget.charge(list.len().saturating_mul(1 + value.weight()))?;
                Ok(list.iter().any(|item| item.equals(value)))
            }
            Value::Map(map) => Ok(map.get(value).is_some()),
            Value::Networks(networks) => functions::networks_contain(networks, value, &mut self.budget),
            Value::Object(object @ Object::Subject(_)) => match value {
                Value::String(name) => Ok(object.member(name).is_some()),
                _ => Ok(false),
            },
            _ => Err(functions::mismatch("in", &[value.clone(), container.clone()])),
        }
    }

    fn comprehension(&mut self, comprehension: &Comprehension, span: Span) -> Outcome<'a> {
        let items = match self.value(&comprehension.range)? {
            Value::List(list) => list,
            Value::Map(map) => map.keys(),
            other => {
                let cause = functions::mismatch("iteration", &[other]);
                return Err(Fault { span: comprehension.range.span, cause });
            }
        };
        self.budget.charge(items.len()).map_err(|cause| Fault { span, cause })?;
        match comprehension.kind {
            ComprehensionKind::All => self.quantified(comprehension, &items, false),
            ComprehensionKind::Exists => self.quantified(comprehension, &items, true),
            ComprehensionKind::ExistsOne => {
                let mut count = 0_usize;
                for item in items.iter() {
                    count += usize::from(self.with(item, |inner| inner.truth(&comprehension.body))?);
                }
                Ok(Value::Bool(count == 1))
            }
            ComprehensionKind::Filter => {
                let mut kept = Vec::new();
                for item in items.iter() {
                    if self.with(item.clone(), |inner| inner.truth(&comprehension.body))? {
                        kept.push(item);
                    }
                }
                Ok(Value::List(Value::list(kept)))
            }
            ComprehensionKind::Map => self.mapped(comprehension, &items).map(Value::List),
            ComprehensionKind::SortBy => {
                let keys = self.mapped(comprehension, &items)?;
                SORT_BY_KEYS(&[Value::List(items), Value::List(keys)], &mut self.budget)
                    .map_err(|cause| Fault { span, cause })
            }
        }
    }

    /// `all` and `exists`: as `&&` and `||` over the elements.
    fn quantified(&mut self, comprehension: &Comprehension, items: &List<'a>, deciding: bool) -> Outcome<'a> {
        let mut fault = None;
        for item in items.iter() {
            match self.with(item, |inner| inner.truth(&comprehension.body)) {
                Ok(truth) if truth == deciding => return Ok(Value::Bool(deciding)),
                Ok(_) => {}
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    fault.get_or_insert(error);
                }
            }
        }
        fault.map_or(Ok(Value::Bool(!deciding)), Err)
    }

    fn mapped(&mut self, comprehension: &Comprehension, items: &List<'a>) -> Result<List<'a>, Fault> {
        let mut mapped = Vec::new();
        for item in items.iter() {
            let made = self.with(item, |inner| {
                if let Some(filter) = &comprehension.filter
                    && !inner.truth(filter)?
                {
                    return Ok(None);
                }
                inner.value(&comprehension.body).map(Some)
            })?;
            mapped.extend(made);
        }
        Ok(Value::list(mapped))
    }

    /// Evaluates with one more local variable.
    fn with<T>(
        &mut self,
        local: Value<'a>,
        evaluate: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.locals.push(local);
        let outcome = evaluate(self);
        self.locals.pop();
        outcome
    }
}

/// Whether an error ends the evaluation even where another operand could decide.
fn is_final(fault: &Fault) -> bool {
    matches!(fault.cause, Cause::TooMuchWork { .. })
}

fn member<'a>(operand: &Value<'a>, field: &str) -> Result<Value<'a>, Cause> {
    match operand {
        Value::Map(map) => map.get(&Value::from(field)).ok_or(Cause::NoSuchKey),
        Value::Object(object @ Object::Subject(_)) => object.member(field).ok_or(Cause::NoSuchKey),
        Value::Object(object) => {
            object.member(field).ok_or(Cause::NoSuchMember { type_name: object.type_name() })
        }
        other => Err(Cause::NoSuchMember { type_name: other.type_name() }),
    }
}

fn has(operand: &Value<'_>, field: &str) -> Result<bool, Cause> {
    match operand {
        Value::Map(map) => Ok(map.get(&Value::from(field)).is_some()),
        Value::Object(object) => Ok(object.member(field).is_some()),
        other => Err(Cause::NoSuchMember { type_name: other.type_name() }),
    }
}

fn element<'a>(operand: &Value<'a>, position: &Value<'_>) -> Result<Value<'a>, Cause> {
    match operand {
        Value::List(list) => {
            let position =
                index(position).ok_or_else(|| functions::mismatch("[]", std::slice::from_ref(operand)))?;
            usize::try_from(position).ok().and_then(|position| list.get(position)).ok_or(Cause::OutOfRange)
        }
        Value::Map(map) => map.get(position).ok_or(Cause::NoSuchKey),
        Value::Object(object @ Object::Subject(_)) => match position {
            Value::String(name) => object.member(name).ok_or(Cause::NoSuchKey),
            _ => Err(Cause::NoSuchKey),
        },
        other => Err(functions::mismatch("[]", std::slice::from_ref(other))),
    }
}
