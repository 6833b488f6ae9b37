//! Request, URL, subject and error as expressions see them.

use std::ptr;

use super::{
    data::{ErrorData, ExpressionData, Variable},
    error::ExpressionErrorCause as Cause,
    value::Value,
};
use crate::{
    content,
    request::Request,
    subject::{Principal, Subject},
};

/// A thing of the gateway with members of its own.
#[derive(Clone, Copy)]
pub(super) enum Object<'a> {
    Request(&'a Request),
    Url(&'a Request),
    Subject(&'a Subject),
    Principal(&'a Principal),
    Error(ErrorData<'a>),
}

/// The value of a variable.
pub(super) fn variable<'a>(variable: Variable, data: &ExpressionData<'a>) -> Result<Value<'a>, Cause> {
    let value = match variable {
        Variable::Request => data.request.map(|request| Value::Object(Object::Request(request))),
        Variable::Subject => data.subject.map(|subject| Value::Object(Object::Subject(subject))),
        Variable::Error => data.error.map(|error| Value::Object(Object::Error(error))),
        Variable::Payload => data.payload.map(Value::from),
        Variable::Outputs => data.outputs.map(|outputs| {
            Value::record(outputs.iter().map(|(id, output)| (id.as_str(), Value::from(output))))
        }),
        Variable::Values => data.values.map(|values| {
            Value::record(values.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str()))))
        }),
    };
    value.ok_or(Cause::NotThere { name: variable.name() })
}

impl<'a> Object<'a> {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Request(_) => "Request",
            Self::Url(_) => "URL",
            Self::Subject(_) => "Subject",
            Self::Principal(_) => "Principal",
            Self::Error(_) => "Error",
        }
    }

    /// A member; `None` if there is none of that name.
    pub(super) fn member(self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Request(request) => request_member(request, name),
            Self::Url(request) => url_member(request, name),
            Self::Principal(principal) => principal_member(principal, name),
            // A principal can not hide those of `default`, as in templates.
            Self::Subject(subject) => match name {
                "ID" | "Attributes" => {
                    subject.default_principal().and_then(|principal| principal_member(principal, name))
                }
                _ => subject
                    .principals()
                    .find(|(own, _)| *own == name)
                    .map(|(_, principal)| Value::Object(Object::Principal(principal))),
            },
            Self::Error(error) => {
                let origin = error.failure.origin.as_ref();
                match name {
                    "Source" => Some(Value::from(origin.map_or("", |origin| origin.mechanism.as_str()))),
                    "StepID" => Some(Value::from(origin.map_or("", |origin| origin.step_id.as_str()))),
                    _ => None,
                }
            }
        }
    }

    /// Whether both are the same thing.
    pub(super) fn equals(self, other: Object<'_>) -> bool {
        match (self, other) {
            (Self::Request(left), Object::Request(right)) | (Self::Url(left), Object::Url(right)) => {
                ptr::eq(left, right)
            }
            (Self::Subject(left), Object::Subject(right)) => left == right,
            (Self::Principal(left), Object::Principal(right)) => left == right,
            (Self::Error(left), Object::Error(right)) => ptr::eq(left.failure, right.failure),
            _ => false,
        }
    }
}

fn request_member<'a>(request: &'a Request, name: &str) -> Option<Value<'a>> {
    match name {
        "Method" => Some(Value::from(request.method.as_str())),
        "URL" => Some(Value::Object(Object::Url(request))),
        "ClientIPAddresses" => Some(Value::List(Value::list(
            request.client_addresses.iter().map(|address| Value::from(address.as_str())),
        ))),
        _ => None,
    }
}

fn url_member<'a>(request: &'a Request, name: &str) -> Option<Value<'a>> {
    let uri = &request.uri;
    match name {
        "Scheme" => Some(Value::from(uri.scheme())),
        "Host" => Some(Value::from(uri.host())),
        "Path" => {
            let decoded = percent_encoding::percent_decode_str(uri.path()).decode_utf8_lossy();
            Some(Value::from(decoded.into_owned()))
        }
        "RawPath" => Some(Value::from(uri.path())),
        "RawQuery" => Some(Value::from(uri.query().unwrap_or_default())),
        // A client never sends one (RFC 9110 §4.2.5).
        "Fragment" => Some(Value::from("")),
        "Captures" => Some(Value::record(
            request.captures.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str()))),
        )),
        _ => None,
    }
}

fn principal_member<'a>(principal: &'a Principal, name: &str) -> Option<Value<'a>> {
    match name {
        "ID" => Some(Value::from(principal.id.as_str())),
        "Attributes" => Some(Value::from(&*principal.attributes)),
        _ => None,
    }
}

/// `Request.URL.Query()`: every parameter with the list of its values.
pub(super) fn query<'a>(request: &Request) -> Value<'a> {
    Value::from_owned(&content::parse_form(request.uri.query().unwrap_or_default()))
}

/// `Request.Body()`
pub(super) fn body(request: &Request) -> Result<Value<'_>, Cause> {
    request.body_value().map(Value::from).ok_or(Cause::NotThere { name: "Request.Body()" })
}
