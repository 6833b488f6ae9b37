//! The parsed template.

use std::{collections::BTreeMap, sync::Arc};

use crate::{functions::Function, number::Number, text::Text};

/// A name of a field, variable or template. Variables keep their `$`.
pub(crate) type Name = Arc<str>;

/// Where something stands in the source: byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A template and the templates defined in it.
pub(crate) struct Tree {
    pub(crate) main: Vec<Node>,
    pub(crate) defined: BTreeMap<Name, Vec<Node>>,
}

pub(crate) enum Node {
    Text(Text),
    /// Prints, unless it declares or assigns variables.
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template {
        name: Name,
        argument: Option<Pipeline>,
        span: Span,
    },
    Break,
    Continue,
}

/// A condition, or what is walked, and what follows from it.
pub(crate) struct Branch {
    pub(crate) pipeline: Pipeline,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

pub(crate) struct Pipeline {
    pub(crate) span: Span,
    pub(crate) variables: Vec<Name>,
    /// `=` instead of `:=`.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
}

/// A first word with its arguments.
pub(crate) struct Command {
    pub(crate) first: Operand,
    pub(crate) arguments: Vec<Operand>,
}

pub(crate) struct Operand {
    pub(crate) span: Span,
    pub(crate) kind: OperandKind,
}

pub(crate) enum OperandKind {
    Nil,
    Dot,
    Bool(bool),
    Number(Number),
    String(Text),
    /// `.a.b`, from the dot.
    Field(Vec<Name>),
    /// `$x.a.b`
    Variable(Name, Vec<Name>),
    Function(&'static Function),
    /// In parentheses.
    Pipeline(Box<Pipeline>),
    /// Fields of something in parentheses or of a function's result.
    Chain(Box<Operand>, Vec<Name>),
}
