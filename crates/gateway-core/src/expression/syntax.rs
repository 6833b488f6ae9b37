//! An expression as written: the tree that the parser makes.

use super::{span::Span, value::Value};

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) span: Span,
    /// Levels of parts from here down, this one counted.
    pub(super) depth: usize,
}

/// The forms that a part can have.
#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    /// A constant.
    Literal(Value<'static>),
    /// A variable, a type, or the first part of a function's name.
    Name(String),
    /// `operand.field`
    Select { operand: Box<Node>, field: String },
    /// `operand[index]`
    Index { operand: Box<Node>, index: Box<Node> },
    /// `function(arguments)` or `target.function(arguments)`
    Call { target: Option<Box<Node>>, function: String, arguments: Vec<Node> },
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: b}`
    Map(Vec<(Node, Node)>),
    /// `!operand`
    Not(Box<Node>),
    /// `-operand`
    Negate(Box<Node>),
    /// `a && b && c`
    And(Vec<Node>),
    /// `a || b || c`
    Or(Vec<Node>),
    /// `left operator right`
    Binary { operator: Operator, left: Box<Node>, right: Box<Node> },
    /// `condition ? then : otherwise`
    Conditional { condition: Box<Node>, then: Box<Node>, otherwise: Box<Node> },
}

/// The operators with two operands that always evaluate both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

impl Operator {
    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}

impl NodeKind {
    /// The parts right below.
    pub(super) fn children(&self) -> Vec<&Node> {
        match self {
            Self::Literal(_) | Self::Name(_) => Vec::new(),
            Self::Select { operand, .. } | Self::Not(operand) | Self::Negate(operand) => vec![operand],
            Self::Index { operand, index } => vec![operand, index],
            Self::Call { target, arguments, .. } => target.as_deref().into_iter().chain(arguments).collect(),
            Self::List(nodes) | Self::And(nodes) | Self::Or(nodes) => nodes.iter().collect(),
            Self::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Self::Binary { left, right, .. } => vec![left, right],
            Self::Conditional { condition, then, otherwise } => vec![condition, then, otherwise],
        }
    }
}
