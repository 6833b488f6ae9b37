//! One test for each item P (proof format) and each section 4.3 item R of the requirements; the name carries the id.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dpop::{
    AccessTokenHash, ClaimError, Htu, MemoryReplayStore, NonceCheck, NonceRing, Policy, ProofBuilder,
    ProofError, ResourceRequest, TokenRequest, UnverifiedProof, fresh_jti, is_nonce_syntax,
    verify_resource_request, verify_token_request,
};
use http::{HeaderMap, HeaderValue};
use jose::{Algorithm, AlgorithmSet, KeyPair, SymmetricKey, UnixTime, base64url, jws};
use oauth::{AccessToken, ErrorCode};
use serde_json::{Value, json};

const URI: &str = "https://api.example.com/orders";
const NOW: i64 = 1_800_000_000;

/// A key, a token and a request that fit together; each test spoils one thing.
struct Scene {
    key: KeyPair,
    token: AccessToken,
    policy: Policy,
    method: &'static str,
    uri: &'static str,
    ring: Option<NonceRing>,
}

impl Scene {
    fn new() -> Self {
        Self {
            key: KeyPair::generate(Algorithm::Es256).unwrap(),
            token: AccessToken::parse("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU").unwrap(),
            policy: Policy::rfc9449(),
            method: "GET",
            uri: URI,
            ring: None,
        }
    }

    fn header(&self) -> Value {
        json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.public_jwk().to_json()})
    }

    fn claims(&self) -> Value {
        let ath = AccessTokenHash::of(&self.token).to_string();
        json!({"jti": fresh_jti(), "htm": "GET", "htu": URI, "iat": NOW, "ath": ath})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        jws::sign(header, claims, &self.key, Algorithm::Es256).unwrap()
    }

    fn with_header(&self, name: &str, value: Value) -> Result<(), ProofError> {
        let mut header = self.header();
        header[name] = value;
        self.check(&self.sign(&header, &self.claims()))
    }

    fn with_claim(&self, name: &str, value: Value) -> Result<(), ProofError> {
        let mut claims = self.claims();
        claims[name] = value;
        self.check(&self.sign(&self.header(), &claims))
    }

    fn without_claim(&self, name: &str) -> Result<(), ProofError> {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(name);
        self.check(&self.sign(&self.header(), &claims))
    }

    fn check(&self, proof: &str) -> Result<(), ProofError> {
        self.check_headers(&headers(&[proof]))
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), ProofError> {
        self.verify(headers).map(drop)
    }

    fn verify(&self, headers: &HeaderMap) -> Result<dpop::CheckedProof, ProofError> {
        let proof = UnverifiedProof::from_headers(headers, &self.policy)?;
        let hash = AccessTokenHash::of(&self.token);
        let request = ResourceRequest {
            method: self.method,
            htu: &Htu::parse(self.uri).unwrap(),
            access_token_hash: &hash,
            bound_to: &self.key.thumbprint(),
            nonce: match &self.ring {
                Some(ring) => {
                    NonceCheck::Required { ring, binding: hash.as_bytes(), lifetime: Duration::from_secs(60) }
                }
                None => NonceCheck::NotRequired,
            },
        };
        verify_resource_request(proof, &request, &self.policy, now())
    }
}

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW)
}

fn headers(proofs: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for proof in proofs {
        headers.append("dpop", HeaderValue::from_str(proof).unwrap());
    }
    headers
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the memory store answers at once"),
    }
}

fn ring() -> NonceRing {
    NonceRing::new(SymmetricKey::new("nonce-key".to_owned(), vec![7; 32]).unwrap(), []).unwrap()
}

macro_rules! refuses {
    ($result:expr, $variant:pat) => {
        let result = $result;
        assert!(matches!(result, Err($variant)), "{result:?}");
    };
}

#[test]
fn p1_field_name_is_case_insensitive_and_value_is_not() {
    let scene = Scene::new();
    let proof = scene.sign(&scene.header(), &scene.claims());
    let mut headers = HeaderMap::new();
    headers.insert(http::HeaderName::from_bytes(b"DPOP").unwrap(), proof.parse().unwrap());
    assert!(scene.check_headers(&headers).is_ok());
    assert!(scene.check(&proof.to_uppercase()).is_err());
}

