//! Nothing a template does is unbounded, and nothing of the host's data is changed or shows up in errors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use go_template::{
    CompileOptions, FunctionError, Map, RenderError, RenderErrorCause, RenderOptions, SecretResolver,
    SecretValue, Template, Time, Value,
};
use serde_json::json;

fn now() -> Time {
    Time::from_unix(1_770_091_506, 0).unwrap()
}

fn compile(template: &str) -> Template {
    Template::compile(template, &CompileOptions::default()).unwrap()
}

fn render(template: &str, data: &Value) -> Result<String, RenderError> {
    compile(template).render(data, &RenderOptions::at(now()))
}

fn failure(template: &str) -> RenderErrorCause {
    render(template, &Value::from(json!({}))).unwrap_err().cause
}

fn function_error(template: &str) -> FunctionError {
    match failure(template) {
        RenderErrorCause::Function { error, .. } => error,
        other => panic!("{other}"),
    }
}

#[test]
fn templates_are_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Template>();
    is_shared::<Value>();
}

#[test]
fn the_output_is_bounded() {
    let cause = failure("{{ range until 100000 }}0123456789012345678901234567890123456789{{ end }}");
    assert_eq!(cause, RenderErrorCause::OutputTooLong { limit: 1 << 20 });
    let data = Value::from(json!({"long": "x".repeat(2 << 20)}));
    let cause = render("{{ .long }}", &data).unwrap_err().cause;
    assert_eq!(cause, RenderErrorCause::OutputTooLong { limit: 1 << 20 });
}

#[test]
fn texts_on_the_way_to_the_output_are_bounded() {
    for template in [
        r#"{{ repeat 100000 "0123456789012345678901234567890" | len }}"#,
        r#"{{ $x := "ab" }}{{ range until 100 }}{{ $x = print $x $x }}{{ end }}"#,
        r#"{{ $x := repeat 100000 "a" }}{{ replace "" $x $x | len }}"#,
        r#"{{ $x := repeat 100000 "a" }}{{ regexReplaceAll "a" $x $x | len }}"#,
        r#"{{ $x := repeat 100000 "\n" }}{{ indent 1000 $x | len }}"#,
        r#"{{ $x := repeat 100000 "a" }}{{ join $x (until 1000) | len }}"#,
        r#"{{ printf "%1000000d%1000000d" 1 1 | len }}"#,
        r#"{{ $x := repeat 100000 "a" }}{{ wrapWith 1 $x $x | len }}"#,
    ] {
        assert_eq!(function_error(template), FunctionError::TextTooLong { limit: 1 << 20 }, "{template}");
    }
}

#[test]
fn lists_and_counts_are_bounded() {
    for template in [
        r#"{{ repeat 100001 "a" }}"#,
        "{{ until 100001 }}",
        "{{ until -100001 }}",
        "{{ untilStep -9223372036854775807 9223372036854775807 1 }}",
        "{{ seq 100001 }}",
        "{{ randAlphaNum 100001 }}",
        "{{ randBytes 100001 }}",
        "{{ $x := list 1 }}{{ range until 100 }}{{ $x = concat $x $x }}{{ end }}",
        r#"{{ splitList "" (repeat 100001 "") }}"#,
    ] {
        assert_eq!(function_error(template), FunctionError::TooManyElements { limit: 100_000 }, "{template}");
    }
}

#[test]
fn work_is_bounded() {
    for template in [
        "{{ range 9223372036854775807 }}{{ end }}",
        "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}",
        "{{ $x := 1 }}{{ range until 60 }}{{ $x = list $x $x }}{{ end }}",
        "{{ $x := until 5000 }}{{ range until 5000 }}{{ $_ := has -1 $x }}{{ end }}",
    ] {
        assert_eq!(failure(template), RenderErrorCause::TooManySteps { limit: 1_000_000 }, "{template}");
    }
}

#[test]
fn templates_calling_each_other_are_bounded() {
    let recursion = r#"{{ define "n" }}{{ template "n" . }}{{ end }}{{ template "n" }}"#;
    assert_eq!(failure(recursion), RenderErrorCause::TooDeep { limit: 100 });
    // Blocks within them count as well, so that no stack overflows.
    let blocks = format!(
        r#"{{{{ define "n" }}}}{}{{{{ template "n" . }}}}{}{{{{ end }}}}{{{{ template "n" }}}}"#,
        "{{ range 1 }}{{ if ((1)) }}".repeat(40),
        "{{ end }}{{ end }}".repeat(40),
    );
    assert!(matches!(failure(&blocks), RenderErrorCause::TooDeep { .. }));
}

#[test]
fn a_recursion_of_a_hundred_is_fine() {
    let template = r#"{{ define "n" }}{{ if gt . 1 }}{{ template "n" (sub . 1) }}{{ end }}x{{ end }}{{ template "n" 100 }}"#;
    assert_eq!(render(template, &Value::Nil).unwrap(), "x".repeat(100));
}

