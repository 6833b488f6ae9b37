//! Expressions in the Common Expression Language: conditions of steps and error handlers, the `cel` authorizer, what remote
//! answers must fulfil.
//!
//! An [`Expression`] is compiled and checked at load: names, functions and types, as far as they are known without data, and
//! that the whole is true or false. Evaluation does no I/O, is bounded in work, and its errors name the failing part of the
//! expression and never a value. The environment is heimdall's: CEL's standard library with the extensions for lists,
//! encoders, mathematics, sets and strings, and heimdall's own functions; optional values and messages are not offered.

mod budget;
mod check;
mod data;
mod describe;
mod error;
mod error_type;
mod evaluate;
mod functions;
mod objects;
mod parser;
mod program;
mod span;
mod syntax;
mod token;
mod types;
mod value;

use std::{fmt, sync::Arc};

use self::{check::Checked, error::SyntaxError, evaluate::Fault, program::Step, span::Span};
pub use self::{
    data::{ExpressionData, Variable},
    describe::{DescribedFunction, DescribedVariable, describe_functions, describe_variable},
    error::{ExpressionError, ExpressionErrorCause},
};
use crate::document::{Code, Diagnostic, Diagnostics, Spanned};

/// What one place offers its expressions.
#[derive(Debug, Clone, Copy)]
pub struct ExpressionPlace<'a> {
    /// What the expression is for, as messages name it: ``condition of step 2 in rule `a` ``.
    pub used_for: &'a str,
    /// The variables it may read.
    pub offered: &'static [Variable],
}

/// A compiled expression that is true or false. Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    compiled: Arc<Compiled>,
}

struct Compiled {
    source: String,
    program: Step,
    reads_body: bool,
}

impl Expression {
    /// Compiles and checks an expression; `None` after an error was added to `diagnostics`. What will fail for every request
    /// without being wrong for heimdall is warned about.
    #[must_use]
    pub fn compile(
        source: &Spanned<String>,
        place: &ExpressionPlace<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let checked = parser::parse(&source.value).and_then(|node| check::check(&node, place.offered));
        match checked {
            Ok(Checked { program, warnings, reads_body }) => {
                for warning in warnings {
                    let headline = format!("{} {}", place.used_for, warning.message);
                    let mut diagnostic =
                        Diagnostic::warning(warning.code, headline, &place_of(source, warning.span))
                            .found(warning.span.snippet(&source.value));
                    diagnostic.hint = warning.hint;
                    diagnostics.push(diagnostic);
                }
                let source = source.value.clone();
                Some(Self { compiled: Arc::new(Compiled { source, program, reads_body }) })
            }
            Err(error) => {
                diagnostics.push(refusal(&error, source, place.used_for));
                None
            }
        }
    }

    /// Whether the expression is true for this data.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`], in which case the request must be refused. It never holds a value of the data.
    pub fn holds(&self, data: &ExpressionData<'_>) -> Result<bool, ExpressionError> {
        evaluate::condition(&self.compiled.program, data).map_err(|Fault { span, cause }| {
            let source = &self.compiled.source;
            let (line, column) = span.line_and_column(source);
            ExpressionError { snippet: span.snippet(source), line, column, cause }
        })
    }

    /// Whether the expression may look into the request's body, which must be read before it is evaluated.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.compiled.reads_body
    }

    /// The expression as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.compiled.source
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Expression").field(&self.compiled.source).finish()
    }
}

fn refusal(error: &SyntaxError, source: &Spanned<String>, used_for: &str) -> Diagnostic {
    let headline = format!("{used_for} does not compile: {}", error.message);
    let mut diagnostic = Diagnostic::error(Code::BadCel, headline, &place_of(source, error.span))
        .found(Span::new(0, source.value.len()).snippet(&source.value))
        .expected("an expression of type bool");
    diagnostic.hint.clone_from(&error.hint);
    diagnostic
}

fn place_of(source: &Spanned<String>, span: Span) -> crate::document::Place {
    let (line, column) = span.line_and_column(&source.value);
    source.place_within(line, column)
}

#[cfg(test)]
mod tests;
