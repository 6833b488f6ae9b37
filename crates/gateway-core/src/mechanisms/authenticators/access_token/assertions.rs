//! `assertions`: what is demanded of an access token. Read once as written, so that a step changes single fields only.

use std::{sync::Arc, time::Duration};

use dpop::{NonceRing, ReplayStore};
use jose::{Algorithm, AlgorithmSet};
use resource_server::{ProofPolicy, RequiredScopes, ScopeMatching, TokenPolicy};

use super::{
    proof_of_possession::{ProofOfPossession, proof_policy},
    written::WrittenScopes,
};
use crate::document::{
    Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned, decode_one_of,
    decode_sequence, did_you_mean, schema::SignatureAlgorithm,
};

/// heimdall's default for `validity_leeway`.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(10);
/// heimdall's default for `allowed_algorithms`, in its order.
const DEFAULT_ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::Ps384, Algorithm::Ps512];

/// What an access token must fulfil. A step changes single keys; what it leaves out is as in the catalogue.
#[derive(Debug, Clone, Default, schemars::JsonSchema)]
pub(in crate::mechanisms::authenticators) struct Assertions {
    /// The issuers whose tokens are accepted (`iss`), compared exactly; at least one.
    issuers: Option<Vec<String>>,
    /// The audiences; a token must name one of them (`aud`). Without it the audience is not looked at.
    audience: Option<Vec<String>>,
    /// The scopes that a token must have, all of them: a list, or a list with a way of comparing.
    #[schemars(with = "Option<WrittenScopes>")]
    scopes: Option<RequiredScopes>,
    /// The algorithms of tokens.
    #[schemars(with = "Option<Vec<SignatureAlgorithm>>", extend("default" = ["ES256", "ES384", "ES512", "PS384", "PS512"]))]
    allowed_algorithms: Option<AlgorithmSet>,
    /// How far clocks may differ when times in tokens and proofs are compared.
    #[schemars(with = "Option<ConfigDuration>", extend("default" = "10s"))]
    validity_leeway: Option<Duration>,
    /// Which proof of possession is demanded.
    proof_of_possession: Option<ProofOfPossession>,
}

impl Assertions {
    /// Reads the block of the catalogue, which must name the issuers beside a key endpoint, or that of a step.
    pub(in crate::mechanisms::authenticators) fn decode(
        node: &Node,
        path: &KeyPath,
        is_override: bool,
        needs_issuers: bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        for key in ["max_age", "nonce_required", "replay_allowed", "nonce_lifetime"] {
            reader.belongs_elsewhere(key, "proof_of_possession.config");
        }
        let issuers = reader.optional_with("issuers", decode_issuers);
        if needs_issuers && !reader.has("issuers") {
            reader.report_missing("issuers");
        }
        let assertions = Self {
            issuers,
            audience: reader.optional("audience"),
            scopes: reader.optional_with("scopes", decode_scopes),
            allowed_algorithms: reader.optional_with("allowed_algorithms", decode_algorithms),
            validity_leeway: reader
                .optional::<ConfigDuration>("validity_leeway")
                .map(ConfigDuration::as_duration),
            proof_of_possession: reader.optional_with("proof_of_possession", |node, path, diagnostics| {
                ProofOfPossession::decode(node, path, is_override, diagnostics)
            }),
        };
        reader.finish();
        Some(assertions)
    }

    /// What a step sets, over what the catalogue sets: field by field, proof of possession included.
    pub(in crate::mechanisms::authenticators) fn overridden_by(self, change: Self) -> Self {
        let proof_of_possession = match (self.proof_of_possession, change.proof_of_possession) {
            (Some(catalogue), Some(step)) => Some(catalogue.overridden_by(step)),
            (catalogue, step) => step.or(catalogue),
        };
        Self {
            issuers: change.issuers.or(self.issuers),
            audience: change.audience.or(self.audience),
            scopes: change.scopes.or(self.scopes),
            allowed_algorithms: change.allowed_algorithms.or(self.allowed_algorithms),
            validity_leeway: change.validity_leeway.or(self.validity_leeway),
            proof_of_possession,
        }
    }

    fn leeway(&self) -> Duration {
        self.validity_leeway.unwrap_or(DEFAULT_LEEWAY)
    }

    fn algorithms(&self) -> AlgorithmSet {
        self.allowed_algorithms.clone().unwrap_or_else(|| AlgorithmSet::new(DEFAULT_ALGORITHMS))
    }

