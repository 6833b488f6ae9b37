//! Tokens about which the issuer is asked.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use jose::{Algorithm, KeyPair};
use oauth::AccessToken;
use resource_server::{
    AccessTokens, Discovery, IntrospectedTokens, IntrospectionPolicy, IssuerNames, OutboundError, Reason,
    VerdictLifetime, Verifier,
};
use serde_json::{Value, json};

use crate::world::{Answer, Issuer, NOW, Network, as_bearer, change, proven, resource, token_error};

const ENDPOINT: &str = "https://as.example/introspect";
const ISSUER: &str = "https://as.example";

fn policy(lifetime: VerdictLifetime) -> IntrospectionPolicy {
    IntrospectionPolicy {
        issuers: IssuerNames::Listed(Vec::new()),
        audience: Vec::new(),
        leeway: Duration::from_secs(10),
        lifetime,
    }
}

fn introspecting(network: &Arc<Network>, policy: IntrospectionPolicy) -> Verifier {
    resource(IntrospectedTokens::new(Uri::from_static(ENDPOINT), network.outbound(), policy))
}

fn opaque() -> AccessToken {
    AccessToken::parse("opaque~a+b/c==").unwrap()
}

fn active(changes: Value) -> Value {
    let mut response = json!({"active": true, "sub": "alice", "exp": NOW + 300});
    change(&mut response, changes);
    response
}

/// The outcome of one request when the endpoint answers so.
fn outcome(answer: Answer, policy: IntrospectionPolicy) -> Result<(), String> {
    let network = Network::new();
    network.set(ENDPOINT, answer);
    match as_bearer(&introspecting(&network, policy), &opaque(), NOW) {
        Ok(_) => Ok(()),
        refused => Err(token_error(refused)),
    }
}

fn outcome_of(changes: Value) -> Result<(), String> {
    outcome(Answer::Json(active(changes)), policy(VerdictLifetime::UntilExpiry))
}

#[test]
fn an_active_token_passes_and_the_endpoint_gets_the_token_as_a_form() {
    let network = Network::new();
    network.json(ENDPOINT, active(json!({})));
    let verified =
        as_bearer(&introspecting(&network, policy(VerdictLifetime::UntilExpiry)), &opaque(), NOW).unwrap();
    assert_eq!(verified.claims["sub"], "alice");
    assert!(!verified.claims.contains_key("active"));
    assert_eq!(network.last_body(), "token=opaque%7Ea%2Bb%2Fc%3D%3D&token_type_hint=access_token");
}

#[test]
fn only_an_active_token_passes() {
    for (changes, expected) in [
        (json!({"active": false}), "Inactive"),
        (json!({"active": "true"}), "Inactive"),
        (json!({"active": null}), "Inactive"),
        (json!({"exp": NOW - 10}), "Expired"),
        (json!({"exp": "tomorrow"}), "BadClaim"),
        (json!({"nbf": NOW + 11}), "NotYetValid"),
        (json!({"iat": NOW + 11}), "IssuedInFuture"),
        (json!({"typ": "Refresh"}), "Type"),
        (json!({"cnf": {}}), "Confirmation"),
        (json!({"cnf": "jkt"}), "Confirmation"),
        (json!({"token_type": "DPoP"}), "Contradiction"),
        (json!({"token_type": 1}), "BadClaim"),
        (json!({"iss": 1}), "BadClaim"),
    ] {
        assert_eq!(outcome_of(changes.clone()), Err(expected.to_owned()), "{changes}");
    }
    for changes in [
        json!({}),
        json!({"exp": null}),
        json!({"exp": NOW - 9}),
        json!({"token_type": "Bearer"}),
        json!({"token_type": "access_token"}),
        json!({"iss": "https://whoever.example"}),
    ] {
        assert_eq!(outcome_of(changes.clone()), Ok(()), "{changes}");
    }
}

#[test]
fn configured_issuers_and_audiences_are_demanded() {
    let check = |changes: Value, expected: Result<(), &str>| {
        let policy = IntrospectionPolicy {
            issuers: IssuerNames::Listed(vec![ISSUER.to_owned()]),
            audience: vec!["shop".to_owned()],
            ..policy(VerdictLifetime::UntilExpiry)
        };
        let found = outcome(Answer::Json(active(changes.clone())), policy);
        assert_eq!(found, expected.map_err(str::to_owned), "{changes}");
    };
    check(json!({"iss": ISSUER, "aud": "shop"}), Ok(()));
    check(json!({"iss": ISSUER, "aud": ["a", "shop"]}), Ok(()));
    check(json!({"aud": "shop"}), Err("Issuer"));
    check(json!({"iss": "https://as.example/", "aud": "shop"}), Err("Issuer"));
    check(json!({"iss": ISSUER}), Err("Audience"));
    check(json!({"iss": ISSUER, "aud": "shops"}), Err("Audience"));
    check(json!({"iss": ISSUER, "aud": 7}), Err("BadClaim"));
}

