//! The request and its parts as templates see them, with the field and method names of Go.

use std::{collections::BTreeMap, sync::Arc};

use go_template::{FunctionError, List, Map, Object, Value};
use http::header;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use crate::{
    request::{Request, RequestUri},
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

fn object(object: impl Object + 'static) -> Value {
    Value::Object(Arc::new(object))
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
        let url = UrlObject { request: Arc::clone(&self.request) };
        vec![
            ("Method".into(), Value::from(self.request.method.as_str())),
            ("URL".into(), object(url)),
            ("ClientIPAddresses".into(), Value::from(List::of_strings(addresses))),
        ]
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        match name {
            "Header" => Some(text_argument(arguments).map(|name| Value::from(self.header(&name)))),
            "Cookie" => Some(text_argument(arguments).map(|name| Value::from(self.cookie(&name)))),
            "Headers" => Some(no_arguments(arguments).map(|()| Value::from(self.headers()))),
            // Templates that read the body are refused when they are compiled.
            "Body" => Some(no_arguments(arguments).map(|()| Value::from(""))),
            _ => None,
        }
    }
}

impl RequestObject {
    /// All values of a field, joined as RFC 9110 §5.3 allows; empty when it is not there.
    fn header(&self, name: &str) -> String {
        let values = self.request.headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(",")
    }

    /// The first cookie of that name; empty when there is none.
    fn cookie(&self, name: &str) -> String {
        let lines = self.request.headers.get_all(header::COOKIE).iter();
        let mut pairs = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
        let value = pairs.find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key.trim_end() == name).then_some(value)
        });
        value
            .map_or("", |value| {
                value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
            })
            .into()
    }

    fn headers(&self) -> Map {
        let names = self.request.headers.keys();
        Map::of_strings(names.map(|name| (canonical_name(name.as_str()), self.header(name.as_str()))))
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

struct UrlObject {
    request: Arc<Request>,
}

impl UrlObject {
    fn uri(&self) -> &RequestUri {
        &self.request.uri
    }
}

impl Object for UrlObject {
    fn type_name(&self) -> &str {
        "*heimdall.URL"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.members().into_iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    fn members(&self) -> Vec<(String, Value)> {
        let path = percent_decode(self.uri().path().as_bytes()).collect::<Vec<u8>>();
        let captures = self.request.captures.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        vec![
            ("Scheme".into(), Value::from(self.uri().scheme())),
            ("Host".into(), Value::from(self.uri().host())),
            ("Path".into(), Value::String(path.into())),
            ("RawPath".into(), Value::from(self.uri().path())),
            ("RawQuery".into(), Value::from(self.uri().query().unwrap_or_default())),
            ("Fragment".into(), Value::from("")),
            ("Captures".into(), Value::from(Map::of_strings(captures))),
        ]
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let value = match name {
            "String" => Value::from(self.uri().to_string()),
            "Hostname" => Value::from(self.uri().hostname()),
            "Port" => Value::from(self.uri().port().unwrap_or_default()),
            "EscapedPath" => Value::from(self.uri().path()),
            "RequestURI" => Value::from(self.uri().path_and_query()),
            "Query" => object(QueryObject::parse(self.uri().query().unwrap_or_default())),
            _ => return None,
        };
        Some(no_arguments(arguments).map(|()| value))
    }

    fn to_text(&self) -> Option<String> {
        Some(self.uri().to_string())
    }
}

/// The parameters of a query, decoded as forms are.
struct QueryObject {
    parameters: BTreeMap<String, Vec<String>>,
}

impl QueryObject {
    /// Pairs with an invalid escape or a semicolon are left out, as Go does.
    fn parse(query: &str) -> Self {
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(name), Some(value)) = (form_decode(name), form_decode(value)) {
                parameters.entry(name).or_default().push(value);
            }
        }
        Self { parameters }
    }
}

impl Object for QueryObject {
    fn type_name(&self) -> &str {
        "url.Values"
    }

    fn entries(&self) -> Option<Map> {
        let lists = self.parameters.iter().map(|(name, values)| {
            (name.as_str(), Value::from(List::of_strings(values.iter().map(String::as_str))))
        });
        Some(Map::with_element(go_template::ElementType::TextList, lists))
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        match name {
            "Get" => Some(text_argument(arguments).map(|name| {
                Value::from(
                    self.parameters.get(&name).and_then(|values| values.first()).map_or("", String::as_str),
                )
            })),
            "Has" => {
                Some(text_argument(arguments).map(|name| Value::from(self.parameters.contains_key(&name))))
            }
            "Encode" => Some(no_arguments(arguments).map(|()| Value::from(self.encode()))),
            _ => None,
        }
    }
}

/// Everything but unreserved characters; the blank becomes `+` afterwards.
const FORM: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'!')
    .add(b'"')
    .add(b'#')
    .add(b'$')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*')
    .add(b'+')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

impl QueryObject {
    fn encode(&self) -> String {
        let escape = |text: &str| utf8_percent_encode(text, FORM).to_string().replace("%20", "+");
        let pairs = self.parameters.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| format!("{}={}", escape(name), escape(value)))
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}

fn form_decode(text: &str) -> Option<String> {
    let is_valid = text.match_indices('%').all(|(position, _)| {
        text.as_bytes()
            .get(position + 1..position + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    is_valid.then(|| {
        let spaced = text.replace('+', " ");
        percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
    })
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
