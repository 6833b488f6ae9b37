//! What must hold for every text that someone writes as an expression.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code)]
#[path = "../../../fuzz/checks/cel.rs"]
mod cel;

use proptest::prelude::*;

use cel::survives;

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
