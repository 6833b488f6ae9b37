//! From the bytes of a message to a value, by content type: what `.Request.Body` is for templates and expressions.
//!
//! JSON, YAML and forms become values, everything else is text. What does not parse as its content type says is text as
//! well: an expression that looks into it fails then, and the request is refused.

use http::{HeaderMap, header};
use jose::json;
use serde_json::{Map, Value};

/// How deep values may nest.
const MAX_DEPTH: usize = 64;
/// The most nodes of a YAML document; aliases count as often as they are used.
const MAX_YAML_NODES: usize = 50_000;

/// How a message's bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
    Form,
    Text,
}

/// Reads the body of a message with these headers. Of a form every field is a list of texts. An empty body is empty text.
#[must_use]
pub fn parse(headers: &HeaderMap, body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::String(String::new());
    }
    let parsed = match format(headers) {
        // Duplicate members are refused: whoever reads the body behind us may take the other one.
        Format::Json => json::parse_value(body, MAX_DEPTH).ok(),
        Format::Yaml => parse_yaml(body),
        Format::Form => std::str::from_utf8(body).ok().map(parse_form),
        Format::Text => None,
    };
    parsed.unwrap_or_else(|| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// By the media type; two lines of `Content-Type` say nothing.
fn format(headers: &HeaderMap) -> Format {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Format::Text };
    let media_type = line.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/json" => Format::Json,
        "application/x-www-form-urlencoded" => Format::Form,
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Format::Yaml,
        other if other.ends_with("+json") => Format::Json,
        other if other.ends_with("+yaml") => Format::Yaml,
        _ => Format::Text,
    }
}

fn parse_yaml(body: &[u8]) -> Option<Value> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: MAX_YAML_NODES, max_depth: MAX_DEPTH },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(std::str::from_utf8(body).ok()?, options).ok()
}

/// The fields of a form or query in order of their names, values in order of appearance.
#[must_use]
pub fn parse_form(text: &str) -> Value {
    let mut fields = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let values = fields.entry(decode_form(name)).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(Value::String(decode_form(value)));
        }
    }
    Value::Object(fields)
}

/// A plus sign is a blank, escapes are bytes (WHATWG URL, section 5.1).
fn decode_form(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn check(content_type: &'static str, body: &str, expected: &Value) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        assert_eq!(parse(&headers, body.as_bytes()), *expected, "{content_type} {body}");
    }

    #[test]
    fn the_content_type_decides_what_a_body_is() {
        check("application/json", r#"{"n": 3}"#, &json!({"n": 3}));
        check("application/JSON; charset=utf-8", "[1]", &json!([1]));
        check("application/merge-patch+json", "null", &Value::Null);
        check("application/yaml", "n: 3\nyes: no", &json!({"n": 3, "yes": "no"}));
        check(
            "application/x-www-form-urlencoded",
            "a=1&b=x%20y+z&a=2&c",
            &json!({"a": ["1", "2"], "b": ["x y z"], "c": [""]}),
        );
        check("text/plain", r#"{"n": 3}"#, &json!(r#"{"n": 3}"#));
        check("application/json", "", &json!(""));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_text() {
        check("application/json", r#"{"a": 1, "a": 2}"#, &json!(r#"{"a": 1, "a": 2}"#));
        check("application/json", r#"{"a": 1"#, &json!(r#"{"a": 1"#));
        check("application/yaml", "a: 1\na: 2", &json!("a: 1\na: 2"));
        let mut headers = HeaderMap::new();
        headers.append(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.append(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert_eq!(parse(&headers, b"1"), json!("1"));
    }

    #[test]
    fn nesting_is_bounded() {
        for (content_type, piece) in [("application/json", "["), ("application/yaml", "- ")] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            assert!(parse(&headers, piece.repeat(10_000).as_bytes()).is_string());
        }
    }
}