#[test]
fn p2_value_uses_only_the_characters_of_a_compact_jws() {
    let scene = Scene::new();
    let proof = scene.sign(&scene.header(), &scene.claims());
    assert!(proof.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
    refuses!(scene.check(&proof.replace('.', ",")), ProofError::Malformed(_));
    refuses!(scene.check(&format!("{proof} ")), ProofError::Malformed(_));
}

#[test]
fn p3_and_r4_typ_is_dpop_jwt() {
    let scene = Scene::new();
    for typ in [json!("JWT"), json!("DPoP+jwt"), json!("application/dpop+jwt"), json!(1), Value::Null] {
        refuses!(scene.with_header("typ", typ), ProofError::Type);
    }
    let lenient = Scene { policy: Policy { typ_lenient: true, ..Policy::rfc9449() }, ..Scene::new() };
    assert!(lenient.with_header("typ", json!("application/DPoP+JWT")).is_ok());
    refuses!(lenient.with_header("typ", json!("application/jwt")), ProofError::Type);
}

#[test]
fn p4_and_r5_alg_is_asymmetric_registered_and_allowed() {
    let scene = Scene::new();
    for alg in ["none", "NONE", "HS256", "es256", "ECDH-ES", "RS1", ""] {
        refuses!(scene.with_header("alg", json!(alg)), ProofError::Algorithm);
    }
    refuses!(scene.with_header("alg", json!(256)), ProofError::Algorithm);
    refuses!(scene.with_header("alg", json!("ES512")), ProofError::AlgorithmNotAllowed(Algorithm::Es512));
    refuses!(scene.with_header("alg", json!("Ed25519")), ProofError::KeyForOtherAlgorithm);
}

#[test]
fn p5_and_r7_jwk_holds_no_private_part() {
    let scene = Scene::new();
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        let mut jwk = scene.key.public_jwk().to_json();
        jwk.insert(member.to_owned(), Value::Null);
        refuses!(scene.with_header("jwk", Value::Object(jwk)), ProofError::Key(_));
    }
    refuses!(scene.with_header("jwk", json!({"kty": "oct", "k": "c2VjcmV0"})), ProofError::Key(_));
    refuses!(scene.with_header("jwk", json!([])), ProofError::KeyMissing);
}

#[test]
fn p6_jti_has_at_least_96_random_bits() {
    let (one, two) = (fresh_jti(), fresh_jti());
    assert_ne!(one, two);
    assert!(base64url::decode(&one).unwrap().len() >= 12);
}

#[test]
fn p7_and_r8_htm_is_the_method_byte_for_byte() {
    let scene = Scene::new();
    for htm in ["POST", "get", "GET "] {
        refuses!(scene.with_claim("htm", json!(htm)), ProofError::Method);
    }
    assert!(scene.with_claim("htm", json!("GET")).is_ok());
}

#[test]
fn p8_htu_of_a_made_proof_has_no_query_and_no_fragment() {
    let htu = Htu::parse("https://API.example.com:443/orders?first=0#top").unwrap();
    assert_eq!(htu.to_string(), "https://api.example.com/orders");
}

#[test]
fn r9_htu_is_the_target_with_query_and_fragment_ignored() {
    let scene = Scene { uri: "https://api.example.com/orders?x=1", ..Scene::new() };
    assert!(scene.with_claim("htu", json!("https://api.example.com/orders")).is_ok());
    assert!(scene.with_claim("htu", json!("https://api.example.com/orders?y=2#z")).is_ok());
    for other in
        ["https://api.example.com/other", "http://api.example.com/orders", "/orders", "https://evil/orders"]
    {
        refuses!(scene.with_claim("htu", json!(other)), ProofError::Target);
    }
    let strict = Scene { policy: Policy { strict_htu: true, ..Policy::rfc9449() }, ..Scene::new() };
    refuses!(strict.with_claim("htu", json!("https://api.example.com/orders?")), ProofError::Target);
}

#[test]
fn r10_htu_is_compared_in_rfc_3986_normal_form() {
    let scene = Scene::new();
    assert!(scene.with_claim("htu", json!("HTTPS://API.EXAMPLE.COM:443/a/../%6Frders")).is_ok());
    for significant in ["https://api.example.com/orders/", "https://api.example.com//orders"] {
        refuses!(scene.with_claim("htu", json!(significant)), ProofError::Target);
    }
}

#[test]
fn p9_iat_is_a_numeric_date() {
    let scene = Scene::new();
    assert!(scene.with_claim("iat", json!(NOW as f64 + 0.5)).is_ok());
    for iat in [json!("1800000000"), json!(true), Value::Null, json!([NOW])] {
        refuses!(scene.with_claim("iat", iat), ProofError::BadClaim("iat"));
    }
}

