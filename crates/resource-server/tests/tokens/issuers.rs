//! Several issuers in one resource.

use std::sync::Arc;
use std::time::Duration;

use jose::JwkSet;
use resource_server::{JwksCache, JwtTokens, OutboundError, StaticKeys, TrustedIssuer};
use serde_json::json;

use crate::world::{Answer, Issuer, NOW, Network, as_bearer, policy, resource, token_error};

fn trusted(issuer: &Issuer) -> TrustedIssuer {
    let keys = JwkSet::parse(issuer.key_set().to_string().as_bytes()).unwrap();
    TrustedIssuer::new(issuer.name.as_str(), Arc::new(StaticKeys::new(keys)), policy())
}

#[test]
fn each_issuers_tokens_are_verified_with_its_own_keys() {
    let (shop, partner) = (Issuer::new("https://shop.example"), Issuer::new("https://partner.example"));
    let resource = resource(JwtTokens::new([trusted(&shop), trusted(&partner)]));
    for issuer in [&shop, &partner] {
        assert!(as_bearer(&resource, &issuer.token(json!({})), NOW).is_ok(), "{}", issuer.name);
    }
}

#[test]
fn a_shared_kid_does_not_mix_issuers() {
    let (shop, partner) = (Issuer::new("https://shop.example"), Issuer::new("https://partner.example"));
    let resource = resource(JwtTokens::new([trusted(&shop), trusted(&partner)]));
    let forged = partner.token(json!({"iss": "https://shop.example"}));
    assert_eq!(token_error(as_bearer(&resource, &forged, NOW)), "Signature");
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    let shop = Issuer::new("https://shop.example");
    let resource = resource(JwtTokens::new([trusted(&shop)]));
    for name in [
        json!("https://shop.example/"),
        json!("https://SHOP.example"),
        json!("https://shop.exampl"),
        json!(["https://shop.example"]),
        json!(null),
    ] {
        assert_eq!(token_error(as_bearer(&resource, &shop.token(json!({"iss": name})), NOW)), "Issuer");
    }
}

#[test]
fn each_issuer_has_a_policy_of_its_own() {
    let (shop, partner) = (Issuer::new("https://shop.example"), Issuer::new("https://partner.example"));
    let mut strict = trusted(&partner);
    strict.policy.audience = vec!["partners".to_owned()];
    let resource = resource(JwtTokens::new([trusted(&shop), strict]));
    assert!(as_bearer(&resource, &shop.token(json!({})), NOW).is_ok());
    assert_eq!(token_error(as_bearer(&resource, &partner.token(json!({})), NOW)), "Audience");
    assert!(as_bearer(&resource, &partner.token(json!({"aud": "partners"})), NOW).is_ok());
}

#[test]
fn a_strangers_token_costs_no_call_and_a_dead_issuer_hurts_nobody_else() {
    let (shop, partner) = (Issuer::new("https://shop.example"), Issuer::new("https://partner.example"));
    let network = Network::new();
    network.json("https://shop.example/keys", shop.key_set());
    network.set("https://partner.example/keys", Answer::Fails(OutboundError::TimedOut));
    let remote = |issuer: &Issuer| {
        let uri = format!("{}/keys", issuer.name).parse::<http::Uri>().unwrap();
        let keys = JwksCache::new(uri, network.outbound(), Duration::from_secs(600));
        TrustedIssuer::new(issuer.name.as_str(), Arc::new(keys), policy())
    };
    let resource = resource(JwtTokens::new([remote(&partner), remote(&shop)]));
    let stranger = Issuer::new("https://stranger.example");
    assert_eq!(token_error(as_bearer(&resource, &stranger.token(json!({})), NOW)), "Issuer");
    assert_eq!(network.calls("https://shop.example/keys") + network.calls("https://partner.example/keys"), 0);
    assert!(as_bearer(&resource, &shop.token(json!({})), NOW).is_ok());
    let refusal = as_bearer(&resource, &partner.token(json!({})), NOW);
    assert_eq!(token_error(refusal), "Keys");
}