#[test]
fn the_source_cannot_be_nested_without_end() {
    for (open, close) in [("{{ if 1 }}", "{{ end }}"), ("{{ range 1 }}", "{{ end }}")] {
        let source = format!("{}{}", open.repeat(10_000), close.repeat(10_000));
        assert!(Template::compile(&source, &CompileOptions::default()).is_err());
    }
    let parentheses = format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(Template::compile(&parentheses, &CompileOptions::default()).is_err());
    let else_ifs = format!("{{{{ if 1 }}}}{}{{{{ end }}}}", "{{ else if 1 }}".repeat(10_000));
    assert!(Template::compile(&else_ifs, &CompileOptions::default()).is_err());
    let parentheses = format!("{{{{ {}1{} }}}}", "(not ".repeat(90), ")".repeat(90));
    assert_eq!(render(&parentheses, &Value::Nil).unwrap(), "true");
}

#[test]
fn values_cannot_be_nested_without_end() {
    for template in [
        "{{ $x := 1 }}{{ range until 1000 }}{{ $x = list $x }}{{ end }}",
        r#"{{ $x := 1 }}{{ range until 1000 }}{{ $x = dict "a" $x }}{{ end }}"#,
        r#"{{ $x := dict }}{{ range until 1000 }}{{ $y := dict }}{{ $_ := set $x "a" $y }}{{ $x = $y }}{{ end }}"#,
        "{{ $x := list 1 }}{{ range until 1000 }}{{ $x = chunk 1 $x }}{{ end }}",
    ] {
        assert_eq!(function_error(template), FunctionError::NestedTooDeeply { limit: 100 }, "{template}");
    }
    assert_eq!(function_error(r#"{{ $x := dict }}{{ set $x "a" (list $x) }}"#), FunctionError::Cycle);
}

#[test]
fn data_of_the_host_is_never_changed() {
    let data = Value::from(json!({"m": {"a": 1, "n": {"b": 2}}}));
    let template =
        r#"{{ $_ := set .m "a" 9 }}{{ $_ := set .m.n "b" 9 }}{{ $_ := unset .m "n" }}{{ .m.a }}{{ .m.n.b }}"#;
    assert_eq!(render(template, &data).unwrap(), "9<no value>");
    assert_eq!(render("{{ .m.a }}{{ .m.n.b }}", &data).unwrap(), "12");
}

#[test]
fn maps_a_template_made_can_be_changed() {
    for template in [
        r#"{{ $m := dict }}{{ $_ := set $m "a" 1 }}{{ $m.a }}"#,
        r#"{{ $m := fromJson "{\"x\":{}}" }}{{ $_ := set $m.x "a" 1 }}{{ $m.x.a }}"#,
        r#"{{ $m := urlParse "/p" }}{{ $_ := set $m "a" 1 }}{{ $m.a }}"#,
        r#"{{ define "f" }}{{ $_ := set . "a" 1 }}{{ end }}{{ $m := dict }}{{ template "f" $m }}{{ $m.a }}"#,
        r#"{{ $m := pick (dict "b" 2) "b" }}{{ $_ := set $m "a" 1 }}{{ $m.a }}"#,
    ] {
        assert_eq!(render(template, &Value::Nil).unwrap(), "1", "{template}");
    }
}

#[test]
fn errors_hold_no_value() {
    let data = Value::from(json!({"token": "s3cret-value", "number": 8_675_309, "list": ["s3cret-value"]}));
    for template in [
        "{{ .token.x }}",
        "{{ .list.x }}",
        "{{ upper .number }}",
        "{{ eq .token .number }}",
        "{{ eq .list .list }}",
        "{{ index .list .token }}",
        "{{ index .list 5 }}",
        "{{ range .token }}{{ end }}",
        "{{ range .number }}{{ end }}",
        "{{ fail .token }}",
        "{{ fail (print .token .number) }}",
        "{{ mustRegexMatch (print \"(\" .token) \"x\" }}",
        "{{ mustToDate \"2006\" .token }}",
        "{{ urlParse (print \"http://\" .token \"%\") }}",
        "{{ mustFromJson .token }}",
        "{{ semver .token }}",
        "{{ semverCompare .token .token }}",
        "{{ urlJoin (dict \"host\" .number) }}",
        "{{ dig \"token\" \"a\" 1 . }}",
        "{{ has 1 .token }}",
        "{{ ternary 1 2 .token }}",
        "{{ call .token }}",
        "{{ repeat 100000 (print .token .token) }}",
        "{{ printf .number }}",
        "{{ template \"x\" .token }}{{ define \"x\" }}{{ .y }}{{ end }}",
        "{{ $x := .token }}{{ $x.y }}",
        "{{ .token 1 }}",
    ] {
        let error = render(template, &data).unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(
                !text.contains("s3cret") && !text.contains("8675309") && !text.contains("8.675309"),
                "{text}"
            );
        }
    }
}

#[test]
fn errors_name_the_place_and_the_path() {
    let error = render(
        "a\nb {{ .x | upper }} {{ .m.token.deeper }}",
        &Value::from(json!({"x": "a", "m": {"token": "t"}})),
    );
    let error = error.unwrap_err();
    assert_eq!(
        (error.position.line, error.position.column, error.snippet.as_str()),
        (2, 23, ".m.token.deeper")
    );
    assert_eq!(
        error.to_string(),
        "`.m.token.deeper`: string has no field or method deeper (line 2, column 23)"
    );
}

struct OneSecret;

impl SecretResolver for OneSecret {
    fn resolve(&self, source: &str, selector: &str) -> Result<SecretValue, String> {
        match (source, selector) {
            ("vault", "key") => Ok("s3cret-value".into()),
            _ => Err(format!("no secret source named {source}")),
        }
    }
}

#[test]
fn secrets_are_resolved_when_the_template_is_compiled() {
    let options = CompileOptions { secrets: &OneSecret };
    let template = Template::compile(r#"{{ secret "vault" "key" | upper }}"#, &options).unwrap();
    assert_eq!(template.render(&Value::Nil, &RenderOptions::at(now())).unwrap(), "S3CRET-VALUE");
    assert_eq!(template.secrets()[0].source, "vault");
    assert!(!format!("{template:?}").contains("s3cret"));
    for (wrong, message) in [
        (r#"{{ secret "nope" "key" }}"#, "no secret source named nope"),
        (r#"{{ secret .x "key" }}"#, "the source and the selector of a secret must be string literals"),
        (
            r#"{{ secret (print "vault") "key" }}"#,
            "the source and the selector of a secret must be string literals",
        ),
    ] {
        assert_eq!(Template::compile(wrong, &options).unwrap_err().message, message);
    }
    let template =
        Template::compile(r#"{{ upper (secret "vault" "key") | len | upper }}"#, &options).unwrap();
    let error = template.render(&Value::Nil, &RenderOptions::at(now())).unwrap_err();
    assert!(!error.to_string().contains("s3cret") && !error.to_string().contains("S3CRET"));
    assert!(Template::compile(r#"{{ secret "vault" "key" }}"#, &CompileOptions::default()).is_err());
}

#[test]
fn tells_where_no_value_was_printed() {
    let template = compile("{{ .a }}{{ .b }}\n{{ range list 1 2 }}{{ $.c }}{{ end }}");
    let data = Value::from(Map::new([("b", Value::from("x"))]));
    let rendered = template.render_with_report(&data, &RenderOptions::at(now())).unwrap();
    assert_eq!(rendered.text, "<no value>x\n<no value><no value>");
    let places: Vec<_> = rendered.missing.iter().map(|place| (place.line, place.column)).collect();
    assert_eq!(places, [(1, 4), (2, 24)]);
}

#[test]
fn tells_which_parts_of_the_data_are_read() {
    #[track_caller]
    fn check(template: &str, expected: &[&str], everything: bool) {
        let template = compile(template);
        let names: Vec<_> = template.top_level_names().iter().map(String::as_str).collect();
        assert_eq!((names.as_slice(), template.reads_everything()), (expected, everything));
    }
    check("plain", &[], false);
    check("{{ .Subject.ID }}{{ $.Request.Method }}", &["Request", "Subject"], false);
    check(
        "{{ with .Subject }}{{ .ID }}{{ $.Values.x }}{{ else }}{{ .Outputs }}{{ end }}",
        &["Outputs", "Subject", "Values"],
        false,
    );
    check("{{ range .Outputs.list }}{{ .Request }}{{ end }}", &["Outputs"], false);
    check(r#"{{ define "a" }}{{ .Subject.ID }}{{ end }}{{ template "a" . }}"#, &["Subject"], false);
    check(r#"{{ define "a" }}{{ .ID }}{{ end }}{{ template "a" .Subject }}"#, &["Subject"], false);
    check("{{ toJson . }}", &[], true);
    check("{{ $x := $ }}{{ $x.Request }}", &[], true);
    check("{{ quote (index .Values \"a\") (.Request.Header \"X\") }}", &["Request", "Values"], false);
    assert!(compile("{{ . }}").reads("Request"));
    assert!(!compile("{{ .Subject }}").reads("Request"));
}

#[test]
fn random_texts_need_a_source_of_random_bytes() {
    assert_eq!(function_error("{{ uuidv4 }}"), FunctionError::NoRandomness);
}

#[test]
fn output_that_is_not_utf8_is_replaced_at_the_end() {
    assert_eq!(render(r#"{{ trunc 1 "ä" }}"#, &Value::Nil).unwrap(), "\u{fffd}");
    assert_eq!(render(r#"{{ trunc 1 "ä" }}{{ substr 1 2 "ä" }}"#, &Value::Nil).unwrap(), "ä");
}
