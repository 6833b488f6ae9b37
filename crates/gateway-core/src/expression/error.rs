//! What can go wrong with an expression: at load, and for one request. No message holds a value of the data; what it may
//! hold is text of the expression itself, names, types and limits.

use std::fmt;

use thiserror::Error;

use super::span::Span;

/// An expression that is not accepted at load.
#[derive(Debug, Clone)]
pub(super) struct SyntaxError {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl SyntaxError {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Why an evaluation failed, and at which part. The request that it was for must be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpressionError {
    /// The failing part as written, shortened.
    pub snippet: String,
    /// Line of the failing part in the expression, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub cause: ExpressionErrorCause,
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { snippet, line, column, cause } = self;
        write!(formatter, "`{snippet}`: {cause} (line {line}, column {column})")
    }
}

impl std::error::Error for ExpressionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// What a part of an expression can fail with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExpressionErrorCause {
    /// A map has no such key.
    #[error("there is no such key")]
    NoSuchKey,
    /// A value that has no members.
    #[error("a value of type {type_name} has no such member")]
    NoSuchMember {
        /// The value's type.
        type_name: &'static str,
    },
    /// An index outside of a list, or a position outside of a text.
    #[error("the index is out of range")]
    OutOfRange,
    /// A function or operator does not exist for these types.
    #[error("`{function}` is not defined for {types}")]
    NoOverload {
        /// The function or operator.
        function: &'static str,
        /// The types of its operands.
        types: String,
    },
    /// A condition that is neither true nor false.
    #[error("a value of type {type_name} is neither true nor false")]
    NotBool {
        /// The value's type.
        type_name: &'static str,
    },
    /// The result of an arithmetic operation or conversion does not fit its type.
    #[error("the result is out of range")]
    Overflow,
    /// A division or remainder by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A text can not be converted, or is not what the function wants.
    #[error("this is no {wanted}")]
    Unreadable {
        /// What was wanted.
        wanted: &'static str,
    },
    /// The same key twice in one map.
    #[error("the map has a key twice")]
    DuplicateKey,
    /// A list or text without elements where one is wanted.
    #[error("the list is empty")]
    Empty,
    /// The evaluation does more work than one is allowed.
    #[error("the evaluation takes more than {limit} steps")]
    TooMuchWork {
        /// The limit.
        limit: usize,
    },
    /// The data does not have what the expression's place promised.
    #[error("`{name}` is not there")]
    NotThere {
        /// The variable.
        name: &'static str,
    },
}