    /// What the verifier demands of tokens.
    pub(in crate::mechanisms::authenticators) fn token_policy(&self) -> TokenPolicy {
        TokenPolicy {
            audience: self.audience.clone().unwrap_or_default(),
            algorithms: self.algorithms(),
            leeway: self.leeway(),
        }
    }

    /// The accepted values of `iss`.
    pub(in crate::mechanisms::authenticators) fn issuers(&self) -> Vec<String> {
        self.issuers.clone().unwrap_or_default()
    }

    /// The scopes that must be granted.
    pub(in crate::mechanisms::authenticators) fn required_scopes(&self) -> RequiredScopes {
        self.scopes.clone().unwrap_or_else(RequiredScopes::none)
    }

    /// What the verifier demands of proofs; `None` after an error was added to `diagnostics`.
    pub(in crate::mechanisms::authenticators) fn proof_policy(
        &self,
        nonce_ring: Option<&Arc<NonceRing>>,
        replay_store: &Arc<dyn ReplayStore>,
        diagnostics: &mut Diagnostics,
    ) -> Option<ProofPolicy> {
        proof_policy(
            self.proof_of_possession.as_ref(),
            &self.algorithms(),
            self.leeway(),
            nonce_ring,
            replay_store,
            diagnostics,
        )
    }
}

/// At least one issuer: an empty list would accept nobody's tokens.
fn decode_issuers(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    let issuers = <Vec<String> as Decode>::decode(node, path, diagnostics)?;
    if issuers.is_empty() {
        diagnostics.push(
            Diagnostic::error(Code::OutOfRange, format!("`{path}` is empty"), &node.place)
                .expected("at least one issuer"),
        );
        return None;
    }
    Some(issuers)
}

/// A list of scopes, compared exactly, or `{matching_strategy, values}`.
fn decode_scopes(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<RequiredScopes> {
    if node.elements().is_some() {
        let values = <Vec<String> as Decode>::decode(node, path, diagnostics)?;
        return Some(RequiredScopes { matching: ScopeMatching::Exact, values });
    }
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let matching = reader.optional_with("matching_strategy", |node, path, diagnostics| {
        let strategies = [
            ("exact", ScopeMatching::Exact),
            ("hierarchic", ScopeMatching::Hierarchic),
            ("wildcard", ScopeMatching::Wildcard),
        ];
        decode_one_of(node, path, &strategies, diagnostics)
    });
    let values = reader.required("values");
    reader.finish();
    Some(RequiredScopes { matching: matching.unwrap_or(ScopeMatching::Exact), values: values? })
}

/// Signature algorithms that are known and asymmetric: anything else is `bad_algorithm`.
pub(in crate::mechanisms::authenticators) fn decode_algorithms(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<AlgorithmSet> {
    let names = decode_sequence(node, path, diagnostics, |node, path, diagnostics| {
        <Spanned<String> as Decode>::decode(node, path, diagnostics)
    })?;
    let mut algorithms = Vec::new();
    for name in &names {
        match name.value.parse::<Algorithm>() {
            Ok(algorithm) => algorithms.push(algorithm),
            Err(_) => report_algorithm(name, path, diagnostics),
        }
    }
    if names.is_empty() {
        diagnostics.push(
            Diagnostic::error(Code::BadAlgorithm, format!("`{path}` is empty"), &node.place)
                .expected("at least one algorithm"),
        );
    }
    (!names.is_empty() && algorithms.len() == names.len()).then(|| AlgorithmSet::new(algorithms))
}

const KNOWN_ALGORITHMS: [&str; 11] =
    ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519"];

fn report_algorithm(name: &Spanned<String>, path: &KeyPath, diagnostics: &mut Diagnostics) {
    let is_unsafe =
        name.value.eq_ignore_ascii_case("none") || name.value.to_ascii_uppercase().starts_with("HS");
    let headline = if is_unsafe {
        format!("`{path}` lists `{}`, which is never accepted", name.value)
    } else {
        format!("`{path}` lists the unknown algorithm `{}`", name.value)
    };
    let diagnostic = Diagnostic::error(Code::BadAlgorithm, headline, &name.place)
        .found(name.value.as_str())
        .expected(format!("some of {}", KNOWN_ALGORITHMS.join(", ")));
    let near = KNOWN_ALGORITHMS.iter().find(|known| known.eq_ignore_ascii_case(&name.value)).copied();
    diagnostics.push(if is_unsafe {
        diagnostic.hint("use an asymmetric signature algorithm")
    } else {
        diagnostic.did_you_mean(near.or_else(|| did_you_mean(&name.value, KNOWN_ALGORITHMS)))
    });
}