#[test]
fn p10_and_r14_ath_is_the_hash_of_the_presented_token() {
    let scene = Scene::new();
    refuses!(scene.without_claim("ath"), ProofError::MissingClaim("ath"));
    let other = AccessToken::parse("another-token").unwrap();
    refuses!(
        scene.with_claim("ath", json!(AccessTokenHash::of(&other).to_string())),
        ProofError::AccessTokenHash
    );
    refuses!(scene.with_claim("ath", json!("abc=")), ProofError::BadClaim("ath"));
}

#[test]
fn p11_and_r11_a_demanded_nonce_is_one_of_ours() {
    let scene = Scene { ring: Some(ring()), ..Scene::new() };
    let binding = *AccessTokenHash::of(&scene.token).as_bytes();
    let at = |seconds: i64| ring().seal(&binding, UnixTime::from_seconds(NOW - seconds));
    refuses!(scene.without_claim("nonce"), ProofError::NonceMissing);
    refuses!(scene.with_claim("nonce", json!("made up")), ProofError::Nonce(_));
    refuses!(scene.with_claim("nonce", json!(at(61))), ProofError::Nonce(_));
    refuses!(scene.with_claim("nonce", json!(ring().seal(&[1; 32], now()))), ProofError::Nonce(_));
    refuses!(scene.with_claim("nonce", json!(7)), ProofError::BadClaim("nonce"));
    assert!(scene.with_claim("nonce", json!(at(0))).is_ok());
    assert!(scene.with_claim("nonce", json!(at(60))).is_ok());
    assert_eq!(scene.without_claim("nonce").unwrap_err().error_code(), ErrorCode::UseDpopNonce);
}

#[test]
fn a_nonce_in_the_second_half_of_its_life_is_due_for_refresh() {
    let scene = Scene { ring: Some(ring()), ..Scene::new() };
    let binding = *AccessTokenHash::of(&scene.token).as_bytes();
    let due = |age: i64| {
        let nonce = ring().seal(&binding, UnixTime::from_seconds(NOW - age));
        let proof = ProofBuilder::new(&scene.key, "GET", URI).access_token(&scene.token).nonce(&nonce);
        let checked = scene.verify(&headers(&[&proof.sign(now()).unwrap()])).unwrap();
        checked.accept_replays().nonce_refresh_due()
    };
    assert!(!due(29));
    assert!(due(30));
}

#[test]
fn p12_unknown_parameters_and_claims_are_ignored_but_not_crit() {
    let scene = Scene::new();
    assert!(scene.with_header("kid", json!("x")).is_ok());
    assert!(scene.with_header("jku", json!("https://evil.example/keys")).is_ok());
    assert!(scene.with_claim("sub", json!({"any": ["thing"]})).is_ok());
    for name in ["crit", "b64", "zip"] {
        refuses!(scene.with_header(name, json!(["exp"])), ProofError::UnsupportedHeader(_));
    }
}

#[test]
fn p13_every_proof_is_another() {
    let scene = Scene::new();
    let sign = || ProofBuilder::new(&scene.key, "GET", URI).sign(now()).unwrap();
    assert_ne!(sign(), sign());
}

#[test]
fn r1_two_dpop_headers_are_refused_even_equal_ones() {
    let scene = Scene::new();
    let proof = scene.sign(&scene.header(), &scene.claims());
    refuses!(scene.check_headers(&HeaderMap::new()), ProofError::Missing);
    refuses!(scene.check_headers(&headers(&[&proof, &proof])), ProofError::Multiple);
    refuses!(scene.check_headers(&headers(&[&proof, ""])), ProofError::Multiple);
    refuses!(scene.check(&format!("{proof}, {proof}")), ProofError::Malformed(_));
}

#[test]
fn r2_the_value_is_one_well_formed_compact_jws() {
    let scene = Scene::new();
    let proof = scene.sign(&scene.header(), &scene.claims());
    for broken in [
        String::new(),
        "..".into(),
        "a.b".into(),
        format!("{proof}.x"),
        format!("{proof}="),
        proof.replace('.', ""),
    ] {
        refuses!(scene.check(&broken), ProofError::Malformed(_));
    }
    let not_an_object =
        format!("{}.{}.{}", base64url::encode("[]"), base64url::encode("{}"), base64url::encode("x"));
    refuses!(scene.check(&not_an_object), ProofError::Json(_));
    let limited = Scene { policy: Policy { max_proof_bytes: 100, ..Policy::rfc9449() }, ..Scene::new() };
    refuses!(limited.check(&proof), ProofError::TooLarge { max_bytes: 100 });
}

