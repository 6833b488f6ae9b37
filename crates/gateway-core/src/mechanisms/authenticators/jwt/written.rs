//! The settings of `jwt` as they are written, where that differs from the types that the program uses.

use schemars::JsonSchema;

use super::config::{JwtConfig, JwtOverride};
use crate::{
    document::{ConfigDuration, Endpoint, MetadataEndpoint, SecretReference, schema::written_as},
    mechanisms::authenticators::access_token::{
        assertions::Assertions, error_signaling::ErrorSignalingConfig, principal::PrincipalMapping,
        token_source::TokenSources,
    },
};

written_as! {
    JwtConfig => WrittenJwt,
    JwtOverride => WrittenJwtOverride,
}

/// Accepts access tokens in JWT form.
#[derive(JsonSchema)]
#[schemars(rename = "JwtAuthenticator")]
#[schemars(extend("oneOf" = [{"required": ["jwks_endpoint", "assertions"]}, {"required": ["metadata_endpoint"]}]))]
#[expect(dead_code, reason = "described, not built")]
struct WrittenJwt {
    /// Where the issuer's keys are (a JWK set, RFC 7517). Either this or `metadata_endpoint`. In URL and headers
    /// `{{ .TokenIssuer }}` stands for each of the `issuers`.
    jwks_endpoint: Option<Endpoint>,
    /// Where the issuer's metadata is (RFC 8414, OpenID Connect Discovery); key endpoint and issuer come from there.
    metadata_endpoint: Option<MetadataEndpoint>,
    /// What a token must fulfil. Beside `jwks_endpoint` it must name the `issuers`.
    assertions: Option<Assertions>,
    /// Where tokens are looked for; the first source that has one wins. Without it `Authorization` with the schemes
    /// `Bearer` and `DPoP`, then the query parameter and the form field `access_token`. What does not come in a header is
    /// a bearer token; where proofs are demanded only headers are searched. A form is read if it has at most 64 KB and no
    /// other source has a token; it goes on unchanged.
    jwt_source: Option<TokenSources>,
    /// Which claims become the principal's id and attributes.
    principal: Option<PrincipalMapping>,
    /// How long fetched keys are used before they are fetched anew. Keys whose refresh fails stay in use for an hour
    /// longer.
    #[schemars(extend("default" = "10m"))]
    cache_ttl: Option<ConfigDuration>,
    /// Whether the chain of a key that has certificates (`x5c`, RFC 7517 §4.7) must lead to a trusted one, belong to the
    /// key and allow digital signatures. Keys without certificates are used in any case; a key whose certificates are
    /// refused is not used, and the log says why. Keycloak's certificates are self-signed: set `false` there, or list them
    /// in `trust_anchors`.
    #[schemars(extend("default" = true))]
    validate_jwk: Option<bool>,
    /// A `pem` source with the certificates that chains in `x5c` must end at; those that the system trusts when missing. A
    /// certificate that is listed itself is accepted as it is. Only with `validate_jwk`.
    trust_anchors: Option<SecretReference>,
    /// What challenges say beside scheme, `error`, `algs` and nonce.
    error_signaling: Option<ErrorSignalingConfig>,
}

/// What a step may change: each key for itself, those inside `assertions` and `error_signaling` too.
#[derive(JsonSchema)]
#[schemars(rename = "JwtAuthenticatorInStep")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenJwtOverride {
    /// What a token must fulfil; keys that are left out keep the catalogue's value.
    assertions: Option<Assertions>,
    /// How long fetched keys are kept.
    cache_ttl: Option<ConfigDuration>,
    /// What challenges say; keys that are left out keep the catalogue's value.
    error_signaling: Option<ErrorSignalingConfig>,
}
