use bytes::Bytes;
use http::{HeaderValue, Method};

use super::*;
use crate::{document::Place, request::RequestUri, request_body::RequestBody};

/// A request with a query and these header fields; `content` is the body of a form.
fn request(query: &str, fields: &[(&'static str, &'static str)], content: &'static str) -> Request {
    let query = Some(query).filter(|query| !query.is_empty());
    let mut request = Request::new(Method::POST, RequestUri::new("https", "gw.example", "/", query));
    for (name, value) in fields {
        request.headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    if !content.is_empty() {
        let media_type = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        request.headers.insert(http::header::CONTENT_TYPE, media_type);
        request.body = RequestBody::buffered(Bytes::from_static(content.as_bytes()));
    }
    request
}

fn find(sources: &TokenSources, request: &Request, in_headers_only: bool) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(sources.find(request, in_headers_only)) {
        Found::Nothing => "nothing".to_owned(),
        Found::Token { credentials, in_authorization } => {
            let place = if in_authorization { " in Authorization" } else { "" };
            format!("{} {}{place}", credentials.scheme, credentials.token.as_str())
        }
        Found::Malformed(CredentialsError::Several) => "several".to_owned(),
        Found::Malformed(CredentialsError::Malformed) => "malformed".to_owned(),
        Found::SeveralTransports => "several transports".to_owned(),
        Found::Failed(failure) => failure.reason.to_owned(),
    }
}

#[track_caller]
fn by_default(query: &str, fields: &[(&'static str, &'static str)], content: &'static str, expected: &str) {
    assert_eq!(find(&TokenSources::default(), &request(query, fields, content), false), expected);
}

fn sources(yaml: &serde_json::Value) -> Result<TokenSources, Vec<&'static str>> {
    let mut diagnostics = Diagnostics::new();
    let node = Node::from_json(yaml, &Place::new("f".into(), 1, 1));
    let sources = TokenSources::decode(&node, &KeyPath::configuration().key("jwt_source"), &mut diagnostics);
    match sources {
        Some(sources) if !diagnostics.has_errors() => Ok(sources),
        _ => Err(diagnostics.errors().map(|error| error.code.as_str()).collect()),
    }
}

#[test]
fn by_default_the_authorization_header_counts_in_any_case() {
    by_default("", &[("authorization", "dpop x")], "", "DPoP x in Authorization");
    by_default("", &[("authorization", "BEARER  x")], "", "Bearer x in Authorization");
    by_default("", &[("authorization", "Basic x")], "", "nothing");
    by_default("", &[], "", "nothing");
    for malformed in ["DPoP", "Bearer", "DPoPabc", "bearer a b", "DPoP a, Bearer b", "DPoP é"] {
        by_default("", &[("authorization", malformed)], "", "malformed");
    }
    by_default("", &[("authorization", "Basic x"), ("authorization", "DPoP x")], "", "several");
}

#[test]
fn a_token_in_query_or_form_is_a_bearer_token() {
    by_default("a=b&access_token=x%7Ey", &[], "", "Bearer x~y");
    by_default("access_token=", &[], "", "nothing");
    by_default("access_token=a%20b", &[], "", "malformed");
    by_default("access_token=a&access_token=a", &[], "", "several");
    by_default("", &[], "b=1&access_token=x", "Bearer x");
    by_default("", &[], "access_token=a&access_token=b", "several");
    by_default("access_token=q", &[], "access_token=x", "Bearer q");
    by_default("", &[("content-type", "text/plain")], "", "nothing");
}

#[test]
fn two_ways_of_sending_a_token_are_too_many() {
    for field in [("authorization", "DPoP x"), ("authorization", "Basic x"), ("dpop", "p")] {
        by_default("access_token=x", &[field], "", "several transports");
        by_default("%61ccess_token=x", &[field], "", "several transports");
    }
    by_default("", &[("dpop", "p")], "access_token=x", "several transports");
    // A token in the header and one in the form: the form is not read for it.
    by_default("", &[("authorization", "DPoP x")], "access_token=x", "DPoP x in Authorization");
}

