//! What is forgotten, malformed or contradictory in a layer's settings.

use std::collections::HashSet;
use std::time::Duration;

use dpop::{Htu, MAX_PROOF_BYTES};
use jose::AlgorithmSet;
use oauth::challenge;
use resource_server::Mode;

use super::DpopLayerBuilder;
use crate::problem::Problem;
use crate::resource_metadata::MetadataLocation;
use crate::target::{is_loopback, is_origin, is_prefix};

/// Half of a nonce's life must be at least one second of the clock.
const SHORTEST_NONCE_LIFETIME: Duration = Duration::from_secs(2);

impl DpopLayerBuilder {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let lifetime = self.nonce_lifetime.unwrap_or(self.policy.max_age);
        let plain_http = |origin: &str| {
            is_origin(origin) && !origin.to_ascii_lowercase().starts_with("https:") && !is_loopback(origin)
        };
        let has_replay_choice = self.replay_store.is_some() || self.replay_allowed;
        let checks_proofs = self.mode.is_some_and(|mode| mode != Mode::Off);
        [
            (self.token_sources() == 0, Problem::NoIssuer),
            (self.tokens.is_some() && self.has_own_token_policy(), Problem::AccessTokensAndPolicy),
            (self.has_several_token_sources(), Problem::SeveralTokenSources),
            (
                !self.introspected.is_empty() && self.own_token_algorithms.is_some(),
                Problem::AlgorithmsOfIntrospectedTokens,
            ),
            (self.repeats_an_issuer(), Problem::RepeatedIssuer),
            (self.tokens.is_none() && self.audience.is_empty() && !self.any_audience, Problem::NoAudience),
            (!self.audience.is_empty() && self.any_audience, Problem::AudienceAndAny),
            (self.mode.is_none(), Problem::NoMode),
            (
                self.public_origin.is_none() && self.proxies.is_none() && self.host_scheme.is_none(),
                Problem::NoOrigin,
            ),
            (
                self.host_scheme.is_some() && (self.public_origin.is_some() || self.proxies.is_some()),
                Problem::SeveralOrigins,
            ),
            (self.public_origin.as_deref().is_some_and(|origin| !is_origin(origin)), Problem::PublicOrigin),
            (!self.plain_http && self.public_origin.as_deref().is_some_and(plain_http), Problem::PlainHttp),
            (self.proxies.as_ref().is_some_and(|(networks, _)| networks.is_empty()), Problem::NoProxies),
            (
                self.stripped_prefix.as_deref().is_some_and(|prefix| !is_prefix(prefix)),
                Problem::StrippedPrefix,
            ),
            (checks_proofs && !has_replay_choice, Problem::NoReplayStore),
            (self.replay_store.is_some() && self.replay_allowed, Problem::ReplayStoreAndAllowed),
            (self.policy.algorithms.is_empty(), Problem::NoProofAlgorithm),
            (self.accepted_token_algorithms().is_empty(), Problem::NoTokenAlgorithm),
            (self.policy.max_proof_bytes > MAX_PROOF_BYTES, Problem::ProofLimit),
            (self.nonces.is_none() && self.nonce_lifetime.is_some(), Problem::NonceLifetimeWithoutNonces),
            (self.nonces.is_some() && lifetime < SHORTEST_NONCE_LIFETIME, Problem::NonceLifetime),
            (self.nonces.is_none() && self.policy.nonce_replaces_iat, Problem::NonceReplacesIatWithoutNonces),
            (self.has_bad_identifier(), Problem::ResourceIdentifier),
            (self.is_elsewhere(), Problem::ResourceElsewhere),
            (
                self.resource.is_some() && self.signaling.resource_metadata.is_some(),
                Problem::SeveralResourceMetadata,
            ),
            (!self.challenge_texts_are_plain(), Problem::ChallengeText),
        ]
        .into_iter()
        .filter_map(|(is_there, problem)| is_there.then_some(problem))
        .collect()
    }

    pub(super) fn accepted_token_algorithms(&self) -> &AlgorithmSet {
        self.own_token_algorithms.as_ref().unwrap_or(&self.token_algorithms)
    }

    fn token_sources(&self) -> usize {
        usize::from(!self.issuers.is_empty()) + self.introspected.len() + usize::from(self.tokens.is_some())
    }

    /// `access_tokens` beside others has a problem of its own.
    fn has_several_token_sources(&self) -> bool {
        self.tokens.is_none() && self.token_sources() > 1
    }

    fn has_own_token_policy(&self) -> bool {
        !self.issuers.is_empty()
            || !self.introspected.is_empty()
            || !self.audience.is_empty()
            || self.any_audience
            || self.own_token_algorithms.is_some()
            || self.leeway.is_some()
    }

    fn repeats_an_issuer(&self) -> bool {
        let names: HashSet<&str> = self.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        names.len() < self.issuers.len()
    }

    pub(super) fn metadata_location(&self) -> Option<MetadataLocation> {
        self.resource.as_deref().and_then(MetadataLocation::of)
    }

    fn has_bad_identifier(&self) -> bool {
        let is_secure = |resource: &str| {
            self.plain_http || resource.to_ascii_lowercase().starts_with("https:") || is_loopback(resource)
        };
        self.resource
            .as_deref()
            .is_some_and(|resource| MetadataLocation::of(resource).is_none() || !is_secure(resource))
    }

    fn is_elsewhere(&self) -> bool {
        let (Some(location), Some(origin)) = (self.metadata_location(), &self.public_origin) else {
            return false;
        };
        matches!((Htu::parse(&location.origin), Htu::parse(origin)), (Ok(own), Ok(public)) if own != public)
    }

    fn challenge_texts_are_plain(&self) -> bool {
        let signaling = [&self.signaling.realm, &self.signaling.error_uri, &self.signaling.resource_metadata];
        let mut texts = signaling.into_iter().flatten().chain(&self.scopes.values);
        texts.all(|text| challenge::is_plain(text))
            && self.scopes.values.iter().all(|scope| !scope.is_empty() && !scope.contains(' '))
    }
}
