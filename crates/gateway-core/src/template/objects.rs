//! The request and its parts as templates see them, with the field and method names of Go.

use std::{collections::BTreeMap, sync::Arc};

use go_template::{FunctionError, List, Map, Object, Url, Value};
use http::HeaderMap;

use crate::{
    mechanisms::output::Outputs,
    request::Request,
    subject::{Principal, Subject},
};

/// `.Request`
pub(super) fn request(request: &Arc<Request>) -> Value {
    object(RequestObject { request: Arc::clone(request) })
}

/// `.Subject`
pub(super) fn subject(subject: &Subject) -> Value {
    let principals =
        subject.principals().map(|(name, principal)| (name.to_owned(), principal_value(principal))).collect();
    object(SubjectObject { principals, default: subject.default_principal().cloned() })
}

/// `.Results`: what steps found out, with the headers of the answers it comes from.
pub(super) fn results(outputs: &Outputs) -> Value {
    let results = outputs.headers().iter().map(|(id, headers)| {
        let payload = outputs.payloads().get(id).map_or(Value::Nil, Value::from);
        (id.as_str(), object(ResultObject { payload, headers: Arc::clone(headers) }))
    });
    Value::from(Map::new(results))
}

fn object(object: impl Object + 'static) -> Value {
    Value::Object(Arc::new(object))
}

struct ResultObject {
    payload: Value,
    headers: Arc<HeaderMap>,
}

impl Object for ResultObject {
    fn type_name(&self) -> &str {
        "*pipeline.Result"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.members().into_iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    fn members(&self) -> Vec<(String, Value)> {
        vec![("Payload".into(), self.payload.clone())]
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        (name == "Header").then(|| {
            let name = text_argument(arguments)?;
            let values = self.headers.get_all(&name).iter();
            let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            Ok(Value::from(values.join(",")))
        })
    }
}

struct RequestObject {
    request: Arc<Request>,
}

impl Object for RequestObject {
    fn type_name(&self) -> &str {
        "*heimdall.Request"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.members().into_iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    fn members(&self) -> Vec<(String, Value)> {
        let addresses = self.request.client_addresses.iter().map(String::as_str);
        vec![
            ("Method".into(), Value::from(self.request.method.as_str())),
            ("URL".into(), object(url(&self.request))),
            ("ClientIPAddresses".into(), Value::from(List::of_strings(addresses))),
        ]
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        match name {
            "Header" => Some(text_argument(arguments).map(|name| Value::from(self.request.header(&name)))),
            "Cookie" => Some(text_argument(arguments).map(|name| Value::from(self.request.cookie(&name)))),
            "Headers" => Some(no_arguments(arguments).map(|()| Value::from(self.headers()))),
            "Body" => Some(no_arguments(arguments).and_then(|()| self.body())),
            _ => None,
        }
    }
}

impl RequestObject {
    /// The parsed body. Fails where the pipeline did not read it: nothing would look like an empty body.
    fn body(&self) -> Result<Value, FunctionError> {
        self.request.body_value().map(Value::from).ok_or(FunctionError::Unreadable { what: "request body" })
    }

    fn headers(&self) -> Map {
        let names = self.request.headers.keys();
        Map::of_strings(names.map(|name| (canonical_name(name.as_str()), self.request.header(name.as_str()))))
    }
}

/// `content-type` as Go writes it: `Content-Type`.
fn canonical_name(name: &str) -> String {
    let mut at_start = true;
    let canonical = name.chars().map(|character| {
        let shown = if at_start { character.to_ascii_uppercase() } else { character };
        at_start = character == '-';
        shown
    });
    canonical.collect()
}

/// `.Request.URL`
fn url(request: &Request) -> Url {
    let uri = &request.uri;
    let captures = request.captures.iter().map(|(name, value)| (name.clone(), value.clone()));
    Url::of_request(uri.scheme(), uri.host(), uri.path(), uri.query()).with_captures(captures)
}

struct SubjectObject {
    principals: BTreeMap<String, Value>,
    default: Option<Principal>,
}

impl Object for SubjectObject {
    fn type_name(&self) -> &str {
        "identity.Subject"
    }

    fn entries(&self) -> Option<Map> {
        let principals = self.principals.iter().map(|(name, principal)| (name.as_str(), principal.clone()));
        Some(Map::new(principals))
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let principal = self.default.as_ref();
        let value = match name {
            "ID" => Value::from(principal.map_or("", |principal| principal.id.as_str())),
            "Attributes" => principal.map_or(Value::Nil, |principal| Value::from(&*principal.attributes)),
            _ => return None,
        };
        Some(no_arguments(arguments).map(|()| value))
    }
}

fn principal_value(principal: &Principal) -> Value {
    object(PrincipalObject { principal: principal.clone() })
}

struct PrincipalObject {
    principal: Principal,
}

impl Object for PrincipalObject {
    fn type_name(&self) -> &str {
        "*identity.Principal"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.members().into_iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    fn members(&self) -> Vec<(String, Value)> {
        vec![
            ("ID".into(), Value::from(self.principal.id.as_str())),
            ("Attributes".into(), Value::from(&*self.principal.attributes)),
        ]
    }
}

fn text_argument(arguments: &[Value]) -> Result<String, FunctionError> {
    match arguments {
        [Value::String(text)] => Ok(text.to_str_lossy().into_owned()),
        [other] => Err(FunctionError::ArgumentType { expected: "string", found: other.type_name() }),
        _ => Err(FunctionError::ArgumentCount { expected: 1, given: arguments.len() }),
    }
}

fn no_arguments(arguments: &[Value]) -> Result<(), FunctionError> {
    match arguments {
        [] => Ok(()),
        _ => Err(FunctionError::ArgumentCount { expected: 0, given: arguments.len() }),
    }
}
