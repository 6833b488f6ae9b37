//! The wire contract of a protected resource: which request gets which status and challenge.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dpop::{AccessTokenHash, MemoryReplayStore, NonceRing, Policy, ProofBuilder};
use http::{HeaderMap, HeaderName, HeaderValue};
use jose::{Algorithm, AlgorithmSet, JwkSet, KeyPair, SymmetricKey, UnixTime, jws};
use oauth::{AccessToken, Scheme};
use resource_server::{
    AccessTokens, ErrorSignaling, JwtTokens, KeySource, Mode, NoncePolicy, OutboundError, ProofPolicy,
    ProtectedRequest, Reason, Refusal, ReplayProtection, RequiredScopes, ScopeMatching, StaticKeys,
    TokenPolicy, TrustedIssuer, Verified, Verifier, VerifierConfig,
};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.example/realms/shop";
const URI: &str = "https://api.example.com/orders?first=0";
const HTU: &str = "https://api.example.com/orders";
const NOW: i64 = 1_800_000_000;

fn tokens(keys: Arc<dyn KeySource>) -> AccessTokens {
    let policy = TokenPolicy {
        audience: vec!["shop".to_owned()],
        algorithms: AlgorithmSet::new([Algorithm::Es256]),
        leeway: Duration::from_secs(10),
    };
    JwtTokens::new([TrustedIssuer::new(ISSUER, keys, policy)]).into()
}

struct Scene {
    issuer: KeyPair,
    client: KeyPair,
    config: VerifierConfig,
}

impl Scene {
    fn new(mode: Mode) -> Self {
        let issuer = KeyPair::generate(Algorithm::Es256).unwrap();
        let mut jwk = issuer.public_jwk().to_json();
        jwk.insert("kid".to_owned(), json!("issuer-key"));
        let keys = JwkSet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
        let config = VerifierConfig {
            tokens: tokens(Arc::new(StaticKeys::new(keys))),
            scopes: RequiredScopes::none(),
            proof: ProofPolicy {
                mode,
                policy: Policy { algorithms: AlgorithmSet::new([Algorithm::Es256]), ..Policy::rfc9449() },
                nonces: None,
                replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(100))),
            },
            error_signaling: ErrorSignaling::default(),
        };
        Self { issuer, client: KeyPair::generate(Algorithm::Es256).unwrap(), config }
    }

    fn with_nonces(mut self) -> Self {
        let key = SymmetricKey::new("nonce-key", vec![9; 32]).unwrap();
        let ring = Arc::new(NonceRing::new(key, []).unwrap());
        self.config.proof.nonces = Some(NoncePolicy { ring, lifetime: Duration::from_secs(60) });
        self
    }

    fn claims(&self) -> Value {
        json!({
            "iss": ISSUER, "aud": "shop", "sub": "alice", "iat": NOW - 5, "exp": NOW + 300, "typ": "DPoP",
            "cnf": {"jkt": self.client.thumbprint().to_string(), "kc-jkt-type": "other members are ignored"},
        })
    }

    fn token(&self, claims: &Value) -> AccessToken {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": "issuer-key"});
        AccessToken::parse(&jws::sign(&header, claims, &self.issuer, Algorithm::Es256).unwrap()).unwrap()
    }

    fn unbound(&self) -> AccessToken {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove("cnf");
        self.token(&claims)
    }

    fn proof(&self, token: &AccessToken) -> String {
        ProofBuilder::new(&self.client, "GET", HTU).access_token(token).sign(now()).unwrap()
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(self.config.clone())
    }

    fn verify(&self, headers: &HeaderMap) -> Result<Verified, Refusal> {
        verify(&self.verifier(), URI, headers)
    }

    fn refused(&self, headers: &HeaderMap) -> (u16, String) {
        answer(&self.verify(headers).unwrap_err())
    }
}