#[test]
fn where_bearer_tokens_are_not_accepted_only_headers_are_searched() {
    let cookie = sources(&serde_json::json!([{"cookie": "t"}])).unwrap();
    let default = TokenSources::default();
    assert_eq!(find(&default, &request("access_token=x", &[], ""), true), "nothing");
    assert_eq!(find(&default, &request("", &[], "access_token=x"), true), "nothing");
    assert_eq!(find(&default, &request("access_token=x", &[("dpop", "p")], ""), true), "several transports");
    assert_eq!(find(&cookie, &request("", &[("cookie", "t=x")], ""), false), "Bearer x");
    assert_eq!(find(&cookie, &request("", &[("cookie", "t=x")], ""), true), "nothing");
}

#[test]
fn large_forms_are_not_searched() {
    let mut large = request("", &[], "x=1");
    let body = format!("access_token=x&fill={}", "x".repeat(MAX_FORM_BYTES));
    large.body = RequestBody::buffered(Bytes::from(body));
    assert_eq!(find(&TokenSources::default(), &large, false), "nothing");
}

const MAX_FORM_BYTES: usize = 64 * 1024;

#[test]
fn only_listed_sources_count_in_their_order() {
    let list = |list: serde_json::Value| sources(&list).unwrap();
    let both = request("t=q", &[("x-token", "h"), ("cookie", "a=1; t=\"c\"")], "");
    let header_first = list(serde_json::json!([{"header": "X-Token"}, {"query_parameter": "t"}]));
    assert_eq!(find(&header_first, &both, false), "Bearer h");
    let query_first = list(serde_json::json!([{"query_parameter": "t"}, {"header": "X-Token"}]));
    assert_eq!(find(&query_first, &both, false), "Bearer q");
    assert_eq!(find(&list(serde_json::json!([{"cookie": "t"}])), &both, false), "Bearer c");
    let dpop_only = list(serde_json::json!([{"header": "Authorization", "scheme": "DPoP"}]));
    assert_eq!(find(&dpop_only, &request("", &[("authorization", "Bearer x")], ""), false), "nothing");
    assert_eq!(
        find(&dpop_only, &request("", &[("authorization", "dpop x")], ""), false),
        "DPoP x in Authorization"
    );
    let field = list(serde_json::json!([{"body_parameter": "t"}]));
    assert_eq!(find(&field, &request("", &[], "t=b"), false), "Bearer b");
}

#[test]
fn a_token_in_another_header_is_a_bearer_token_unless_its_scheme_is_dpop() {
    let with_scheme =
        |scheme: &str| sources(&serde_json::json!([{"header": "X-Token", "scheme": scheme}])).unwrap();
    assert_eq!(find(&with_scheme(""), &request("", &[("x-token", " abc")], ""), false), "Bearer abc");
    assert_eq!(
        find(&with_scheme("Token"), &request("", &[("x-token", "token  abc")], ""), false),
        "Bearer abc"
    );
    assert_eq!(find(&with_scheme("dpop"), &request("", &[("x-token", "DPoP abc")], ""), false), "DPoP abc");
    assert_eq!(
        find(&with_scheme("dpop"), &request("", &[("authorization", "DPoP abc")], ""), false),
        "nothing"
    );
    let twice = request("", &[("x-token", "a"), ("x-token", "b")], "");
    assert_eq!(find(&with_scheme(""), &twice, false), "several");
}

#[test]
fn a_source_is_one_place() {
    let check = |list: serde_json::Value, expected: &[&str]| {
        assert_eq!(sources(&list).map(drop).err().unwrap_or_default(), expected, "{list}");
    };
    check(serde_json::json!([]), &["out_of_range"]);
    check(serde_json::json!([{}]), &["missing_key"]);
    check(serde_json::json!([{"header": "a", "cookie": "b"}]), &["mutually_exclusive"]);
    check(serde_json::json!([{"header": "a b"}]), &["wrong_type"]);
    check(serde_json::json!([{"cookie": ""}]), &["wrong_type"]);
    check(serde_json::json!([{"cookie": "a", "scheme": "Bearer"}]), &["mutually_exclusive"]);
    check(serde_json::json!([{"hedder": "a"}]), &["missing_key", "unknown_key"]);
    check(serde_json::json!([{"query_parameter": "t"}, {"body_parameter": "t"}]), &[]);
}
