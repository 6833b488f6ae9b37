//! How long a gateway looks for the rule of a request. With 10 and with 10,000 rules it should be the same, below 2 µs.
//!
//! `cargo bench --package keybound-gateway-core --bench rules`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gateway_core::{
    document::{Diagnostics, Node, Place},
    request::{Request, RequestUri},
    rules::{Lookup, RuleIndex, RuleSet, decode_rule_set},
};
use http::Method;
use serde_json::{Value, json};

/// Rules as a company has them: each service some paths on a host of its own, services of old ones under a common host, and
/// on that host a last rule for everything.
fn rules(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let host = match number % 2 {
                0 => format!("service{}.example.com", number % 200),
                _ => "*.example.com".to_owned(),
            };
            let paths = match number {
                1 => json!([{ "path": "/**" }]),
                _ => json!([
                    { "path": format!("/service{number}/orders") },
                    { "path": format!("/service{number}/orders/:order") },
                    { "path": format!("/service{number}/orders/:order/items/:item") },
                ]),
            };
            json!({
                "id": number.to_string(),
                "match": { "http": { "hosts": [host], "methods": ["GET", "POST"], "paths": paths } },
                "execute": [{ "authenticator": "token" }],
            })
        })
        .collect()
}

fn rule_set(rules: &[Value]) -> RuleSet {
    let file = Node::from_json(
        &json!({ "version": "1beta1", "rules": rules }),
        &Place::whole_file(Arc::from("rules")),
    );
    decode_rule_set(&file, &mut Diagnostics::new()).expect("rules of the benchmark")
}

fn index(rule_set: &RuleSet) -> RuleIndex {
    RuleIndex::build(std::slice::from_ref(rule_set), true, &mut Diagnostics::new()).expect("no conflicts")
}

fn request(host: &str, path: &str) -> Request {
    Request::new(Method::GET, RequestUri::new("https", host, path, None))
}

fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find");
    for count in [10, 10_000] {
        let index = index(&rule_set(&rules(count)));
        // Somewhere in the middle, an even one and the odd one behind it.
        let exact = count / 4 * 2;
        let shared = exact + 1;
        let requests = [
            (
                "exact host, two captures",
                exact,
                request(
                    &format!("service{}.example.com", exact % 200),
                    &format!("/service{exact}/orders/4711/items/12"),
                ),
            ),
            (
                "wildcard host, two captures",
                shared,
                request("shop.example.com", &format!("/service{shared}/orders/4711/items/12")),
            ),
            (
                "back to the rule for everything",
                1,
                request(
                    &format!("service{}.example.com", exact % 200),
                    &format!("/service{exact}/orders/4711/items/12/prices"),
                ),
            ),
            (
                "escapes and dots",
                shared,
                request("shop.example.com", &format!("/old/../service{shared}/%6Frders/caf%C3%A9/items/12")),
            ),
        ];
        for (name, expected, request) in requests {
            assert!(matches!(index.find(&request), Lookup::Rule { rule, .. } if rule == expected), "{name}");
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| index.find(black_box(&request)));
            });
        }
        let nowhere = request("shop.example.org", "/service3/orders");
        assert_eq!(index.find(&nowhere), Lookup::DefaultRule);
        group.bench_function(BenchmarkId::new("no rule", count), |bencher| {
            bencher.iter(|| index.find(black_box(&nowhere)));
        });
    }
    group.finish();
}

/// What a reload costs.
fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10);
    for count in [10, 10_000] {
        let rule_set = rule_set(&rules(count));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| index(black_box(&rule_set)));
        });
    }
    group.finish();
}

criterion_group!(benches, find, build);
criterion_main!(benches);