fn verify(verifier: &Verifier, target_uri: &str, headers: &HeaderMap) -> Result<Verified, Refusal> {
    let request = ProtectedRequest { method: "GET", target_uri, headers };
    match pin!(verifier.verify(&request, now())).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn answer(refusal: &Refusal) -> (u16, String) {
    let headers = refusal.headers();
    assert_eq!(headers["cache-control"], "no-store");
    let challenge = headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap());
    (refusal.status().as_u16(), challenge.to_owned())
}

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW)
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn with(scheme: &str, token: &AccessToken, proof: &str) -> HeaderMap {
    headers(&[("authorization", &format!("{scheme} {}", token.as_str())), ("dpop", proof)])
}

fn without_proof(scheme: &str, token: &AccessToken) -> HeaderMap {
    headers(&[("authorization", &format!("{scheme} {}", token.as_str()))])
}

const DPOP_ONLY: &str = r#"DPoP algs="ES256""#;
const BOTH: &str = r#"DPoP algs="ES256", Bearer"#;

#[test]
fn r17_a_proven_token_passes_and_a_copy_of_the_request_does_not() {
    let scene = Scene::new(Mode::Require);
    let token = scene.token(&scene.claims());
    let request = with("DPoP", &token, &scene.proof(&token));
    let verified = scene.verify(&request).unwrap();
    assert_eq!(verified.claims["sub"], "alice");
    assert_eq!(verified.scheme, Scheme::Dpop);
    assert_eq!(verified.thumbprint, Some(scene.client.thumbprint()));
    assert_eq!(verified.fresh_nonce, None);
    assert_eq!(scene.refused(&request), (401, r#"DPoP error="invalid_dpop_proof", algs="ES256""#.to_owned()));
}

#[test]
fn p14_a_proof_alone_gives_no_access() {
    for mode in [Mode::Off, Mode::Observe, Mode::Permit, Mode::Require] {
        let scene = Scene::new(mode);
        let token = scene.token(&scene.claims());
        let refusal = scene.verify(&headers(&[("dpop", &scene.proof(&token))])).unwrap_err();
        assert!(matches!(refusal.reason(), Reason::NoCredentials), "{mode:?}");
        assert_eq!(refusal.status(), 401);
    }
}

#[test]
fn d8_the_scheme_is_compared_without_case() {
    for scheme in ["DPoP", "dpop", "DPOP", "dPoP"] {
        let scene = Scene::new(Mode::Require);
        let token = scene.token(&scene.claims());
        assert!(scene.verify(&with(scheme, &token, &scene.proof(&token))).is_ok(), "{scheme}");
    }
}

#[test]
fn r23_and_r25_without_credentials_the_challenge_has_no_error() {
    for fields in [&[][..], &[("dpop", "x.y.z")], &[("authorization", "Basic YTpi")]] {
        assert_eq!(Scene::new(Mode::Require).refused(&headers(fields)), (401, DPOP_ONLY.to_owned()));
        assert_eq!(Scene::new(Mode::Permit).refused(&headers(fields)), (401, BOTH.to_owned()));
    }
}

#[test]
fn r26_two_authorization_lines_or_two_transports_are_an_invalid_request() {
    let scene = Scene::new(Mode::Permit);
    let token = scene.token(&scene.claims());
    let line = format!("DPoP {}", token.as_str());
    let twice = headers(&[("authorization", &line), ("authorization", &line)]);
    let expected = r#"DPoP error="invalid_request", algs="ES256", Bearer error="invalid_request""#;
    assert_eq!(scene.refused(&twice), (400, expected.to_owned()));
    assert_eq!(scene.refused(&headers(&[("authorization", "DPoP a b")])), (400, expected.to_owned()));
    let with_query = verify(&scene.verifier(), &format!("{URI}&access_token=x"), &with("DPoP", &token, "p"));
    assert_eq!(answer(&with_query.unwrap_err()), (400, expected.to_owned()));
}

#[test]
fn a_missing_or_doubled_proof_is_an_invalid_proof() {
    let scene = Scene::new(Mode::Require);
    let token = scene.token(&scene.claims());
    let expected = (401, r#"DPoP error="invalid_dpop_proof", algs="ES256""#.to_owned());
    assert_eq!(scene.refused(&without_proof("DPoP", &token)), expected);
    let mut doubled = with("DPoP", &token, &scene.proof(&token));
    doubled.append("dpop", HeaderValue::from_str(&scene.proof(&token)).unwrap());
    assert_eq!(scene.refused(&doubled), expected);
}

#[test]
fn d10_a_bound_token_as_bearer_is_refused_in_every_mode() {
    for mode in [Mode::Off, Mode::Observe, Mode::Permit] {
        let scene = Scene::new(mode);
        let token = scene.token(&scene.claims());
        let expected = (401, r#"DPoP algs="ES256", Bearer error="invalid_token""#.to_owned());
        assert_eq!(scene.refused(&without_proof("Bearer", &token)), expected, "{mode:?}");
        assert_eq!(scene.refused(&with("Bearer", &token, &scene.proof(&token))), expected, "{mode:?}");
    }
    let scene = Scene::new(Mode::Require);
    let refusal = scene.verify(&without_proof("Bearer", &scene.token(&scene.claims()))).unwrap_err();
    assert_eq!(answer(&refusal), (401, r#"DPoP error="invalid_token", algs="ES256""#.to_owned()));
    assert!(!refusal.lets_chain_continue());
}

#[test]
fn r21_an_unbound_token_with_the_dpop_scheme_is_refused_in_every_mode() {
    for mode in [Mode::Off, Mode::Observe, Mode::Permit, Mode::Require] {
        let scene = Scene::new(mode);
        let token = scene.unbound();
        let (status, challenge) = scene.refused(&with("DPoP", &token, &scene.proof(&token)));
        assert_eq!(status, 401);
        assert!(challenge.starts_with(r#"DPoP error="invalid_token""#), "{mode:?}: {challenge}");
    }
}

#[test]
fn unbound_bearer_tokens_pass_where_the_mode_permits() {
    for (mode, passes) in
        [(Mode::Off, true), (Mode::Observe, true), (Mode::Permit, true), (Mode::Require, false)]
    {
        let scene = Scene::new(mode);
        let outcome = scene.verify(&without_proof("Bearer", &scene.unbound()));
        assert_eq!(outcome.is_ok(), passes, "{mode:?}");
        match outcome {
            Ok(verified) => assert_eq!(verified.observed.is_some(), mode == Mode::Observe),
            Err(refusal) => assert!(refusal.lets_chain_continue()),
        }
    }
}

#[test]
fn observe_reports_a_bad_proof_and_accepts_it() {
    let scene = Scene::new(Mode::Observe);
    let token = scene.token(&scene.claims());
    let verified = scene.verify(&without_proof("DPoP", &token)).unwrap();
    assert!(matches!(verified.observed, Some(Reason::Proof(_))));
    assert!(scene.verify(&with("DPoP", &token, &scene.proof(&token))).unwrap().observed.is_none());
}

#[test]
fn r15_a_proof_by_another_key_is_an_invalid_token() {
    let (scene, thief) = (Scene::new(Mode::Require), Scene::new(Mode::Require));
    let token = scene.token(&scene.claims());
    let refusal = scene.verify(&with("DPoP", &token, &thief.proof(&token))).unwrap_err();
    assert_eq!(answer(&refusal), (401, r#"DPoP error="invalid_token", algs="ES256""#.to_owned()));
    assert!(!refusal.lets_chain_continue(), "else a stolen token passes as anonymous");
}

#[test]
fn r29_a_demanded_nonce_is_handed_out_and_accepted() {
    let scene = Scene::new(Mode::Require).with_nonces();
    let token = scene.token(&scene.claims());
    let refusal = scene.verify(&with("DPoP", &token, &scene.proof(&token))).unwrap_err();
    assert_eq!(answer(&refusal), (401, r#"DPoP error="use_dpop_nonce", algs="ES256""#.to_owned()));
    let headers = refusal.headers();
    let nonce = headers["dpop-nonce"].to_str().unwrap();
    let proof =
        ProofBuilder::new(&scene.client, "GET", HTU).access_token(&token).nonce(nonce).sign(now()).unwrap();
    assert_eq!(scene.verify(&with("DPoP", &token, &proof)).unwrap().fresh_nonce, None);
}

#[test]
fn r31_an_ageing_nonce_is_replaced_on_success() {
    let scene = Scene::new(Mode::Require).with_nonces();
    let token = scene.token(&scene.claims());
    let ring = &scene.config.proof.nonces.as_ref().unwrap().ring;
    let old = ring.seal(AccessTokenHash::of(&token).as_bytes(), UnixTime::from_seconds(NOW - 40));
    let proof =
        ProofBuilder::new(&scene.client, "GET", HTU).access_token(&token).nonce(&old).sign(now()).unwrap();
    assert!(scene.verify(&with("DPoP", &token, &proof)).unwrap().fresh_nonce.is_some());
}

#[test]
fn r39_issuer_audience_and_times_are_checked() {
    let scene = Scene::new(Mode::Require);
    for (claim, value) in [
        ("iss", json!("https://idp.example/realms/sho")),
        ("iss", json!(null)),
        ("aud", json!("shops")),
        ("aud", json!(["other"])),
        ("exp", json!(NOW - 10)),
        ("exp", json!("tomorrow")),
        ("nbf", json!(NOW + 60)),
        ("iat", json!(NOW + 60)),
        ("typ", json!("Refresh")),
        ("typ", json!("ID")),
        ("cnf", json!(null)),
        ("cnf", json!({})),
        ("cnf", json!({"jkt": 7})),
        ("cnf", json!({"jkt": "short"})),
        ("cnf", json!({"unknown": "method"})),
    ] {
        let mut claims = scene.claims();
        claims[claim] = value.clone();
        let token = scene.token(&claims);
        let (status, challenge) = scene.refused(&with("DPoP", &token, &scene.proof(&token)));
        assert_eq!(
            (status, challenge.as_str()),
            (401, r#"DPoP error="invalid_token", algs="ES256""#),
            "{claim} {value}"
        );
    }
    for (claim, value) in
        [("aud", json!(["other", "shop"])), ("aud", json!("other shop")), ("exp", json!(NOW - 9))]
    {
        let mut claims = scene.claims();
        claims[claim] = value.clone();
        let token = scene.token(&claims);
        assert!(scene.verify(&with("DPoP", &token, &scene.proof(&token))).is_ok(), "{claim} {value}");
    }
}

#[test]
fn d15_a_certificate_beside_the_key_must_verify_as_well() {
    let scene = Scene::new(Mode::Require);
    let mut claims = scene.claims();
    claims["cnf"]["x5t#S256"] = json!("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let token = scene.token(&claims);
    assert!(matches!(
        scene.verify(&with("DPoP", &token, &scene.proof(&token))).unwrap_err().reason(),
        Reason::CertificateNotPresented
    ));
}

#[test]
fn a_token_by_another_key_of_nobody_is_an_invalid_token() {
    let (scene, forger) = (Scene::new(Mode::Require), Scene::new(Mode::Require));
    let forged = forger.token(&scene.claims());
    let refusal = scene.verify(&with("DPoP", &forged, &scene.proof(&forged))).unwrap_err();
    assert_eq!(answer(&refusal), (401, r#"DPoP error="invalid_token", algs="ES256""#.to_owned()));
    assert!(refusal.lets_chain_continue(), "another authenticator may know this issuer");
}

#[test]
fn a_missing_scope_is_forbidden_after_the_proof_was_spent() {
    let mut scene = Scene::new(Mode::Require);
    scene.config.scopes =
        RequiredScopes { matching: ScopeMatching::Exact, values: vec!["orders".into(), "read".into()] };
    scene.config.error_signaling.required_scope = true;
    let token = scene.token(&scene.claims());
    let request = with("DPoP", &token, &scene.proof(&token));
    let expected = r#"DPoP error="insufficient_scope", scope="orders read", algs="ES256""#;
    assert_eq!(scene.refused(&request), (403, expected.to_owned()));
    assert_eq!(scene.refused(&request).0, 401, "the jti stays spent");
}

#[test]
fn a_missing_scope_still_hands_out_a_nonce_that_is_due() {
    let mut scene = Scene::new(Mode::Require).with_nonces();
    scene.config.scopes = RequiredScopes { matching: ScopeMatching::Exact, values: vec!["orders".into()] };
    let token = scene.token(&scene.claims());
    let ring = scene.config.proof.nonces.as_ref().unwrap().ring.clone();
    let refused_with_age = |age: i64| {
        let nonce = ring.seal(AccessTokenHash::of(&token).as_bytes(), UnixTime::from_seconds(NOW - age));
        let proof = ProofBuilder::new(&scene.client, "GET", HTU).access_token(&token).nonce(&nonce);
        let refusal = scene.verify(&with("DPoP", &token, &proof.sign(now()).unwrap())).unwrap_err();
        (refusal.status().as_u16(), refusal.headers().contains_key("dpop-nonce"))
    };
    assert_eq!(refused_with_age(0), (403, false));
    assert_eq!(refused_with_age(40), (403, true));
}

#[test]
fn error_signaling_adds_only_the_extras() {
    let mut scene = Scene::new(Mode::Require);
    scene.config.error_signaling = ErrorSignaling {
        realm: Some("shop".into()),
        error_uri: None,
        description: true,
        required_scope: false,
        resource_metadata: Some("https://api.example.com/metadata".into()),
    };
    let token = scene.token(&scene.claims());
    let expected = r#"DPoP realm="shop", error="invalid_dpop_proof", error_description="DPoP proof is missing", algs="ES256", resource_metadata="https://api.example.com/metadata""#;
    assert_eq!(scene.refused(&without_proof("DPoP", &token)), (401, expected.to_owned()));
}

#[test]
fn d4_a_store_that_can_not_answer_is_a_fault_without_a_challenge() {
    let mut scene = Scene::new(Mode::Require);
    scene.config.proof.replay = ReplayProtection::Store(Arc::new(MemoryReplayStore::new(0)));
    let token = scene.token(&scene.claims());
    let refusal = scene.verify(&with("DPoP", &token, &scene.proof(&token))).unwrap_err();
    assert_eq!(answer(&refusal), (503, String::new()));
    assert_eq!(refusal.headers()["retry-after"], "1");
    assert!(refusal.is_fault() && !refusal.lets_chain_continue());
}

#[test]
fn unreachable_keys_are_a_fault() {
    #[derive(Debug)]
    struct Down;
    impl KeySource for Down {
        fn keys<'a>(&'a self, _: Option<&'a str>, _: UnixTime) -> resource_server::KeysFuture<'a> {
            let error = resource_server::KeySourceError::Outbound(OutboundError::TimedOut);
            Box::pin(std::future::ready(Err(error)))
        }
    }
    let mut scene = Scene::new(Mode::Require);
    scene.config.tokens = tokens(Arc::new(Down));
    let token = scene.token(&scene.claims());
    let refusal = scene.verify(&with("DPoP", &token, &scene.proof(&token))).unwrap_err();
    assert_eq!(answer(&refusal), (503, String::new()));
    assert!(matches!(refusal.reason(), Reason::IssuerUnavailable(_)));
}

#[test]
fn no_secret_shows_in_debug_output() {
    let scene = Scene::new(Mode::Require).with_nonces();
    let token = scene.token(&scene.claims());
    let refusal = scene.verify(&with("DPoP", &token, &scene.proof(&token))).unwrap_err();
    let shown = format!("{:?} {:?}", scene.verifier(), refusal.reason());
    let signature = token.as_str().rsplit('.').next().unwrap();
    assert!(!shown.contains(signature));
}
