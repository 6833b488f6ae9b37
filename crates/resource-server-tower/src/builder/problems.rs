//! What is forgotten, malformed or contradictory in a layer's settings.

use std::collections::HashSet;

use jose::AlgorithmSet;
use oauth::challenge;
use resource_server::Mode;

use super::DpopLayerBuilder;
use crate::problem::Problem;
use crate::resource_metadata::MetadataLocation;
use crate::route_policy::LayerHas;
use crate::target::{is_loopback, is_origin, is_prefix, same_origin};

impl DpopLayerBuilder {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let plain_http = |origin: &String| {
            is_origin(origin) && !origin.to_ascii_lowercase().starts_with("https:") && !is_loopback(origin)
        };
        let (origins, has_proxies) = (&self.public_origins, self.proxies.is_some());
        let own = [
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
            (origins.is_empty() && !has_proxies && self.host_scheme.is_none(), Problem::NoOrigin),
            (self.host_scheme.is_some() && (!origins.is_empty() || has_proxies), Problem::SeveralOrigins),
            (has_proxies && origins.is_empty() && !self.any_forwarded_host, Problem::ProxiesWithoutOrigin),
            (self.any_forwarded_host && (!has_proxies || !origins.is_empty()), Problem::AnyForwardedHost),
            (origins.iter().any(|origin| !is_origin(origin)), Problem::PublicOrigin),
            (!self.plain_http && origins.iter().any(plain_http), Problem::PlainHttp),
            (self.proxies.as_ref().is_some_and(|(networks, _)| networks.is_empty()), Problem::NoProxies),
            (
                self.stripped_prefix.as_deref().is_some_and(|prefix| !is_prefix(prefix)),
                Problem::StrippedPrefix,
            ),
            (self.replay_store.is_some() && self.replay_allowed, Problem::ReplayStoreAndAllowed),
            (self.accepted_token_algorithms().is_empty(), Problem::NoTokenAlgorithm),
            (self.nonces.is_none() && self.nonce_lifetime.is_some(), Problem::NonceLifetimeWithoutNonces),
            (self.has_bad_identifier(), Problem::ResourceIdentifier),
            (self.is_elsewhere(), Problem::ResourceElsewhere),
            (
                self.resource.is_some() && self.signaling.resource_metadata.is_some(),
                Problem::SeveralResourceMetadata,
            ),
            (!self.challenge_texts_are_plain(), Problem::ChallengeText),
        ]
        .into_iter()
        .filter_map(|(is_there, problem)| is_there.then_some(problem));
        // Without a mode nothing is known about replays yet.
        let policy = self.route_policy(self.mode.unwrap_or(Mode::Off));
        let has = LayerHas {
            nonce_keys: self.nonces.is_some(),
            replay_store: self.replay_store.is_some(),
            // The layer's own policy narrows nothing.
            token_algorithms: None,
        };
        let mut problems: Vec<Problem> = own.collect();
        for problem in policy.problems(&has) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        problems
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
        let origins: Vec<_> = self.public_origins.iter().filter(|origin| is_origin(origin)).collect();
        let location = self.metadata_location().filter(|_| !origins.is_empty());
        location.is_some_and(|location| !origins.iter().any(|origin| same_origin(origin, &location.origin)))
    }

    fn challenge_texts_are_plain(&self) -> bool {
        let signaling = [&self.signaling.realm, &self.signaling.error_uri, &self.signaling.resource_metadata];
        signaling.into_iter().flatten().all(|text| challenge::is_plain(text))
    }
}
