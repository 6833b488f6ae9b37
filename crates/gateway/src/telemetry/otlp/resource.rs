//! Who it is that the telemetry comes from: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, and what is known anyway.

use opentelemetry::KeyValue;
use percent_encoding::percent_decode_str;

use crate::config::Environment;

/// The attributes of this process. What the environment sets wins.
pub(crate) fn attributes(environment: &Environment) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("service.name", "keybound"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("telemetry.sdk.name", "opentelemetry"),
        KeyValue::new("telemetry.sdk.language", "rust"),
    ];
    let configured = environment.get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    for (key, value) in configured.split(',').filter_map(|pair| pair.split_once('=')) {
        let value = percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
        set(&mut attributes, key.trim(), value);
    }
    if let Some(name) = environment.get("OTEL_SERVICE_NAME").filter(|name| !name.is_empty()) {
        set(&mut attributes, "service.name", name.to_owned());
    }
    attributes
}

fn set(attributes: &mut Vec<KeyValue>, key: &str, value: String) {
    attributes.retain(|attribute| attribute.key.as_str() != key);
    attributes.push(KeyValue::new(key.to_owned(), value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_name_wins_over_the_attributes() {
        let environment = Environment::from_pairs([
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other, deployment.environment.name=a%20b"),
            ("OTEL_SERVICE_NAME", "edge"),
        ]);
        let attributes = attributes(&environment);
        let find = |key: &str| {
            let found: Vec<_> = attributes.iter().filter(|found| found.key.as_str() == key).collect();
            assert_eq!(found.len(), 1, "{key}");
            found[0].value.to_string()
        };
        assert_eq!(find("service.name"), "edge");
        assert_eq!(find("deployment.environment.name"), "a b");
    }
}