#[test]
fn an_endpoint_that_says_nothing_is_a_fault_and_never_remembered() {
    let answers = [
        Answer::Text(200, "<html>active</html>".to_owned()),
        Answer::Text(200, String::new()),
        Answer::Text(200, "[]".to_owned()),
        Answer::Text(200, format!(" {}", active(json!({})))),
        Answer::Text(200, r#"{"active":true,"active":true}"#.to_owned()),
        Answer::Text(500, active(json!({})).to_string()),
        Answer::Text(401, active(json!({})).to_string()),
        Answer::Text(204, String::new()),
        Answer::Fails(OutboundError::TimedOut),
        Answer::Fails(OutboundError::TooLarge { max_bytes: 1 << 20 }),
        Answer::Fails(OutboundError::Unreachable("no route".to_owned())),
    ];
    let network = Network::new();
    let resource = introspecting(&network, policy(VerdictLifetime::UntilExpiry));
    for (number, answer) in answers.into_iter().enumerate() {
        let timed_out = matches!(answer, Answer::Fails(OutboundError::TimedOut));
        network.set(ENDPOINT, answer);
        let refusal = as_bearer(&resource, &opaque(), NOW);
        if let Err(refusal) = &refusal {
            assert!(
                matches!(refusal.reason(), Reason::IssuerUnavailable(error) if error.timed_out() == timed_out)
            );
        }
        assert_eq!(token_error(refusal), "Introspection");
        assert_eq!(network.calls(ENDPOINT), number + 1);
    }
    network.json(ENDPOINT, active(json!({})));
    assert!(as_bearer(&resource, &opaque(), NOW).is_ok());
}

#[test]
fn kg7_a_bound_opaque_token_needs_its_proof() {
    let (client, thief) =
        (KeyPair::generate(Algorithm::Es256).unwrap(), KeyPair::generate(Algorithm::Es256).unwrap());
    let bound = |token_type: Value| {
        let network = Network::new();
        let cnf = json!({"jkt": client.thumbprint().to_string()});
        network.json(ENDPOINT, active(json!({"cnf": cnf, "token_type": token_type})));
        introspecting(&network, policy(VerdictLifetime::UntilExpiry))
    };
    for token_type in [json!("DPoP"), json!("dpop"), json!(null)] {
        let resource = bound(token_type);
        assert!(proven(&resource, &opaque(), &client, NOW).is_ok());
        let refusal = as_bearer(&resource, &opaque(), NOW).unwrap_err();
        assert!(matches!(refusal.reason(), Reason::BoundTokenAsBearer));
        assert!(proven(&resource, &opaque(), &thief, NOW).is_err());
        assert!(proven(&resource, &opaque(), &client, NOW).is_ok());
    }
    let refusal = proven(&bound(json!("Bearer")), &opaque(), &client, NOW);
    assert_eq!(token_error(refusal), "Contradiction");
}

#[test]
fn answers_are_used_again_as_long_as_the_lifetime_says_and_never_past_expiry() {
    let check = |lifetime, changes: Value, asked: &[i64], expected_calls: usize| {
        let network = Network::new();
        network.json(ENDPOINT, active(changes));
        let resource = introspecting(&network, policy(lifetime));
        for seconds in asked {
            as_bearer(&resource, &opaque(), NOW + seconds).unwrap();
        }
        assert_eq!(network.calls(ENDPOINT), expected_calls, "{lifetime:?} {asked:?}");
    };
    let minute = VerdictLifetime::AtMost(Duration::from_secs(60));
    check(VerdictLifetime::UntilExpiry, json!({}), &[0, 1, 289], 1);
    check(VerdictLifetime::UntilExpiry, json!({}), &[0, 290, 291], 3);
    check(VerdictLifetime::UntilExpiry, json!({"exp": null}), &[0, 0], 2);
    check(VerdictLifetime::OneRequest, json!({}), &[0, 0], 2);
    check(minute, json!({}), &[0, 59], 1);
    check(minute, json!({}), &[0, 60, 119], 2);
    check(minute, json!({"exp": null}), &[0, 59], 1);
    check(minute, json!({"exp": NOW + 30}), &[0, 19], 1);
    check(minute, json!({"exp": NOW + 30}), &[0, 20], 2);
}

#[test]
fn a_revoked_token_is_refused_as_soon_as_the_endpoint_is_asked() {
    let network = Network::new();
    network.json(ENDPOINT, active(json!({})));
    let minute = VerdictLifetime::AtMost(Duration::from_secs(60));
    let resource = introspecting(&network, policy(minute));
    assert!(as_bearer(&resource, &opaque(), NOW).is_ok());
    network.json(ENDPOINT, json!({"active": false}));
    assert!(as_bearer(&resource, &opaque(), NOW + 59).is_ok());
    for seconds in [60, 61] {
        assert_eq!(token_error(as_bearer(&resource, &opaque(), NOW + seconds)), "Inactive");
    }
    assert_eq!(network.calls(ENDPOINT), 3, "that a token is not active is not remembered");
}

#[test]
fn another_policy_judges_the_remembered_answer_anew() {
    let network = Network::new();
    network.json(ENDPOINT, active(json!({"aud": "shop"})));
    let lenient = policy(VerdictLifetime::UntilExpiry);
    let tokens = IntrospectedTokens::new(Uri::from_static(ENDPOINT), network.outbound(), lenient.clone());
    assert!(as_bearer(&resource(tokens.clone()), &opaque(), NOW).is_ok());
    let strict = IntrospectionPolicy { audience: vec!["partners".to_owned()], ..lenient.clone() };
    assert_eq!(token_error(as_bearer(&resource(tokens.with_policy(strict)), &opaque(), NOW)), "Audience");
    assert_eq!(network.calls(ENDPOINT), 1);
    let each_time = IntrospectionPolicy { lifetime: VerdictLifetime::OneRequest, ..lenient };
    assert!(as_bearer(&resource(tokens.with_policy(each_time)), &opaque(), NOW).is_ok());
    assert_eq!(network.calls(ENDPOINT), 2);
}

#[test]
fn the_endpoint_and_the_issuer_can_come_from_metadata() {
    let metadata = "https://as.example/.well-known/oauth-authorization-server";
    let check = |document: Value, changes: Value, expected: Result<(), &str>| {
        let network = Network::new();
        network.json(metadata, document);
        network.json(ENDPOINT, active(changes.clone()));
        let discovery = Arc::new(Discovery::of_issuer(ISSUER, network.outbound()).unwrap());
        let policy = IntrospectionPolicy {
            issuers: IssuerNames::Discovered(Arc::clone(&discovery)),
            ..policy(VerdictLifetime::UntilExpiry)
        };
        let tokens = IntrospectedTokens::new(discovery, network.outbound(), policy);
        let outcome = as_bearer(&resource(tokens), &opaque(), NOW);
        assert_eq!(
            outcome.map(drop).map_err(|refusal| token_error(Err(refusal))),
            expected.map_err(str::to_owned)
        );
    };
    let document = json!({"issuer": ISSUER, "introspection_endpoint": ENDPOINT});
    check(document.clone(), json!({}), Ok(()));
    check(document.clone(), json!({"iss": ISSUER}), Ok(()));
    check(document, json!({"iss": "https://other.example"}), Err("Issuer"));
    check(json!({"issuer": ISSUER}), json!({}), Err("Introspection"));
}

#[test]
fn where_issuers_have_endpoints_of_their_own_the_token_says_whom_to_ask_and_it_must_be_confirmed() {
    let network = Network::new();
    let of = |issuer: &str| {
        let endpoint = format!("{issuer}/introspect").parse::<Uri>().unwrap();
        let issuers = IssuerNames::Listed(vec![issuer.to_owned()]);
        let policy = IntrospectionPolicy { issuers, ..policy(VerdictLifetime::OneRequest) };
        (issuer.to_owned(), IntrospectedTokens::new(endpoint, network.outbound(), policy))
    };
    let (shop, partner) = (Issuer::new("https://shop.example"), Issuer::new("https://partner.example"));
    let resource = resource(AccessTokens::IntrospectedByIssuer(vec![of(&shop.name), of(&partner.name)]));
    network.json("https://shop.example/introspect", active(json!({"iss": shop.name})));
    network.json("https://partner.example/introspect", active(json!({"iss": shop.name})));
    assert!(as_bearer(&resource, &shop.token(json!({})), NOW).is_ok());
    assert_eq!(network.calls("https://partner.example/introspect"), 0);
    let unconfirmed = partner.token(json!({}));
    assert_eq!(token_error(as_bearer(&resource, &unconfirmed, NOW)), "Issuer");
    let stranger = shop.token(json!({"iss": "https://evil.example"}));
    assert_eq!(token_error(as_bearer(&resource, &stranger, NOW)), "Issuer");
    assert_eq!(token_error(as_bearer(&resource, &opaque(), NOW)), "Malformed");
}
