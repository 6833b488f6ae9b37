//! What can go wrong: reading a template ([`ParseError`]), rendering it ([`RenderError`]), one function in it ([`FunctionError`]).
//!
//! No message holds a value of the data. What a message may hold is text of the template itself, names, types and limits.

use std::fmt;

use thiserror::Error;

/// A place in a template's source: line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    pub(crate) fn of(source: &str, offset: usize) -> Self {
        let before = source.as_bytes().get(..offset).unwrap_or(source.as_bytes());
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: before.iter().skip(line_start).filter(|byte| (**byte & 0xc0) != 0x80).count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// A template that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} (line {line}, column {column})")]
#[non_exhaustive]
pub struct ParseError {
    /// Line in the template, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// How to mend it, where that is known.
    pub hint: Option<String>,
}

/// Something in a template that is allowed, but probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} ({position})")]
#[non_exhaustive]
pub struct Warning {
    /// Where in the template.
    pub position: Position,
    /// What is odd and how to mend it.
    pub message: String,
}

/// A template that was read, but fails with the given data. The request it is rendered for must be refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{snippet}`: {cause} ({position})")]
#[non_exhaustive]
pub struct RenderError {
    /// Where in the template.
    pub position: Position,
    /// The failing part as written in the template, shortened.
    pub snippet: String,
    /// Why it fails.
    pub cause: RenderErrorCause,
}

impl RenderError {
    /// How to mend the template, where the cause is a common mistake.
    pub fn hint(&self) -> Option<&'static str> {
        let types = match &self.cause {
            RenderErrorCause::Function { error: FunctionError::NotComparable { left, right }, .. } => {
                [left, right]
            }
            RenderErrorCause::ArgumentType { expected: "int", found }
                if found == "float64" || found == "int64" =>
            {
                return Some("numbers from JSON are floats, results of arithmetic `int64`; use `int`");
            }
            RenderErrorCause::NotIterable { type_name } if type_name == "float64" => {
                return Some("numbers from JSON are floats; use `int`");
            }
            RenderErrorCause::ArgumentType { found, .. } if found == "no value" => {
                return Some("use `default` for values that may be missing");
            }
            _ => return None,
        };
        let is_number = |name: &&String| matches!(name.as_str(), "float64" | "int" | "int64");
        types
            .iter()
            .all(is_number)
            .then_some("numbers from JSON are floats; write 3.0 instead of 3, or use `int`")
    }
}

/// Why rendering failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RenderErrorCause {
    /// A step into a value that is there and null.
    #[error("a step to {name} behind null")]
    FieldOfNull {
        /// The name of the step.
        name: String,
    },
    /// A step into a value that has no such field, method or key.
    #[error("{type_name} has no field or method {name}")]
    NoSuchField {
        /// The name of the step.
        name: String,
        /// The type of the value, in Go's words.
        type_name: String,
    },
    /// Arguments for something that takes none.
    #[error("is not a function or method and takes no arguments")]
    NotAFunction,
    /// Arguments missing or too many.
    #[error("{name} takes {}{expected} argument(s), {given} given", if *.at_least { "at least " } else { "" })]
    ArgumentCount {
        /// Function or method.
        name: String,
        /// How many it takes.
        expected: usize,
        /// Whether `expected` is a minimum.
        at_least: bool,
        /// How many there are.
        given: usize,
    },
    /// An argument of another type than the function wants; nothing is converted.
    #[error("expected {expected}, found {found}")]
    ArgumentType {
        /// The wanted type, in Go's words.
        expected: &'static str,
        /// The type found, in Go's words.
        found: String,
    },
    /// `nil` where a value must stand.
    #[error("nil is not a command")]
    NilCommand,
    /// An integer constant that does not fit into 64 bits with sign.
    #[error("the number does not fit into a 64-bit integer")]
    IntegerOverflow,
    /// An assignment to a variable that was never declared.
    #[error("variable {name} was never declared, use :=")]
    UndeclaredVariable {
        /// The variable, with its `$`.
        name: String,
    },
    /// `range` over something that has no elements.
    #[error("range cannot walk over {type_name}")]
    NotIterable {
        /// The type of the value, in Go's words.
        type_name: String,
    },
    /// `range` with two variables over an integer.
    #[error("range over an integer has one variable only")]
    TooManyRangeVariables,
    /// `template` with a name that is not defined.
    #[error("no template of this name is defined")]
    UndefinedTemplate,
    /// Templates calling each other too deeply.
    #[error("templates are nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Too much output.
    #[error("the output is longer than {limit} bytes")]
    OutputTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// Too much work.
    #[error("takes more than {limit} steps")]
    TooManySteps {
        /// The limit.
        limit: u64,
    },
    /// A function or method gave an error.
    #[error("error calling {function}: {error}")]
    Function {
        /// Function or method.
        function: String,
        /// Its error.
        error: FunctionError,
    },
}

/// Why a function, or a method of an [`Object`](crate::Object), failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// Arguments missing or too many.
    #[error("takes {expected} argument(s), {given} given")]
    ArgumentCount {
        /// How many it takes.
        expected: usize,
        /// How many there are.
        given: usize,
    },
    /// An argument of a type the function cannot work with.
    #[error("cannot work with {found}, expected {expected}")]
    ArgumentType {
        /// What it wants.
        expected: &'static str,
        /// The type found, in Go's words.
        found: String,
    },
    /// `eq` and its like on values of different or incomparable types.
    #[error("cannot compare {left} with {right}")]
    NotComparable {
        /// Type of the first operand, in Go's words.
        left: String,
        /// Type of the second operand, in Go's words.
        right: String,
    },
    /// An index or a slice bound outside of the list or text.
    #[error("index out of range")]
    OutOfRange,
    /// A text that cannot be read; `what` says as what.
    #[error("the text is no {what}")]
    Unreadable {
        /// What the text should have been.
        what: &'static str,
    },
    /// A regular expression that cannot be compiled.
    #[error("not a valid regular expression")]
    BadPattern,
    /// Integer division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A value that has no JSON form.
    #[error("the value has no JSON form")]
    NoJsonForm,
    /// `fail` was called. Its text is not repeated: it may hold data.
    #[error("the template gave up")]
    Failed,
    /// A text longer than the output may be.
    #[error("the text is longer than {limit} bytes")]
    TextTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// More elements than the bound on `repeat`, `until` and the like.
    #[error("more than {limit} elements")]
    TooManyElements {
        /// The limit.
        limit: usize,
    },
    /// Lists and maps nested too deeply.
    #[error("the value is nested deeper than {limit}")]
    NestedTooDeeply {
        /// The limit.
        limit: usize,
    },
    /// A map put into itself.
    #[error("a map cannot hold itself")]
    Cycle,
    /// More work than allowed.
    #[error("takes more than {limit} steps")]
    TooManySteps {
        /// The limit.
        limit: u64,
    },
    /// The host gives no random bytes.
    #[error("random bytes are not available")]
    NoRandomness,
    /// An argument the function refuses, for the reason given.
    #[error("{0}")]
    Refused(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        assert_eq!(Position::of("abc", 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of("ä\nöü{{", 7), Position { line: 2, column: 3 });
    }
}
