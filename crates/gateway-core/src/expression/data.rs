//! What expressions read: the variables, which of them each place offers, and the data of one evaluation.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::types::{ObjectType, Type};
use crate::{mechanisms::step::Failure, request::Request, subject::Subject};

/// A variable of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// The request: `Request.Method`, `Request.URL`, `Request.Header("X")` and so on.
    Request,
    /// Who asks: `Subject.ID`, `Subject.Attributes`, and each principal by its name.
    Subject,
    /// What contextualizers and remote authorizers found out, by step id.
    Outputs,
    /// The mechanism's `values`.
    Values,
    /// The answer of an endpoint.
    Payload,
    /// What was refused and why, for conditions of error handlers.
    Error,
}

impl Variable {
    /// As expressions call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Subject => "Subject",
            Self::Outputs => "Outputs",
            Self::Values => "Values",
            Self::Payload => "Payload",
            Self::Error => "Error",
        }
    }

    pub(super) fn value_type(self) -> Type {
        match self {
            Self::Request => Type::Object(ObjectType::Request),
            Self::Subject => Type::Object(ObjectType::Subject),
            Self::Error => Type::Object(ObjectType::Error),
            Self::Outputs => Type::map(Type::String, Type::Dyn),
            Self::Values => Type::map(Type::String, Type::String),
            Self::Payload => Type::Dyn,
        }
    }
}

/// The data of one evaluation. What a place offers must be there; a variable that is not there fails the evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExpressionData<'a> {
    pub(super) request: Option<&'a Request>,
    pub(super) subject: Option<&'a Subject>,
    pub(super) outputs: Option<&'a BTreeMap<String, Json>>,
    pub(super) values: Option<&'a BTreeMap<String, String>>,
    pub(super) payload: Option<&'a Json>,
    pub(super) error: Option<ErrorData<'a>>,
}

/// A failure and where it happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorData<'a> {
    pub(super) failure: &'a Failure,
}

impl<'a> ExpressionData<'a> {
    /// Nothing but the request.
    #[must_use]
    pub fn of_request(request: &'a Request) -> Self {
        Self { request: Some(request), ..Self::default() }
    }

    /// Nothing but the answer of an endpoint.
    #[must_use]
    pub fn of_payload(payload: &'a Json) -> Self {
        Self { payload: Some(payload), ..Self::default() }
    }

    /// The data with the principals.
    #[must_use]
    pub fn with_subject(self, subject: &'a Subject) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// The data with the outputs by step id.
    #[must_use]
    pub fn with_outputs(self, outputs: &'a BTreeMap<String, Json>) -> Self {
        Self { outputs: Some(outputs), ..self }
    }

    /// The data with the rendered `values`.
    #[must_use]
    pub fn with_values(self, values: &'a BTreeMap<String, String>) -> Self {
        Self { values: Some(values), ..self }
    }

    /// The data with what was refused.
    #[must_use]
    pub fn with_error(self, failure: &'a Failure) -> Self {
        Self { error: Some(ErrorData { failure }), ..self }
    }
}
