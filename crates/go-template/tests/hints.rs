//! What whoever writes a template is told besides the error itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use go_template::{CompileOptions, ParseError, RenderError, RenderOptions, Template, Time, Value};

fn compile_error(template: &str) -> ParseError {
    Template::compile(template, &CompileOptions::default()).unwrap_err()
}

fn render_error(template: &str) -> RenderError {
    let template = Template::compile(template, &CompileOptions::default()).unwrap();
    let data = Value::from(serde_json::json!({"m": {"level": 3}}));
    template.render(&data, &RenderOptions::at(Time::from_unix(0, 0).unwrap())).unwrap_err()
}

#[test]
fn unknown_functions_come_with_a_hint() {
    let error = Template::compile("a\n{{ qoute .x }}", &CompileOptions::default()).unwrap_err();
    assert_eq!((error.line, error.column), (2, 4));
    assert_eq!(error.to_string(), "unknown function 'qoute' (line 2, column 4)");
    assert_eq!(error.hint.as_deref(), Some("did you mean `quote`?"));
}

#[test]
fn a_hyphen_in_a_name_comes_with_a_hint() {
    let error = compile_error("{{ .Request.Headers.X-Tenant }}");
    assert!(error.hint.unwrap().contains(r#".Request.Header "X-Name""#));
}

#[test]
fn mistakes_with_numbers_come_with_a_hint() {
    for template in [
        "{{ eq .m.level 3 }}",
        "{{ range .m.level }}{{ end }}",
        "{{ trunc .m.level \"a\" }}",
        "{{ until (add 1 2) }}",
    ] {
        let hint = render_error(template).hint();
        assert!(hint.unwrap().contains("floats"), "{template}");
    }
    assert_eq!(render_error("{{ eq .m.level \"3\" }}").hint(), None);
}

#[test]
fn a_missing_value_as_argument_comes_with_a_hint() {
    assert!(render_error("{{ upper .m.none }}").hint().unwrap().contains("default"));
}

#[test]
fn warns_of_what_is_probably_not_meant() {
    let warnings = |template: &str| {
        let template = Template::compile(template, &CompileOptions::default()).unwrap();
        template.warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings("{\"url\": \"{{ quote .Request.URL }}\"}"),
        ["`quote` writes quotation marks itself: leave out those around the action (line 1, column 13)"]
    );
    assert_eq!(
        warnings("{{ if eq .Outputs.x.level 3 }}{{ end }}"),
        [
            "numbers from JSON are floats and cannot be compared with 3: write 3.0 or use `int` (line 1, column 7)"
        ]
    );
    assert_eq!(
        warnings("{\"url\": {{ quote .Request.URL }}, \"n\": {{ eq .Outputs.x.level 3.0 }}}"),
        [""; 0]
    );
    assert_eq!(warnings("{{ if eq (int .Outputs.x.level) 3 }}{{ end }}\"{{ .a.b }}\""), [""; 0]);
}
