//! The objects of the vectors' contexts, shaped as the gateway offers them to templates.

use std::{collections::BTreeMap, sync::Arc};

use go_template::{ElementType, FunctionError, List, Map, Object, Url, Value};
use serde_json::Value as Json;

/// The data of a context.
pub(crate) fn data(context: &Json) -> Value {
    let entries = context.as_object().unwrap().iter().map(|(name, value)| {
        let value = match name.as_str() {
            "Request" => object(Request::new(value)),
            "Subject" => object(Subject::new(value)),
            "Values" => Map::of_strings(strings(value)).into(),
            "Outputs" => Value::from(value),
            other => panic!("unknown part of the data: {other}"),
        };
        (name.as_str(), value)
    });
    Map::new(entries).into()
}

fn object(object: impl Object + 'static) -> Value {
    Value::Object(Arc::new(object))
}

fn strings(json: &Json) -> BTreeMap<String, String> {
    let entries = json.as_object().unwrap().iter();
    entries.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

struct Request {
    method: String,
    url: Arc<dyn Object>,
    headers: BTreeMap<String, String>,
    cookies: BTreeMap<String, String>,
    body: Value,
    client_addresses: List,
}

impl Request {
    fn new(json: &Json) -> Self {
        let url = json["URL"].as_str().unwrap();
        let host = url.split('/').nth(2).unwrap();
        let mut headers = strings(&json["Headers"]);
        headers.insert("Host".into(), host.into());
        Self {
            method: json["Method"].as_str().unwrap().into(),
            url: Arc::new(Url::parse(url).unwrap().with_captures(strings(&json["Captures"]))),
            headers,
            cookies: strings(&json["Cookies"]),
            body: if json["Body"].is_null() { "".into() } else { Value::from(&json["Body"]) },
            client_addresses: List::of_strings(
                json["ClientIPAddresses"].as_array().unwrap().iter().map(|address| address.as_str().unwrap()),
            ),
        }
    }
}

/// The only argument, a string.
fn name(arguments: &[Value]) -> Result<String, FunctionError> {
    match arguments {
        [Value::String(name)] => Ok(name.to_str_lossy().into_owned()),
        [other] => Err(FunctionError::ArgumentType { expected: "string", found: other.type_name() }),
        [..] => Err(FunctionError::ArgumentCount { expected: 1, given: arguments.len() }),
    }
}

fn no_arguments(arguments: &[Value], value: Value) -> Result<Value, FunctionError> {
    match arguments {
        [] => Ok(value),
        [..] => Err(FunctionError::ArgumentCount { expected: 0, given: arguments.len() }),
    }
}

impl Object for Request {
    fn type_name(&self) -> &str {
        "*Request"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Method" => Some(self.method.as_str().into()),
            "URL" => Some(Value::Object(Arc::clone(&self.url))),
            "ClientIPAddresses" => Some(self.client_addresses.clone().into()),
            _ => None,
        }
    }

    fn method(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        Some(match method {
            "Header" => name(arguments).map(|name| {
                let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
                found.map(|(_, value)| value.as_str()).unwrap_or_default().into()
            }),
            "Cookie" => name(arguments)
                .map(|name| self.cookies.get(&name).map(String::as_str).unwrap_or_default().into()),
            "Headers" => no_arguments(arguments, Map::of_strings(self.headers.clone()).into()),
            "Body" => no_arguments(arguments, self.body.clone()),
            _ => return None,
        })
    }
}

struct Principal {
    id: String,
    attributes: Map,
}

impl Object for Principal {
    fn type_name(&self) -> &str {
        "*Principal"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "ID" => Some(self.id.as_str().into()),
            "Attributes" => Some(self.attributes.clone().into()),
            _ => None,
        }
    }

    fn members(&self) -> Vec<(String, Value)> {
        vec![("ID".into(), self.id.as_str().into()), ("Attributes".into(), self.attributes.clone().into())]
    }
}

struct Subject(BTreeMap<String, Arc<Principal>>);

impl Subject {
    fn new(json: &Json) -> Self {
        let principals = json.as_object().unwrap().iter().map(|(name, principal)| {
            let attributes = match Value::from(&principal["Attributes"]) {
                Value::Map(attributes) => attributes,
                _ => Map::default(),
            };
            let id = principal["ID"].as_str().unwrap().to_owned();
            (name.clone(), Arc::new(Principal { id, attributes }))
        });
        Self(principals.collect())
    }
}

impl Object for Subject {
    fn type_name(&self) -> &str {
        "Subject"
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let default = self.0.get("default");
        let value = match name {
            "ID" => default.map(|principal| principal.id.as_str()).unwrap_or_default().into(),
            "Attributes" => default.map(|principal| principal.attributes.clone()).unwrap_or_default().into(),
            _ => return None,
        };
        Some(no_arguments(arguments, value))
    }

    fn entries(&self) -> Option<Map> {
        let entries = self.0.iter().map(|(name, principal)| {
            let principal: Arc<dyn Object> = principal.clone();
            (name.as_str(), Value::Object(principal))
        });
        Some(Map::with_element(ElementType::Object("*Principal"), entries))
    }
}
