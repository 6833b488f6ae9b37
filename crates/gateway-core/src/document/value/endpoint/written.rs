//! Endpoints as they are written, where that differs from the types that the program uses.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{Endpoint, ResolvedEndpoint};
use crate::document::{value::duration::ConfigDuration, value::secret_reference::SecretReference};

/// HTTP message signatures (RFC 9421) over the requests.
#[derive(JsonSchema)]
#[schemars(rename = "MessageSignatures")]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct WrittenMessageSignatures {
    /// Whose key signs.
    signer: WrittenSigner,
    /// The covered components, such as `@method` or `content-digest`.
    components: Vec<String>,
    /// How long a signature is good.
    #[schemars(extend("default" = "1m"))]
    ttl: Option<ConfigDuration>,
    /// The label of the signature.
    #[schemars(extend("default" = "sig"))]
    label: Option<String>,
}

/// A name and a key.
#[derive(JsonSchema)]
#[schemars(rename = "MessageSigner", inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenSigner {
    /// What the signer calls itself.
    #[schemars(extend("default" = "heimdall"))]
    name: Option<String>,
    /// The private key.
    secret: SecretReference,
}

/// Settings for the endpoints that the document names.
#[derive(JsonSchema)]
#[schemars(rename = "ResolvedEndpoints", inline)]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct WrittenResolvedEndpoints {
    /// For the key endpoint.
    jwks_uri: Option<ResolvedEndpoint>,
    /// For the introspection endpoint.
    introspection_endpoint: Option<ResolvedEndpoint>,
}

/// An endpoint that needs nothing but its URL may be written as that.
pub(super) fn or_url(schema: &mut Schema) {
    let mut keys = schema.clone();
    let description = keys.remove("description");
    keys.insert("type".to_owned(), json!("object"));
    let url = json!({"type": "string", "description": "The URL alone.", "examples": ["https://service.example.com/path"]});
    *schema = Schema::from(
        [("anyOf".to_owned(), json!([url, keys]))].into_iter().collect::<serde_json::Map<String, Value>>(),
    );
    if let Some(description) = description {
        schema.insert("description".to_owned(), description);
    }
}

/// `cache_ttl`, as documentation once called it, is read with a warning.
pub(super) fn with_old_spelling(schema: &mut Schema) {
    let old = json!({
        "type": "string",
        "examples": ["10s"],
        "deprecated": true,
        "description": "The old name of `default_ttl`, read with a warning.",
    });
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("cache_ttl".to_owned(), old);
    }
}

/// The keys of an endpoint, to stand beside others.
pub(super) fn endpoint_keys(generator: &mut SchemaGenerator) -> Schema {
    let endpoint = Endpoint::json_schema(generator);
    let keys = endpoint.get("anyOf").and_then(|forms| forms.get(1)).cloned();
    keys.and_then(|keys| Schema::try_from(keys).ok()).unwrap_or(endpoint)
}
