//! The settings of access tokens as they are written, where that differs from the types that the program uses.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::{
    principal::PrincipalMapping, proof_of_possession::ProofOfPossession, token_source::TokenSources,
};
use crate::document::{
    ByteSize, ConfigDuration,
    schema::{HeaderFieldName, JsonPathText, SignatureAlgorithm, written_as},
};

written_as! {
    TokenSources => Vec<WrittenTokenSource>,
    PrincipalMapping => WrittenPrincipal,
    ProofOfPossession => WrittenProofOfPossession,
}

/// One place to look for a token in.
#[derive(JsonSchema)]
#[schemars(rename = "TokenSource")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenTokenSource {
    /// A request header.
    header: Option<HeaderFieldName>,
    /// The scheme before the token, in any case.
    scheme: Option<String>,
    /// A cookie.
    cookie: Option<String>,
    /// A parameter of the query.
    query_parameter: Option<String>,
    /// A parameter of a form body.
    body_parameter: Option<String>,
}

/// Which claims become the principal.
#[derive(JsonSchema)]
#[schemars(rename = "PrincipalMapping")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenPrincipal {
    /// The claim that is the principal's id; a text that is not empty, or a number.
    #[schemars(extend("default" = "sub"))]
    id: Option<JsonPathText>,
    /// The claims that are the principal's attributes: one path, or a map from names to paths.
    #[schemars(extend("default" = "@this"))]
    attributes: Option<WrittenAttributes>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "described, not built")]
enum WrittenAttributes {
    At(JsonPathText),
    Named(BTreeMap<String, JsonPathText>),
}

/// Which proof of possession is demanded. Without it a token that is bound to a key still needs its proof, other tokens
/// need none.
#[derive(JsonSchema)]
#[schemars(rename = "ProofOfPossession")]
#[expect(dead_code, reason = "described, not built")]
struct WrittenProofOfPossession {
    /// The kind of proof: `dpop` (RFC 9449). May be left out in a step.
    r#type: Option<WrittenProofType>,
    /// How strictly proofs are asked for and checked.
    config: Option<WrittenProofSettings>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenProofType {
    Dpop,
}

/// How DPoP proofs are asked for and checked (RFC 9449 §4.3).
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
struct WrittenProofSettings {
    /// How old a proof may be; `validity_leeway` is granted for clocks that are fast.
    #[schemars(extend("default" = "1m"))]
    max_age: Option<ConfigDuration>,
    /// Whether proofs must carry a nonce of this gateway (RFC 9449 §9). Needs a `master_key`.
    #[schemars(extend("default" = false))]
    nonce_required: Option<bool>,
    /// Whether a proof may be used more than once. Used proofs are remembered in `replay_store` otherwise.
    #[schemars(extend("default" = false))]
    replay_allowed: Option<bool>,
    /// How strictly proofs are asked for. `require` is the default where this block is there, `permit` where it is not.
    #[schemars(extend("default" = "require", "x-keybound" = true))]
    mode: Option<WrittenMode>,
    /// The algorithms of proofs; those of the assertions when missing.
    #[schemars(extend("x-keybound" = true))]
    allowed_algorithms: Option<Vec<SignatureAlgorithm>>,
    /// How long a nonce is good; `max_age` when missing.
    #[schemars(extend("x-keybound" = true))]
    nonce_lifetime: Option<ConfigDuration>,
    /// Whether a good nonce takes the place of the check of `iat`: the client's clock does not count then.
    #[schemars(extend("default" = false, "x-keybound" = true))]
    nonce_replaces_iat: Option<bool>,
    /// Whether an `htu` with query or fragment is refused, not compared without them.
    #[schemars(extend("default" = false, "x-keybound" = true))]
    strict_htu: Option<bool>,
    /// Whether `typ` is also accepted in other case or with `application/` in front.
    #[schemars(extend("default" = false, "x-keybound" = true))]
    typ_lenient: Option<bool>,
    /// The longest proof, at most 16KB. Not in steps.
    #[schemars(extend("default" = "4KB", "x-keybound" = true))]
    max_proof_size: Option<ByteSize>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenMode {
    /// Proofs are not looked at. A bound token sent as `Bearer` is refused all the same.
    Off,
    /// Proofs are checked; what `require` would refuse goes to the log, and the request passes.
    Observe,
    /// A bound token must have its proof; others pass without.
    Permit,
    /// Every token must be bound, and every request must have its proof.
    Require,
}

/// Scopes that a token must have, and how they are compared.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "described, not built")]
pub(super) enum WrittenScopes {
    /// All of them, compared exactly.
    Exact(Vec<String>),
    /// With a way of comparing.
    Matching(WrittenScopeMatching),
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct WrittenScopeMatching {
    /// How what is granted is compared with what is required. `exact`: the same text. `hierarchic`: a granted `orders` also
    /// covers `orders.read`. `wildcard`: a granted `orders.*` covers `orders.` and anything behind.
    #[schemars(extend("default" = "exact"))]
    matching_strategy: Option<WrittenStrategy>,
    /// The scopes; all are required.
    values: Vec<String>,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "described, not built")]
enum WrittenStrategy {
    Exact,
    Hierarchic,
    Wildcard,
}
