//! Settings of the `generic` authenticator in the catalogue and in a step.

use std::{collections::BTreeMap, time::Duration};

use super::{
    DataSources, SessionLifespan, data_source::WrittenDataSource, session_lifespan::WrittenSessionLifespan,
};
use crate::{
    document::{
        ConfigDuration, Decode, Diagnostics, Endpoint, KeyPath, MapReader, Node, Spanned,
        schema::{HeaderFieldName, JsonPathText, Template},
    },
    mechanisms::authenticators::access_token::principal::PrincipalMapping,
};

/// Settings of `generic` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "GenericAuthenticator")]
pub struct GenericConfig {
    /// Who is asked, with `POST` unless configured. Templates of URL and headers read `.AuthenticationData`. Statuses 401 and
    /// 403 mean that the credentials are not good, all others but success that the endpoint failed.
    #[schemars(rename = "identity_info_endpoint")]
    pub(super) endpoint: Endpoint,
    /// Where the authentication data is looked for; the first place that has some counts.
    #[schemars(rename = "authentication_data_source", with = "Vec<WrittenDataSource>")]
    pub(super) sources: DataSources,
    /// What of the answer, a JSON object, becomes the principal.
    #[schemars(with = "WrittenGenericPrincipal")]
    pub(super) principal: PrincipalMapping,
    /// Header fields of the client's request that go along with the call.
    #[schemars(with = "Option<Vec<HeaderFieldName>>")]
    pub(super) forward_headers: Vec<Spanned<String>>,
    /// Cookies of the client's request that go along with the call.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) forward_cookies: Vec<Spanned<String>>,
    /// The body of the call; reads `.AuthenticationData`.
    #[schemars(with = "Option<Template>")]
    pub(super) payload: Option<Spanned<String>>,
    /// What of the answer says how long the session is good.
    #[schemars(rename = "session_lifespan", with = "Option<WrittenSessionLifespan>")]
    pub(super) lifespan: Option<SessionLifespan>,
    /// How long an answer is kept; `0s` asks for every request.
    #[schemars(rename = "cache_ttl", with = "ConfigDuration", extend("default" = "0s"))]
    pub(super) ttl: Duration,
}

/// What a step may change.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "GenericAuthenticatorInStep")]
pub struct GenericOverride {
    /// How long an answer is kept; `0s` asks for every request.
    #[schemars(rename = "cache_ttl", with = "Option<ConfigDuration>")]
    pub(super) ttl: Option<Duration>,
}

/// Which members of the answer become the principal.
#[derive(schemars::JsonSchema)]
#[schemars(rename = "GenericPrincipalMapping")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenGenericPrincipal {
    /// The member that is the principal's id; a text that is not empty, or a number.
    id: JsonPathText,
    /// The members that are the principal's attributes: one path, or a map from names to paths.
    #[schemars(extend("default" = "@this"))]
    attributes: Option<WrittenGenericAttributes>,
}

#[derive(schemars::JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "described, not built")]
enum WrittenGenericAttributes {
    At(JsonPathText),
    Named(BTreeMap<String, JsonPathText>),
}

impl Decode for GenericConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let endpoint = reader.required("identity_info_endpoint");
        let sources = reader.required("authentication_data_source");
        if !reader.has("principal") {
            reader.report_missing("principal");
        }
        let principal = reader.optional_with("principal", decode_principal);
        let forward_headers = reader.or("forward_headers", Vec::new());
        let forward_cookies = reader.or("forward_cookies", Vec::new());
        let payload = reader.optional("payload");
        let lifespan = reader.optional("session_lifespan");
        let ttl = reader.optional::<ConfigDuration>("cache_ttl");
        reader.finish();
        Some(Self {
            endpoint: endpoint?,
            sources: sources?,
            principal: principal?,
            forward_headers,
            forward_cookies,
            payload,
            lifespan,
            ttl: ttl.map(Duration::from).unwrap_or_default(),
        })
    }
}

/// An endpoint's answer has no usual member for the id: it must be named.
fn decode_principal(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<PrincipalMapping> {
    let names_id = node.entries().is_none_or(|entries| entries.iter().any(|(key, _)| key.text == "id"));
    let mapping = PrincipalMapping::decode(node, path, diagnostics);
    if !names_id {
        MapReader::new(node, path, diagnostics)?.report_missing("id");
        return None;
    }
    mapping
}

impl Decode for GenericOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let ttl = reader.optional::<ConfigDuration>("cache_ttl").map(Duration::from);
        reader.finish();
        Some(Self { ttl })
    }
}
