//! What conditions in CEL and templates take, with the data of a request.
//!
//! `cargo bench -p keybound-gateway-core --bench expression`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_core::{
    document::{Diagnostics, Place, Spanned},
    expression::{Expression, ExpressionData, ExpressionPlace},
    mechanisms::output::Outputs,
    offered,
    request::{Request, RequestUri},
    secrets::SecretStore,
    subject::{Principal, Subject},
    template::{BoundTemplate, TemplateData, TemplatePlace},
};
use http::Method;
use jose::UnixTime;
use serde_json::json;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn spanned(text: &str) -> Spanned<String> {
    Spanned::new(text.to_owned(), Place::whole_file(Arc::from("benchmark")))
}

fn request() -> Arc<Request> {
    let uri = RequestUri::new("https", "api.example.com", "/orders/4711", Some("first=0"));
    let mut request = Request::new(Method::GET, uri);
    request.headers.insert("x-tier", "gold".parse().unwrap());
    request.client_addresses = vec!["192.0.2.1".to_owned()];
    request.captures = [("order".to_owned(), "4711".to_owned())].into();
    Arc::new(request)
}

fn subject() -> Subject {
    let attributes = json!({ "groups": ["sales", "support"], "scope": "orders:read orders:write" });
    let mut subject = Subject::default();
    subject.insert("default", Principal { id: "alice".to_owned(), attributes: Arc::new(attributes) });
    subject
}

fn conditions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("condition");
    let (request, subject) = (request(), subject());
    let data = ExpressionData::of_request(&request).with_subject(&subject);
    for (name, source) in [
        ("comparison", r#"Subject.ID == "alice""#),
        (
            "several",
            r#"Request.Method == "GET" && Subject.ID != "anonymous" && "sales" in Subject.Attributes.groups"#,
        ),
        ("header and regular expression", r#"Request.Header("X-Tier").matches("^(gold|silver)$")"#),
    ] {
        let place = ExpressionPlace { used_for: "condition", offered: offered::CONDITION };
        let mut diagnostics = Diagnostics::new();
        let Some(expression) = Expression::compile(&spanned(source), &place, &mut diagnostics) else {
            panic!("{diagnostics}")
        };
        assert_eq!(expression.holds(&data), Ok(true), "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| expression.holds(black_box(&data))));
    }
    group.finish();
}

fn templates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("template");
    let (request, subject) = (request(), subject());
    let secrets = SecretStore::new();
    for (name, source, expected) in [
        ("subject", "{{ .Subject.ID }}", "alice"),
        (
            "url and capture",
            "{{ .Request.URL.Host }}/{{ .Request.URL.Captures.order }}",
            "api.example.com/4711",
        ),
    ] {
        let place = TemplatePlace {
            used_for: "header",
            offered: offered::UPSTREAM_FIELDS,
            secrets: &secrets,
            in_rule: true,
        };
        let mut diagnostics = Diagnostics::new();
        let Some(template) = BoundTemplate::compile(&spanned(source), &place, &mut diagnostics) else {
            panic!("{diagnostics}")
        };
        let render = || {
            let data = TemplateData::new(black_box(&request), &subject, &Outputs::default());
            template.render(&data, NOW).unwrap().text
        };
        assert_eq!(render(), expected);
        group.bench_function(name, |bencher| bencher.iter(render));
    }
    group.finish();
}

criterion_group!(benches, conditions, templates);
criterion_main!(benches);
