//! Settings of the `jwt` finalizer, with both spellings of `signer`.

use std::{collections::BTreeMap, time::Duration};

use schemars::Schema;
use serde_json::json;

use super::check_ttl;
use crate::document::{
    Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, SecretReference,
    Spanned,
    schema::{HeaderFieldName, Template},
};

/// heimdall's default for `ttl`.
const DEFAULT_TTL: Duration = Duration::from_secs(300);
/// heimdall's default for `signer.name`: upstreams compare it with `iss`.
const DEFAULT_ISSUER: &str = "heimdall";

/// Settings of `jwt` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "JwtFinalizer")]
pub struct JwtConfig {
    /// Who signs.
    pub(super) signer: Signer,
    /// How long a token is good; more than 5 s. Tokens are reused until shortly before they end.
    #[schemars(with = "ConfigDuration", extend("default" = "5m"))]
    pub(super) ttl: Duration,
    /// A template that gives a JSON object: the claims beside `exp`, `iat`, `nbf`, `iss`, `sub` and `jti`, which are
    /// always the gateway's own.
    #[schemars(with = "Option<Template>")]
    pub(super) claims: Option<Spanned<String>>,
    /// Templates by name; `claims` reads what they give as `.Values`.
    #[schemars(with = "Option<BTreeMap<String, Template>>")]
    pub(super) values: Vec<(Spanned<String>, Spanned<String>)>,
    /// Which header carries the token; `Authorization` with `Bearer` when missing.
    #[schemars(with = "Option<TokenHeader>")]
    pub(super) header: TokenHeader,
}

/// What a step may change: `claims` and `ttl` are replaced, `values` merged by key.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "JwtFinalizerInStep")]
pub struct JwtOverride {
    /// How long a token is good; more than 5 s.
    #[schemars(with = "Option<ConfigDuration>")]
    pub(super) ttl: Option<Duration>,
    /// Replaces the catalogue's template.
    #[schemars(with = "Option<Template>")]
    pub(super) claims: Option<Spanned<String>>,
    /// Added to the catalogue's; the same name replaces.
    #[schemars(with = "Option<BTreeMap<String, Template>>")]
    pub(super) values: Vec<(Spanned<String>, Spanned<String>)>,
}

/// Who signs.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "TokenSigner", transform = or_flat)]
pub(super) struct Signer {
    /// The `iss` of the tokens.
    #[schemars(extend("default" = "heimdall"))]
    pub(super) name: String,
    /// The private key. Its public half is published at `/.well-known/jwks` of the management port.
    pub(super) secret: SecretReference,
}

/// Which header carries the token.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "FinalizerTokenHeader")]
pub(super) struct TokenHeader {
    /// The header's name.
    #[schemars(with = "HeaderFieldName")]
    pub(super) name: Spanned<String>,
    /// What stands before the token; nothing when a header is configured without scheme.
    pub(super) scheme: Option<String>,
}

impl Decode for JwtConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let signer = reader.required::<Signer>("signer");
        let ttl = read_ttl(&mut reader);
        let has_ttl = reader.has("ttl");
        let claims = reader.optional("claims");
        let values = reader.or("values", Vec::new());
        let header = reader.optional::<TokenHeader>("header");
        let has_header = reader.has("header");
        let place = reader.place().clone();
        reader.finish();
        let standard = TokenHeader {
            name: Spanned::new("Authorization".to_owned(), place),
            scheme: Some("Bearer".to_owned()),
        };
        Some(Self {
            signer: signer?,
            ttl: if has_ttl { ttl? } else { DEFAULT_TTL },
            claims,
            values,
            header: if has_header { header? } else { standard },
        })
    }
}

impl Decode for JwtOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let change = Self {
            ttl: read_ttl(&mut reader),
            claims: reader.optional("claims"),
            values: reader.or("values", Vec::new()),
        };
        reader.finish();
        Some(change)
    }
}

fn read_ttl(reader: &mut MapReader<'_, '_>) -> Option<Duration> {
    let ttl = reader.optional::<Spanned<ConfigDuration>>("ttl")?.map(ConfigDuration::as_duration);
    let key = reader.path().key("ttl").to_string();
    check_ttl(&ttl, &key, reader.diagnostics()).then_some(ttl.value)
}

impl Decode for Signer {
    /// `{name, secret: {source, selector}}`, or as printed in an article `{name, source, selector}`, with a warning.
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let name = reader.or("name", DEFAULT_ISSUER.to_owned());
        let flat_place = reader.key_place("source").cloned();
        let secret = match flat_place {
            Some(place) if !reader.has("secret") => {
                let headline = format!("`{path}.source` read as `{path}.secret.source`");
                reader.diagnostics().push(
                    Diagnostic::warning(Code::FlatSigner, headline, &place)
                        .expected("signer: {secret: {source: …}}")
                        .hint("put `source` and `selector` under `secret`"),
                );
                SecretReference::read(&mut reader)
            }
            Some(_) | None => reader.required("secret"),
        };
        reader.finish();
        Some(Self { name, secret: secret? })
    }
}

/// The spelling with `source` and `selector` beside `name`, as printed in an article, is read with a warning.
fn or_flat(schema: &mut Schema) {
    let Some(mut flat) = schema.get("properties").cloned() else { return };
    let description = "An old spelling of `secret: {source, selector}`, read with a warning.";
    if let Some(properties) = flat.as_object_mut() {
        properties.remove("secret");
        for key in ["source", "selector"] {
            let member = json!({"type": "string", "description": description, "deprecated": true});
            properties.insert(key.to_owned(), member);
        }
    }
    let present = json!({
        "type": "object",
        "properties": schema.remove("properties"),
        "required": schema.remove("required"),
    });
    let flat = json!({"type": "object", "properties": flat, "required": ["source"], "deprecated": true});
    schema.insert("oneOf".to_owned(), json!([present, flat]));
}

impl Decode for TokenHeader {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let name = reader.required("name");
        let scheme = reader.optional::<String>("scheme").filter(|scheme| !scheme.is_empty());
        reader.finish();
        Some(Self { name: name?, scheme })
    }
}
