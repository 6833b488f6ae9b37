//! What is remembered about a token never outlives what made it true.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Uri;
use jose::{JwkSet, UnixTime};
use resource_server::{JwksCache, JwtTokens, KeySource, KeysFuture, OutboundError, TrustedIssuer};
use serde_json::json;

use crate::world::{Answer, Issuer, NOW, Network, as_bearer, policy, proven, resource, token_error};

const KEYS: &str = "https://shop.example/keys";

fn shop(network: &Arc<Network>) -> (Issuer, JwtTokens) {
    let issuer = Issuer::new("https://shop.example");
    network.json(KEYS, issuer.key_set());
    let keys = JwksCache::new(Uri::from_static(KEYS), network.outbound(), Duration::from_secs(600));
    let tokens = JwtTokens::new([TrustedIssuer::new(issuer.name.as_str(), Arc::new(keys), policy())]);
    (issuer, tokens)
}

#[test]
fn claims_are_shared_and_not_read_again() {
    let (issuer, tokens) = shop(&Network::new());
    let resource = resource(tokens);
    let token = issuer.token(json!({}));
    let first = as_bearer(&resource, &token, NOW).unwrap();
    let second = as_bearer(&resource, &token, NOW + 1).unwrap();
    assert!(Arc::ptr_eq(&first.claims.to_value(), &second.claims.to_value()));
}

#[test]
fn with_no_room_nothing_is_remembered() {
    let (issuer, tokens) = shop(&Network::new());
    let resource = resource(tokens.remember(0));
    let token = issuer.token(json!({}));
    let first = as_bearer(&resource, &token, NOW).unwrap();
    let second = as_bearer(&resource, &token, NOW).unwrap();
    assert!(!Arc::ptr_eq(&first.claims.to_value(), &second.claims.to_value()));
}

#[test]
fn a_remembered_token_expires_like_any_other() {
    let (issuer, tokens) = shop(&Network::new());
    let resource = resource(tokens);
    let token = issuer.token(json!({"exp": NOW + 60}));
    assert!(as_bearer(&resource, &token, NOW).is_ok());
    assert!(as_bearer(&resource, &token, NOW + 69).is_ok(), "leeway");
    assert_eq!(token_error(as_bearer(&resource, &token, NOW + 70)), "Expired");
    assert_eq!(token_error(as_bearer(&resource, &token, NOW + 71)), "Expired");
}

#[test]
fn a_rotated_key_takes_its_tokens_along() {
    let network = Network::new();
    let (issuer, tokens) = shop(&network);
    let resource = resource(tokens);
    let token = issuer.token(json!({"exp": NOW + 900}));
    assert!(as_bearer(&resource, &token, NOW).is_ok());
    network.json(KEYS, Issuer::new("https://shop.example").key_set());
    assert!(as_bearer(&resource, &token, NOW + 479).is_ok(), "nobody has looked yet");
    assert_eq!(token_error(as_bearer(&resource, &token, NOW + 480)), "Signature");
    assert_eq!(token_error(as_bearer(&resource, &token, NOW + 481)), "Signature");
}

#[test]
fn remembered_tokens_keep_asking_for_fresh_keys_and_end_with_them() {
    let network = Network::new();
    let (issuer, tokens) = shop(&network);
    let resource = resource(tokens);
    let token = issuer.token(json!({"exp": NOW + 9_000}));
    assert!(as_bearer(&resource, &token, NOW).is_ok());
    network.set(KEYS, Answer::Fails(OutboundError::TimedOut));
    assert!(as_bearer(&resource, &token, NOW + 700).is_ok(), "keys may be stale for an hour");
    assert_eq!(network.calls(KEYS), 2);
    assert_eq!(token_error(as_bearer(&resource, &token, NOW + 4_200)), "Keys");
}

#[test]
fn another_policy_judges_what_is_remembered_anew() {
    let (issuer, tokens) = shop(&Network::new());
    let token = issuer.token(json!({}));
    assert!(as_bearer(&resource(tokens.clone()), &token, NOW).is_ok());
    let changed = |change: fn(&mut TrustedIssuer)| {
        let mut issuer = tokens.issuers()[0].clone();
        change(&mut issuer);
        as_bearer(&resource(tokens.with_issuers([issuer])), &token, NOW)
    };
    assert_eq!(
        token_error(changed(|issuer| issuer.policy.audience = vec!["partners".to_owned()])),
        "Audience"
    );
    assert_eq!(
        token_error(changed(|issuer| issuer.policy.algorithms = [].into_iter().collect())),
        "Algorithm"
    );
    assert!(changed(|_| ()).is_ok());
}

#[test]
fn the_proof_is_never_remembered() {
    let (issuer, tokens) = shop(&Network::new());
    let resource = resource(tokens);
    let (client, thief) = (Issuer::new("client").key, Issuer::new("thief").key);
    let token = issuer.token(json!({"cnf": {"jkt": client.thumbprint().to_string()}}));
    assert!(proven(&resource, &token, &client, NOW).is_ok());
    assert!(proven(&resource, &token, &client, NOW).is_ok());
    assert_eq!(proven(&resource, &token, &thief, NOW).unwrap_err().status(), 401);
    assert_eq!(as_bearer(&resource, &token, NOW).unwrap_err().status(), 401);
}

/// A set that is parsed for every request: nothing can be remembered, and nothing goes wrong.
#[derive(Debug)]
struct ParsedEachTime(String, AtomicUsize);

impl KeySource for ParsedEachTime {
    fn keys<'a>(&'a self, _: Option<&'a str>, _: UnixTime) -> KeysFuture<'a> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let set = JwkSet::parse(self.0.as_bytes()).unwrap();
        Box::pin(std::future::ready(Ok(Arc::new(set))))
    }
}

#[test]
fn a_source_that_makes_new_sets_costs_time_only() {
    let issuer = Issuer::new("https://shop.example");
    let keys = Arc::new(ParsedEachTime(issuer.key_set().to_string(), AtomicUsize::new(0)));
    let source = Arc::clone(&keys) as Arc<dyn KeySource>;
    let resource = resource(JwtTokens::new([TrustedIssuer::new(issuer.name.as_str(), source, policy())]));
    let token = issuer.token(json!({}));
    for _ in 0..3 {
        assert!(as_bearer(&resource, &token, NOW).is_ok());
    }
    assert_eq!(keys.1.load(Ordering::Relaxed), 1 + 2 + 2);
}
