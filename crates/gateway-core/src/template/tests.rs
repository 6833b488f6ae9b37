use http::{HeaderValue, Method};

use super::*;
use crate::{
    document::Place,
    request::RequestUri,
    request_body::{BodyFuture, BodySource, RequestBody},
    subject::Principal,
};

fn compile(source: &str, diagnostics: &mut Diagnostics) -> Option<BoundTemplate> {
    let lines = u32::try_from(source.lines().count()).unwrap();
    let place = Place::new(Arc::from("f.yaml"), 10, 5).with_lines(lines).with_text_offset(0);
    let source = Spanned::new(source.to_owned(), place);
    let secrets = SecretStore::default();
    let place = TemplatePlace {
        used_for: "header `X-User`",
        offered: &["Request", "Subject", "Outputs"],
        secrets: &secrets,
        in_rule: false,
    };
    BoundTemplate::compile(&source, &place, diagnostics)
}

fn data() -> TemplateData {
    let uri = RequestUri::new("https", "api.example:8443", "/a%20b/c", Some("x=1&y=a+b&x=2"));
    let mut request = Request::new(Method::POST, uri);
    request.headers.insert("x-tenant", HeaderValue::from_static("acme"));
    request.headers.insert("cookie", HeaderValue::from_static("a=1; session=\"s t\""));
    request.client_addresses = vec!["10.0.0.7".into(), "10.0.0.1".into()];
    request.captures.insert("name".into(), "c".into());
    let mut subject = Subject::default();
    let attributes = serde_json::json!({"email": "alice@example.com", "roles": ["a", "b"]});
    subject.insert("default", Principal { id: "alice".into(), attributes: Arc::new(attributes) });
    subject.insert("machine", Principal::without_attributes("m1"));
    TemplateData::new(&Arc::new(request), &subject, &Outputs::default())
        .with_values(&BTreeMap::from([("k".to_owned(), "v".to_owned())]))
}

#[track_caller]
fn check(source: &str, expected: &str) {
    let template = compile(source, &mut Diagnostics::new()).unwrap();
    let rendered = template.render(&data(), UnixTime::from_seconds(1_700_000_000)).unwrap();
    assert_eq!((rendered.text.as_str(), rendered.missing_value), (expected, None), "{source}");
}

#[test]
fn reads_the_request() {
    check("{{ .Request.Method }}", "POST");
    check("{{ quote .Request.URL.String }}", "\"https://api.example:8443/a%20b/c?x=1&y=a+b&x=2\"");
    check("{{ .Request.URL }}", "https://api.example:8443/a%20b/c?x=1&y=a+b&x=2");
    check("{{ .Request.URL.Path }} {{ .Request.URL.RawPath }}", "/a b/c /a%20b/c");
    check("{{ .Request.URL.Hostname }} {{ .Request.URL.Port }}", "api.example 8443");
    check("{{ .Request.URL.Captures.name }}", "c");
    check("{{ .Request.URL.Query.Get \"y\" }} {{ .Request.URL.Query.x }}", "a b [1 2]");
    check("{{ .Request.URL.Query.Encode }}", "x=1&x=2&y=a+b");
    check("{{ .Request.Header \"X-Tenant\" }}{{ .Request.Header \"X-None\" }}", "acme");
    check("{{ .Request.Cookie \"session\" }}", "s t");
    check("{{ index .Request.Headers \"X-Tenant\" }}", "acme");
    check("{{ index .Request.ClientIPAddresses 0 }}", "10.0.0.7");
}

#[test]
fn reads_the_subject_and_values() {
    check("{{ .Subject.ID }} {{ .Subject.Attributes.email }}", "alice alice@example.com");
    check("{{ toJson .Subject.Attributes.roles }}", "[\"a\",\"b\"]");
    check("{{ .Subject.machine.ID }}", "m1");
    check("{{ .Values.k }}", "v");
}

#[test]
fn a_template_that_does_not_parse_is_reported_where_it_stands() {
    let mut diagnostics = Diagnostics::new();
    assert!(compile("{{ qoute .Subject.ID }}", &mut diagnostics).is_none());
    let error = diagnostics.errors().next().unwrap();
    assert_eq!((error.code, error.places[0].line), (Code::BadTemplate, 10));
    assert_eq!(error.hint.as_deref(), Some("did you mean `quote`?"));
}

#[test]
fn a_line_of_a_block_is_a_line_of_the_file() {
    let mut diagnostics = Diagnostics::new();
    assert!(compile("{\n \"a\": {{ qoute .X }}\n}\n", &mut diagnostics).is_none());
    let place = &diagnostics.errors().next().unwrap().places[0];
    assert_eq!((place.line, place.column), (11, 14));
}

#[test]
fn a_name_that_is_not_offered_is_a_warning() {
    let mut diagnostics = Diagnostics::new();
    assert!(compile("{{ .Reqest.Method }}", &mut diagnostics).is_some());
    let warning = diagnostics.warnings().next().unwrap();
    assert_eq!(warning.code, Code::TemplateReadsUnknown);
    assert_eq!(warning.hint.as_deref(), Some("did you mean `.Request`?"));
}

#[test]
fn the_body_is_there_once_it_was_read() {
    struct Unread;
    impl BodySource for Unread {
        fn read(&self, _: usize) -> BodyFuture<'_> {
            Box::pin(std::future::ready(Ok(bytes::Bytes::from_static(br#"{"name": "alice"}"#))))
        }
    }
    let template = compile("{{ with .Request }}{{ .Body.name }}{{ end }}", &mut Diagnostics::new()).unwrap();
    assert!(template.reads_body());
    let mut request = Request::new(Method::POST, RequestUri::new("https", "a", "/", None));
    request.headers.insert("content-type", HeaderValue::from_static("application/json"));
    request.body = RequestBody::new(Arc::new(Unread));
    let request = Arc::new(request);
    let data = TemplateData::new(&request, &Subject::default(), &Outputs::default());
    let now = UnixTime::from_seconds(1_700_000_000);
    assert!(template.render(&data, now).unwrap_err().to_string().contains("request body"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(request.body.read(100)).unwrap();
    assert_eq!(template.render(&data, now).unwrap().text, "alice");
    for other in ["{{ .Request.Bodyguard }}", "{{ .Request.Method }}", "{{ .Subject.Body }}"] {
        assert!(!compile(other, &mut Diagnostics::new()).unwrap().reads_body(), "{other}");
    }
}

#[test]
fn a_template_that_asks_for_an_unknown_secret_keeps_the_code_of_secrets() {
    let mut diagnostics = Diagnostics::new();
    assert!(compile("{{ secret \"keys\" \"any\" }}", &mut diagnostics).is_none());
    assert_eq!(diagnostics.errors().next().unwrap().code, Code::UnknownSecretSource);
}

#[test]
fn a_missing_value_is_told_once() {
    let template = compile("a {{ .Subject.Attributes.nope }}", &mut Diagnostics::new()).unwrap();
    let render = || template.render(&data(), UnixTime::from_seconds(1_700_000_000)).unwrap();
    let first = render();
    assert_eq!(first.text, "a <no value>");
    assert!(first.missing_value.is_some_and(|place| place.contains("line 1")));
    assert_eq!(render().missing_value, None);
}
