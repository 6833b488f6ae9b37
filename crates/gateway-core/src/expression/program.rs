//! An expression after its check: what is evaluated. Names are resolved, functions found, patterns compiled.

use super::{data::Variable, functions::Run, span::Span, syntax::Operator, value::Value};

/// A part and where it stands.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) operation: Operation,
    pub(super) span: Span,
}

/// What a part does.
#[derive(Clone)]
pub(super) enum Operation {
    Literal(Value<'static>),
    Variable(Variable),
    /// The variable of a comprehension, counted from the outermost.
    Local(usize),
    Member {
        operand: Box<Step>,
        field: String,
    },
    Has {
        operand: Box<Step>,
        field: String,
    },
    Index {
        operand: Box<Step>,
        index: Box<Step>,
    },
    Call {
        run: Run,
        arguments: Vec<Step>,
    },
    List(Vec<Step>),
    Map(Vec<(Step, Step)>),
    Not(Box<Step>),
    And(Vec<Step>),
    Or(Vec<Step>),
    /// `==`, `!=`, the order and `in`; arithmetic is a call.
    Relation {
        operator: Operator,
        left: Box<Step>,
        right: Box<Step>,
    },
    Conditional {
        condition: Box<Step>,
        then: Box<Step>,
        otherwise: Box<Step>,
    },
    Comprehension(Box<Comprehension>),
}

/// A macro over the elements of a list or the keys of a map.
#[derive(Clone)]
pub(super) struct Comprehension {
    pub(super) kind: ComprehensionKind,
    pub(super) range: Step,
    /// What is asked of, or made from, each element.
    pub(super) body: Step,
    /// Which elements `map` takes; all without it.
    pub(super) filter: Option<Step>,
}

/// What is made of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComprehensionKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    SortBy,
}
