//! heimdall's methods of the request and its URL.

use super::{Function, Overload, Run, Shape, Style, mismatch, to};
use crate::expression::{
    budget::Budget,
    error::ExpressionErrorCause as Cause,
    objects::{self, Object},
    types::ObjectType,
    value::Value,
};
use Shape::{Dyn, List, Map, String};

const REQUEST: Shape = Shape::Object(ObjectType::Request);
const URL: Shape = Shape::Object(ObjectType::Url);

const fn receiver(name: &'static str, overloads: &'static [Overload], run: Run) -> Function {
    Function { name, style: Style::Receiver, overloads, run }
}

pub(super) const FUNCTIONS: &[Function] = &[
    receiver("Header", &[to(String, &[REQUEST, String])], header),
    receiver("Cookie", &[to(String, &[REQUEST, String])], cookie),
    receiver("Body", &[to(Dyn, &[REQUEST])], body),
    receiver("String", &[to(String, &[URL])], string),
    receiver("Query", &[to(Map(&String, &List(&String)), &[URL])], query),
    receiver("Hostname", &[to(String, &[URL])], hostname),
    receiver("Port", &[to(String, &[URL])], port),
];

/// All values of the field, joined; empty when it is not there.
fn header<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Object(Object::Request(request)), Value::String(name)] => {
            Ok(Value::from(request.header(name)))
        }
        _ => Err(mismatch("Header", arguments)),
    }
}

/// The first cookie of the name; empty when there is none.
fn cookie<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Object(Object::Request(request)), Value::String(name)] => {
            Ok(Value::from(request.cookie(name)))
        }
        _ => Err(mismatch("Cookie", arguments)),
    }
}

fn body<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Object(Object::Request(request))] => objects::body(request),
        _ => Err(mismatch("Body", arguments)),
    }
}

fn string<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Object(Object::Url(request))] => Ok(Value::from(request.uri.to_string())),
        _ => Err(mismatch("String", arguments)),
    }
}

fn query<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Object(Object::Url(request))] => Ok(objects::query(request)),
        _ => Err(mismatch("Query", arguments)),
    }
}

fn hostname<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Object(Object::Url(request))] => Ok(Value::from(request.uri.hostname())),
        _ => Err(mismatch("Hostname", arguments)),
    }
}

fn port<'a>(arguments: &[Value<'a>], _: &mut Budget) -> Result<Value<'a>, Cause> {
    match arguments {
        [Value::Object(Object::Url(request))] => Ok(Value::from(request.uri.port().unwrap_or_default())),
        _ => Err(mismatch("Port", arguments)),
    }
}
