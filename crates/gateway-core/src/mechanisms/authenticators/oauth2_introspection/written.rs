//! The settings of `oauth2_introspection` as they are written, where that differs from the types that the program uses.

use schemars::JsonSchema;

use super::config::{OAuth2IntrospectionConfig, OAuth2IntrospectionOverride};
use crate::{
    document::{ConfigDuration, Endpoint, MetadataEndpoint, schema::written_as},
    mechanisms::authenticators::access_token::{
        assertions::Assertions, error_signaling::ErrorSignalingConfig, principal::PrincipalMapping,
        token_source::TokenSources,
    },
};

written_as! {
    OAuth2IntrospectionConfig => WrittenOAuth2Introspection,
    OAuth2IntrospectionOverride => WrittenOAuth2IntrospectionOverride,
}

/// Accepts access tokens that their issuer calls active.
#[derive(JsonSchema)]
#[schemars(rename = "OAuth2IntrospectionAuthenticator")]
#[schemars(extend("oneOf" = [{"required": ["introspection_endpoint"]}, {"required": ["metadata_endpoint"]}]))]
#[expect(dead_code, reason = "described, not built")]
struct WrittenOAuth2Introspection {
    /// Where the issuer is asked about a token (RFC 7662), with POST. Either this or `metadata_endpoint`. In URL and headers
    /// `{{ .TokenIssuer }}` stands for each of the `issuers`; tokens must be JWTs then.
    introspection_endpoint: Option<Endpoint>,
    /// Where the issuer's metadata is (RFC 8414, OpenID Connect Discovery); introspection endpoint and issuer come from there.
    metadata_endpoint: Option<MetadataEndpoint>,
    /// What a token must fulfil. Where `issuers` are named the answer must name one of them in `iss`; `allowed_algorithms`
    /// counts for proofs only.
    assertions: Option<Assertions>,
    /// Where tokens are looked for; the first source that has one wins. Without it `Authorization` with the schemes
    /// `Bearer` and `DPoP`, then the query parameter and the form field `access_token`. What does not come in a header is
    /// a bearer token; where proofs are demanded only headers are searched. A form is read if it has at most 64 KB and no
    /// other source has a token; it goes on unchanged.
    token_source: Option<TokenSources>,
    /// Which members of the answer become the principal's id and attributes.
    principal: Option<PrincipalMapping>,
    /// How long the answer about an active token is used again; a revocation goes unnoticed for so long. `0s` asks with
    /// every request. When missing, and at the latest, until 10 s before the token's `exp`; an answer without `exp` is then
    /// used once. Binding, proof, audience, times and scopes are checked with every request.
    cache_ttl: Option<ConfigDuration>,
    /// What challenges say beside scheme, `error`, `algs` and nonce.
    error_signaling: Option<ErrorSignalingConfig>,
}

/// What a step may change: each key for itself, those inside `assertions` and `error_signaling` too.
#[derive(JsonSchema)]
#[schemars(rename = "OAuth2IntrospectionAuthenticatorInStep")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenOAuth2IntrospectionOverride {
    /// What a token must fulfil; keys that are left out keep the catalogue's value.
    assertions: Option<Assertions>,
    /// How long the answer about an active token is used again.
    cache_ttl: Option<ConfigDuration>,
    /// What challenges say; keys that are left out keep the catalogue's value.
    error_signaling: Option<ErrorSignalingConfig>,
}
