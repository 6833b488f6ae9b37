//! What rendering takes: a header value, and the body of a call to another service.
//!
//! `cargo bench -p keybound-go-template --bench render`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use go_template::{CompileOptions, List, Map, RenderOptions, Template, Time, Value};

const HEADER: &str = "{{ .Subject.ID }}";
const BODY: &str = r#"{"user": {{ quote .Subject.ID }}, "groups": [{{ range $i, $group := .Subject.Attributes.groups -}}
{{ if $i }}, {{ end }}{{ $group | lower | quote }}{{ end }}]{{ if eq .Subject.Attributes.tier "gold" }}, "gold": true{{ end }}}"#;

fn subject() -> Value {
    let groups = List::of_strings(["Sales", "Support", "Managers"]);
    let attributes = Map::new([("groups", Value::from(groups)), ("tier", Value::from("gold"))]);
    let subject =
        Map::new([("ID", Value::from("alice@example.com")), ("Attributes", Value::from(attributes))]);
    Value::from(Map::new([("Subject", Value::from(subject))]))
}

fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    let data = subject();
    let options = RenderOptions::at(Time::from_unix(1_800_000_000, 0).unwrap());
    let cases = [
        ("a header", HEADER, "alice@example.com"),
        (
            "a body",
            BODY,
            r#"{"user": "alice@example.com", "groups": ["sales", "support", "managers"], "gold": true}"#,
        ),
    ];
    for (name, source, expected) in cases {
        let template = Template::compile(source, &CompileOptions::default()).unwrap();
        assert_eq!(template.render(&data, &options).unwrap(), expected);
        group.bench_function(name, |bencher| {
            bencher.iter(|| template.render(black_box(&data), &options).unwrap());
        });
    }
    group.finish();
    criterion.bench_function("compile a body", |bencher| {
        bencher.iter(|| Template::compile(black_box(BODY), &CompileOptions::default()).unwrap());
    });
}

criterion_group!(benches, render);
criterion_main!(benches);
