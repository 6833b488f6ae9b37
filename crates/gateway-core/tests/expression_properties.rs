//! What must hold for every text that someone writes as an expression.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use bytes::Bytes;
use gateway_core::{
    document::{Diagnostics, Place, Spanned},
    expression::{Expression, ExpressionData, ExpressionPlace},
    offered,
    request::{Request, RequestUri},
    request_body::RequestBody,
    subject::{Principal, Subject},
};
use http::Method;
use proptest::prelude::*;
use serde_json::json;

const SECRET: &str = "s3cr3t-value";

/// Compiles and, if that works, evaluates: neither may panic, and no message may show a value of the data.
fn survives(source: &str) {
    let spanned = Spanned::new(source.to_owned(), Place::new(Arc::from("f.yaml"), 1, 1));
    let place = ExpressionPlace { used_for: "condition", offered: offered::CONDITION };
    let mut diagnostics = Diagnostics::new();
    let Some(expression) = Expression::compile(&spanned, &place, &mut diagnostics) else {
        assert!(diagnostics.has_errors(), "{source}");
        return;
    };
    let mut request =
        Request::new(Method::GET, RequestUri::new("https", "a.example", "/a", Some("q=1".into())));
    request.body =
        RequestBody::buffered(Bytes::from(json!({"n": 3, "s": SECRET, "l": [1, SECRET]}).to_string()));
    request.headers.insert("content-type", "application/json".parse().unwrap());
    let mut subject = Subject::default();
    let attributes = Arc::new(json!({"roles": [SECRET], "name": SECRET}));
    subject.insert("default", Principal { id: SECRET.to_owned(), attributes });
    let outputs = [("m".to_owned(), json!({"k": SECRET}))].into();
    let data = ExpressionData::of_request(&request).with_subject(&subject).with_outputs(&outputs);
    if let Err(error) = expression.holds(&data) {
        assert!(!error.to_string().contains(SECRET), "{source}: {error}");
        assert!(!format!("{error:?}").contains(SECRET), "{source}: {error:?}");
    }
}

/// Expressions of usual parts in unusual combinations.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "2u",
        "-3.5",
        "'a'",
        "b'a'",
        "true",
        "null",
        "[]",
        "{}",
        "x",
        "Request",
        "Request.Method",
        "Request.URL",
        "Request.Body()",
        "Request.Body().s",
        "Request.Body().l",
        "Request.URL.Query()",
        "Subject",
        "Subject.ID",
        "Subject.Attributes",
        "Subject.Attributes.roles",
        "Subject.default",
        "Outputs",
        "Outputs.m.k",
        "int",
        "networks('10.0.0.0/8')",
        "timestamp('2026-01-01T00:00:00Z')",
        "duration('1h')",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 32, 3, |inner| {
        let operators = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||",
        ]);
        let methods = prop::sample::select(vec![
            "size",
            "contains",
            "startsWith",
            "matches",
            "split",
            "join",
            "last",
            "at",
            "regexFind",
            "regexFindAll",
            "replace",
            "substring",
            "charAt",
            "indexOf",
            "format",
            "slice",
            "flatten",
            "sort",
            "distinct",
            "reverse",
            "lowerAscii",
            "getHours",
            "Header",
            "Cookie",
            "Body",
            "String",
            "Query",
        ]);
        let functions = prop::sample::select(vec![
            "size",
            "string",
            "int",
            "uint",
            "double",
            "bytes",
            "bool",
            "type",
            "dyn",
            "duration",
            "timestamp",
            "networks",
            "math.greatest",
            "math.abs",
            "sets.contains",
            "base64.encode",
            "base64.decode",
            "lists.range",
            "has",
        ]);
        let macros = prop::sample::select(vec!["all", "exists", "exists_one", "map", "filter", "sortBy"]);
        prop_oneof![
            (inner.clone(), operators, inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (inner.clone(), methods, prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(a, m, b)| format!("{a}.{m}({})", b.join(", "))),
            (functions, prop::collection::vec(inner.clone(), 1..3))
                .prop_map(|(f, a)| format!("{f}({})", a.join(", "))),
            (inner.clone(), macros, inner.clone()).prop_map(|(a, m, b)| format!("{a}.{m}(x, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a}: {b}}}")),
            inner.clone().prop_map(|a| format!("!{a}")),
            inner.prop_map(|a| format!("-{a}")),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(source in ".{0,60}") {
        survives(&source);
    }

    #[test]
    fn no_tokens_make_it_panic(tokens in prop::collection::vec(
        prop::sample::select(vec![
            "(", ")", "[", "]", "{", "}", ".", ",", ":", "?", "!", "-", "==", "in", "&&", "'a", "\"", "\\", "1", "x", "has",
            "Request", "0x", "1e", "b'", "r'", "'''", "//", "\n", "é",
        ]),
        0..20,
    )) {
        survives(&tokens.join(" "));
        survives(&tokens.concat());
    }

    #[test]
    fn whatever_compiles_evaluates_or_fails_without_a_value(source in expressions()) {
        survives(&source);
        // With `dyn`, types say nothing before there is data.
        survives(&format!("dyn({source}) == 1"));
        survives(&format!("[dyn({source})].exists(x, {source} == x)"));
    }
}