#[test]
fn r3_all_required_claims_are_there_with_the_right_type() {
    let scene = Scene::new();
    for name in ["jti", "htm", "htu", "iat"] {
        refuses!(scene.without_claim(name), ProofError::MissingClaim(_));
        refuses!(scene.with_claim(name, json!({})), ProofError::BadClaim(_));
        refuses!(scene.with_claim(name, Value::Null), ProofError::BadClaim(_));
    }
    for blank in ["", " ", "\t"] {
        refuses!(scene.with_claim("jti", json!(blank)), ProofError::BadClaim("jti"));
    }
    refuses!(scene.with_claim("jti", json!("x".repeat(513))), ProofError::ClaimTooLong("jti"));
}

#[test]
fn r6_the_signature_verifies_with_the_jwk_and_nothing_else() {
    let scene = Scene::new();
    let other = KeyPair::generate(Algorithm::Es256).unwrap();
    let signed_by_other = jws::sign(&scene.header(), &scene.claims(), &other, Algorithm::Es256).unwrap();
    refuses!(scene.check(&signed_by_other), ProofError::Signature);
}

#[test]
fn r12_age_is_bounded_on_both_sides() {
    let scene = Scene::new();
    assert!(scene.with_claim("iat", json!(NOW - 60)).is_ok());
    refuses!(scene.with_claim("iat", json!(NOW - 61)), ProofError::TooOld);
    refuses!(scene.with_claim("iat", json!(i64::MIN)), ProofError::TooOld);
    refuses!(scene.with_claim("iat", json!(u64::MAX)), ProofError::IssuedInFuture);
    refuses!(scene.with_claim("exp", json!(NOW - 10)), ProofError::Expired);
    refuses!(scene.with_claim("nbf", json!(NOW + 11)), ProofError::NotYetValid);
}

#[test]
fn r12_a_nonce_can_replace_the_clients_clock() {
    let policy = Policy { nonce_replaces_iat: true, ..Policy::rfc9449() };
    let scene = Scene { ring: Some(ring()), policy, ..Scene::new() };
    let binding = *AccessTokenHash::of(&scene.token).as_bytes();
    let mut claims = scene.claims();
    claims["iat"] = json!(NOW - 86_400);
    claims["nonce"] = json!(ring().seal(&binding, now()));
    let checked = scene.verify(&headers(&[&scene.sign(&scene.header(), &claims)])).unwrap();
    assert_eq!(checked.expires_at(), UnixTime::from_seconds(NOW + 60 + 10 + 1));
}

#[test]
fn r13_a_clock_a_little_ahead_is_accepted() {
    let scene = Scene::new();
    assert!(scene.with_claim("iat", json!(NOW + 10)).is_ok());
    refuses!(scene.with_claim("iat", json!(NOW + 11)), ProofError::IssuedInFuture);
    refuses!(scene.with_claim("iat", json!(NOW + 60)), ProofError::IssuedInFuture);
}

#[test]
fn r15_another_key_than_the_bound_one_is_an_invalid_token() {
    let (scene, thief) = (Scene::new(), Scene::new());
    let stolen = thief.sign(&thief.header(), &scene.claims());
    let refused = scene.check(&stolen).unwrap_err();
    assert!(matches!(refused, ProofError::KeyNotBound));
    assert_eq!(refused.error_code(), ErrorCode::InvalidToken);
}

#[test]
fn r16_the_order_of_checks_is_fixed() {
    let scene = Scene { ring: Some(ring()), ..Scene::new() };
    let other = KeyPair::generate(Algorithm::Es256).unwrap();
    // A bad signature together with a missing nonce: the nonce comes first.
    let bad_signature = jws::sign(&scene.header(), &scene.claims(), &other, Algorithm::Es256).unwrap();
    refuses!(scene.check(&bad_signature), ProofError::NonceMissing);
    // The wrong key together with a missing nonce: the key comes first.
    let thief = Scene::new();
    refuses!(scene.check(&thief.sign(&thief.header(), &scene.claims())), ProofError::KeyNotBound);
}

#[test]
fn r30_nonces_are_unpredictable_and_of_the_right_syntax() {
    let (one, two) = (ring().seal(&[0; 32], now()), ring().seal(&[0; 32], now()));
    assert_ne!(one, two);
    assert!(is_nonce_syntax(&one));
    assert!(
        !is_nonce_syntax("")
            && !is_nonce_syntax("a b")
            && !is_nonce_syntax("a\"b")
            && !is_nonce_syntax("a\\b")
    );
}

