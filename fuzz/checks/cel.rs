//! A CEL expression: whatever compiles evaluates within its limits or fails, without a panic and without a value in the
//! message, and looks at the body only if it says so.

use std::sync::Arc;

use bytes::Bytes;
use gateway_core::{
    document::{Diagnostics, Place, Spanned},
    expression::{Expression, ExpressionData, ExpressionError, ExpressionErrorCause, ExpressionPlace},
    offered,
    request::{Request, RequestUri},
    request_body::RequestBody,
    subject::{Principal, Subject},
};
use http::Method;
use serde_json::{Value, json};

const SECRET: &str = "s3cr3t-value";
/// The longest source and the deepest nesting that are documented.
const MAX_SOURCE_BYTES: usize = 8 * 1024;
const MAX_DEPTH: usize = 64;

pub(crate) fn check(bytes: &[u8]) {
    if let Ok(source) = std::str::from_utf8(bytes) {
        survives(source);
    }
}

/// Compiles and, if that works, evaluates.
pub(crate) fn survives(source: &str) {
    let spanned = Spanned::new(source.to_owned(), Place::new(Arc::from("f.yaml"), 1, 1));
    let place = ExpressionPlace { used_for: "condition", offered: offered::CONDITION };
    let mut diagnostics = Diagnostics::new();
    let Some(expression) = Expression::compile(&spanned, &place, &mut diagnostics) else {
        assert!(diagnostics.has_errors(), "{source}");
        return;
    };
    assert!(!diagnostics.has_errors(), "{source}");
    assert!(source.len() <= MAX_SOURCE_BYTES && nesting(source) <= 2 * MAX_DEPTH, "{source}");
    let result = evaluate(&expression, json!({"n": 3, "s": SECRET, "l": [1, SECRET]}));
    assert_eq!(result, evaluate(&expression, json!({"n": 3, "s": SECRET, "l": [1, SECRET]})), "{source}");
    if !expression.reads_body() {
        assert_eq!(result, evaluate(&expression, json!("another body")), "{source} reads the body");
    }
    if let Err(error) = result {
        assert!(!error.to_string().contains(SECRET), "{source}: {error}");
        assert!(!format!("{error:?}").contains(SECRET), "{source}: {error:?}");
        let line = source.split('\n').nth(error.line - 1).expect("the line exists");
        assert!((1..=line.chars().count() + 1).contains(&error.column), "{source}: {error}");
        if let ExpressionErrorCause::TooMuchWork { limit } = error.cause {
            assert_eq!(limit, 1_000_000);
        }
    }
}

fn evaluate(expression: &Expression, body: Value) -> Result<bool, ExpressionError> {
    let mut request = Request::new(Method::GET, RequestUri::new("https", "a.example", "/a", Some("q=1")));
    request.body = RequestBody::buffered(Bytes::from(body.to_string()));
    request.headers.insert("content-type", "application/json".parse().unwrap());
    let mut subject = Subject::default();
    let attributes = Arc::new(json!({"roles": [SECRET], "name": SECRET}));
    subject.insert("default", Principal { id: SECRET.to_owned(), attributes });
    let outputs = [("m".to_owned(), json!({"k": SECRET}))].into();
    expression.holds(&ExpressionData::of_request(&request).with_subject(&subject).with_outputs(&outputs))
}

/// How deep brackets stand within each other. Those in texts count as well, so a test of it needs room.
fn nesting(source: &str) -> usize {
    if source.contains(['"', '\'', '/']) {
        return 0;
    }
    let mut depth = 0_usize;
    let depths = source.chars().map(|character| {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth
    });
    depths.max().unwrap_or(0)
}
