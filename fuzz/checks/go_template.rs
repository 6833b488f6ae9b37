//! A Go template: ends within its bounds, reads no more than it says, shows no value in an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use go_template::{
    CompileOptions, FunctionError, Map, Object, Position, RenderOptions, Template, Time, Value,
};
use serde_json::json;

const SECRET: &str = "s3cr3t-value-of-the-data";
const MAX_OUTPUT_BYTES: usize = 16 << 10;

/// A thing of the host that notices when somebody looks into its body.
struct Request {
    body_was_read: Arc<AtomicBool>,
}

impl Object for Request {
    fn type_name(&self) -> &str {
        "*Request"
    }

    fn field(&self, name: &str) -> Option<Value> {
        (name == "Method").then(|| "GET".into())
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        match name {
            "Header" => Some(match arguments {
                [Value::String(_)] => Ok(SECRET.into()),
                _ => Err(FunctionError::ArgumentCount { expected: 1, given: arguments.len() }),
            }),
            "Body" => {
                self.body_was_read.store(true, Ordering::Relaxed);
                Some(Ok(Value::from(json!({"name": SECRET, "list": [1, 2.5, "x", null]}))))
            }
            _ => None,
        }
    }
}

/// The names of the data, in one of two worlds.
fn data(template: &Template, body_was_read: &Arc<AtomicBool>, changed: bool) -> Value {
    let request: Arc<dyn Object> = Arc::new(Request { body_was_read: Arc::clone(body_was_read) });
    let values = [
        ("token", json!(SECRET), json!([SECRET])),
        ("n", json!(8_675_309), json!("other")),
        ("list", json!([3, 1, 2, "b", "a", SECRET, {"k": "v"}]), json!({})),
        ("m", json!({"a": {"b": {"c": SECRET}}, "d e": 1, "f": null}), json!(null)),
    ];
    let values = values.into_iter().map(|(name, value, other)| {
        // Only what the template says that it does not read differs.
        let value = if changed && !template.reads(name) { other } else { value };
        (name, Value::from(&value))
    });
    Value::from(Map::new(values.chain([("Request", Value::Object(request))])))
}

pub(crate) fn check(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    let template = match Template::compile(source, &CompileOptions::default()) {
        Ok(template) => template,
        Err(error) => {
            return is_inside(source, Position { line: error.line, column: error.column });
        }
    };
    template.warnings().iter().for_each(|warning| is_inside(source, warning.position));
    let options = RenderOptions {
        max_output_bytes: MAX_OUTPUT_BYTES,
        max_depth: 50,
        max_elements: 2_000,
        max_steps: 10_000,
        ..RenderOptions::at(Time::from_unix(1_770_091_506, 0).unwrap())
    };
    let body_was_read = Arc::default();
    let rendered = template.render_with_report(&data(&template, &body_was_read, false), &options);
    if body_was_read.load(Ordering::Relaxed) {
        assert!(
            template.reads("Request") && template.takes_step("Body"),
            "reads the body and does not say so"
        );
    }
    match &rendered {
        Ok(rendered) => {
            // A byte that is not UTF-8 becomes U+FFFD, which has three.
            assert!(rendered.text.len() <= 3 * MAX_OUTPUT_BYTES);
            rendered.missing.iter().for_each(|place| is_inside(source, *place));
        }
        Err(error) => {
            is_inside(source, error.position);
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert!(source.contains("s3cr3t") || !shown.contains("s3cr3t"), "{shown}");
            assert!(source.contains("8675309") || !shown.contains("8675309"), "{shown}");
        }
    }
    let again = template.render_with_report(&data(&template, &body_was_read, true), &options);
    assert_eq!(rendered, again, "depends on what it does not read, or on chance");
}

fn is_inside(source: &str, position: Position) {
    let line = source.split('\n').nth(position.line - 1).expect("the line exists");
    assert!((1..=line.chars().count() + 1).contains(&position.column), "{position}");
}
