//! Metadata say where keys are, and who the issuer is.

use std::sync::Arc;
use std::time::Duration;

use jose::UnixTime;
use resource_server::{
    Discovery, DiscoverySettings, ExpectedIssuer, IssuerNames, JwksCache, JwtTokens, METADATA_LIFETIME,
    OutboundError, TrustedIssuer,
};
use serde_json::{Value, json};

use crate::world::{Answer, Issuer, NOW, Network, as_bearer, now_or_never, policy, resource, token_error};

const NAME: &str = "https://as.example/realms/shop";
const OAUTH: &str = "https://as.example/.well-known/oauth-authorization-server/realms/shop";
const OPENID: &str = "https://as.example/realms/shop/.well-known/openid-configuration";
const KEYS: &str = "https://as.example/keys";

fn metadata() -> Value {
    json!({"issuer": NAME, "jwks_uri": KEYS})
}

fn discovered(discovery: Discovery, network: &Arc<Network>) -> JwtTokens {
    let discovery = Arc::new(discovery);
    let keys = JwksCache::new(Arc::clone(&discovery), network.outbound(), Duration::from_secs(600));
    let names = IssuerNames::Discovered(discovery);
    JwtTokens::new([TrustedIssuer { names, keys: Arc::new(keys), policy: policy() }])
}

/// The outcome for a token of the issuer, when its metadata are these.
fn outcome_with(metadata: Value, expected: ExpectedIssuer, allow_plain_http: bool) -> Result<(), String> {
    let (network, issuer) = (Network::new(), Issuer::new(NAME));
    network.json(OPENID, metadata.clone());
    network.json(metadata["jwks_uri"].as_str().unwrap_or(KEYS), issuer.key_set());
    let settings = DiscoverySettings { issuer: expected, allow_plain_http, lifetime: METADATA_LIFETIME };
    let discovery = Discovery::at(OPENID.parse().unwrap(), network.outbound(), settings);
    match as_bearer(&resource(discovered(discovery, &network)), &issuer.token(json!({})), NOW) {
        Ok(_) => Ok(()),
        refused => Err(token_error(refused)),
    }
}

#[test]
fn keys_and_issuer_are_found_in_either_place() {
    for place in [OAUTH, OPENID] {
        let (network, issuer) = (Network::new(), Issuer::new(NAME));
        network.json(place, metadata());
        network.json(KEYS, issuer.key_set());
        let discovery = Discovery::of_issuer(NAME, network.outbound()).unwrap();
        let resource = resource(discovered(discovery, &network));
        for _ in 0..3 {
            assert!(as_bearer(&resource, &issuer.token(json!({})), NOW).is_ok(), "{place}");
        }
        assert_eq!((network.calls(place), network.calls(KEYS)), (1, 1));
        let stranger = Issuer::new("https://as.example/realms/other");
        assert_eq!(token_error(as_bearer(&resource, &stranger.token(json!({})), NOW)), "Issuer");
    }
}

#[test]
fn metadata_are_asked_for_every_half_hour() {
    let network = Network::new();
    network.json(OAUTH, metadata());
    let discovery = Discovery::of_issuer(NAME, network.outbound()).unwrap();
    let ask = |seconds| now_or_never(discovery.metadata(UnixTime::from_seconds(seconds))).unwrap();
    for seconds in [0, 1_000, 1_439] {
        ask(seconds);
    }
    assert_eq!(network.calls(OAUTH), 1);
    ask(1_440);
    assert_eq!(network.calls(OAUTH), 2);
}

#[test]
fn metadata_of_another_issuer_are_a_fault() {
    let other = json!({"issuer": "https://evil.example", "jwks_uri": KEYS});
    let exactly = || ExpectedIssuer::Exactly(NAME.to_owned());
    assert_eq!(outcome_with(other.clone(), exactly(), false), Err("Discovery".to_owned()));
    assert_eq!(outcome_with(other.clone(), ExpectedIssuer::OfLocation, false), Err("Discovery".to_owned()));
    assert_eq!(outcome_with(metadata(), exactly(), false), Ok(()));
    assert_eq!(outcome_with(metadata(), ExpectedIssuer::OfLocation, false), Ok(()));
    let with_slash = json!({"issuer": format!("{NAME}/"), "jwks_uri": KEYS});
    assert_eq!(outcome_with(with_slash, exactly(), false), Err("Discovery".to_owned()));
    // Not compared with the address, but tokens must still name the issuer that the metadata name.
    assert_eq!(outcome_with(other, ExpectedIssuer::Unchecked, false), Err("Issuer".to_owned()));
}

#[test]
fn endpoints_must_be_https_unless_they_are_near_or_it_is_allowed() {
    let with_keys = |jwks_uri: Value, allowed| {
        let mut metadata = metadata();
        metadata["jwks_uri"] = jwks_uri;
        outcome_with(metadata, ExpectedIssuer::OfLocation, allowed)
    };
    assert_eq!(with_keys(json!("http://as.example/keys"), false), Err("Keys".to_owned()));
    assert_eq!(with_keys(json!("http://as.example/keys"), true), Ok(()));
    assert_eq!(with_keys(json!("http://127.0.0.1:8080/keys"), false), Ok(()));
    for wrong in [json!("/keys"), json!("file:///keys"), json!(""), json!(null)] {
        assert_eq!(with_keys(wrong.clone(), true), Err("Keys".to_owned()), "{wrong}");
    }
}

#[test]
fn what_is_no_metadata_document_is_a_fault() {
    for answer in [
        Answer::Text(200, "<html>".to_owned()),
        Answer::Text(200, "{}".to_owned()),
        Answer::Text(500, metadata().to_string()),
        Answer::Text(302, String::new()),
        Answer::Fails(OutboundError::TooLarge { max_bytes: 1 << 20 }),
    ] {
        let (network, issuer) = (Network::new(), Issuer::new(NAME));
        network.set(OAUTH, answer);
        network.json(OPENID, metadata());
        network.json(KEYS, issuer.key_set());
        let discovery = Discovery::of_issuer(NAME, network.outbound()).unwrap();
        let refused = as_bearer(&resource(discovered(discovery, &network)), &issuer.token(json!({})), NOW);
        assert_eq!(token_error(refused), "Discovery");
        assert_eq!(network.calls(OPENID), 0, "only where there is nothing the other place is tried");
    }
}

#[test]
fn an_issuer_without_a_secure_address_has_no_metadata() {
    for name in ["shop", "ftp://as.example", "https://as.example?x", "http://as.example", ""] {
        assert!(Discovery::of_issuer(name, Network::new().outbound()).is_err(), "{name}");
    }
    assert!(Discovery::of_issuer("http://localhost:8080/realms/shop", Network::new().outbound()).is_ok());
}