#[test]
fn r35_a_proof_is_used_once() {
    let scene = Scene::new();
    let store = MemoryReplayStore::new(10);
    let claim = |proof: &str| {
        let checked = scene.verify(&headers(&[proof])).unwrap();
        ready(checked.claim(&store, now())).map(drop)
    };
    let proof = scene.sign(&scene.header(), &scene.claims());
    assert_eq!(claim(&proof), Ok(()));
    assert_eq!(claim(&proof), Err(ClaimError::Replayed));
    // The same jti with a later iat is the same proof as far as replay goes (D3).
    let mut claims = scene.claims();
    claims["jti"] = json!("fixed");
    assert_eq!(claim(&scene.sign(&scene.header(), &claims)), Ok(()));
    claims["iat"] = json!(NOW + 5);
    assert_eq!(claim(&scene.sign(&scene.header(), &claims)), Err(ClaimError::Replayed));
}

/// A proof that could have been used before the process began to remember, in the second of its start included, may have been.
#[test]
fn r35_a_store_that_forgets_refuses_what_it_may_have_forgotten() {
    let with_nonces = Scene { ring: Some(ring()), ..Scene::new() };
    let mut with_nonce = with_nonces.claims();
    let binding = AccessTokenHash::of(&with_nonces.token);
    with_nonce["nonce"] = json!(ring().seal(binding.as_bytes(), now()));
    let without = Scene::new();
    let skew = i64::try_from(without.policy.clock_skew.as_secs()).unwrap();
    for (scene, claims, usable_since) in
        [(&with_nonces, with_nonce, NOW), (&without, without.claims(), NOW - skew)]
    {
        for (start, expected) in [
            (usable_since - 1, Ok(())),
            (usable_since, Err(ClaimError::Replayed)),
            (usable_since + 1, Err(ClaimError::Replayed)),
        ] {
            let store = MemoryReplayStore::new(10).refusing_what_is_older_than(UnixTime::from_seconds(start));
            let checked = scene.verify(&headers(&[&scene.sign(&scene.header(), &claims)])).unwrap();
            assert_eq!(ready(checked.claim(&store, now())).map(drop), expected, "{}", start - usable_since);
        }
    }
}

#[test]
fn r36_the_store_remembers_as_long_as_the_proof_could_pass() {
    let scene = Scene::new();
    let mut claims = scene.claims();
    claims["iat"] = json!(NOW - 20);
    let checked = scene.verify(&headers(&[&scene.sign(&scene.header(), &claims)])).unwrap();
    assert_eq!(checked.expires_at(), UnixTime::from_seconds(NOW - 20 + 60 + 10 + 1));
}

#[test]
fn a_full_store_is_unavailable_and_lets_nothing_pass() {
    let scene = Scene::new();
    let checked = scene.verify(&headers(&[&scene.sign(&scene.header(), &scene.claims())])).unwrap();
    let outcome = ready(checked.claim(&MemoryReplayStore::new(0), now())).map(drop);
    assert_eq!(outcome, Err(ClaimError::Unavailable));
}

#[test]
fn every_algorithm_makes_and_verifies_proofs() {
    use Algorithm::{Ed25519, EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    let rsa = KeyPair::generate(Ps256).unwrap();
    for algorithm in [Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512, EdDsa, Ed25519] {
        let generated;
        let key = match algorithm {
            Ps256 | Ps384 | Ps512 | Rs256 | Rs384 | Rs512 => &rsa,
            Es256 | Es384 | Es512 | EdDsa | Ed25519 => {
                generated = KeyPair::generate(algorithm).unwrap();
                &generated
            }
        };
        let policy = Policy { algorithms: AlgorithmSet::new([algorithm]), ..Policy::rfc9449() };
        let proof = ProofBuilder::new(key, "POST", URI).algorithm(algorithm).sign(now()).unwrap();
        let request =
            TokenRequest { method: "POST", htu: &Htu::parse(URI).unwrap(), nonce: NonceCheck::NotRequired };
        let unverified = UnverifiedProof::parse(&proof, &policy).unwrap();
        let checked = verify_token_request(unverified, &request, &policy, now()).unwrap();
        assert_eq!(*checked.thumbprint(), key.thumbprint(), "{algorithm}");
    }
}
