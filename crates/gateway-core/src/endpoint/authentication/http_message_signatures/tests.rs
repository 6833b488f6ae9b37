use std::sync::Arc;

use http::Method;
use jose::{JwkThumbprint, KeyPair, PublicJwk};
use serde_json::json;

use super::*;
use crate::document::Place;

const NOW: UnixTime = UnixTime::from_seconds(1_618_884_473);

fn spanned(text: &str) -> Spanned<String> {
    Spanned::new(text.to_owned(), Place::new(Arc::from("f"), 1, 1))
}

fn components(texts: &[&str]) -> Vec<Component> {
    let mut diagnostics = Diagnostics::new();
    let read = texts
        .iter()
        .map(|text| Component::read(&spanned(text), &KeyPath::configuration(), &mut diagnostics).unwrap());
    read.collect()
}

fn signer(key: KeyPair, texts: &[&str]) -> MessageSignatures {
    let key = SigningKey { id: "test-key".into(), key: Arc::new(key), certificates: Vec::new() };
    MessageSignatures {
        algorithm: SignatureAlgorithm::of(&key.key).unwrap(),
        key,
        published: Vec::new(),
        components: components(texts),
        ttl: Duration::from_secs(60),
        label: "sig".into(),
        tag: "heimdall".into(),
    }
}

/// The request of RFC 9421 §B.2.
fn request() -> Request<Bytes> {
    let mut request = Request::new(Bytes::from_static(b"{\"hello\": \"world\"}"));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "https://Example.com:443/foo?param=Value&Pet=dog".parse().unwrap();
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    request.headers_mut().append("x-two", HeaderValue::from_static(" a "));
    request.headers_mut().append("x-two", HeaderValue::from_static("b"));
    request
}

#[track_caller]
fn check(component: &str, expected: Result<&str, &str>) {
    let component = components(&[component]).remove(0);
    let value = component.value(&request());
    assert_eq!(value.as_deref().map_err(String::as_str), expected, "{component:?}");
}

#[test]
fn derives_components_as_the_rfc_says() {
    check("@method", Ok("POST"));
    check("@authority", Ok("example.com"));
    check("@scheme", Ok("https"));
    check("@path", Ok("/foo"));
    check("@query", Ok("?param=Value&Pet=dog"));
    check("@request-target", Ok("/foo?param=Value&Pet=dog"));
    check("@query-param;name=\"Pet\"", Ok("dog"));
    check("@query-param;name=\"pet\"", Err("it has no query parameter `pet`"));
    check("Content-Type", Ok("application/json"));
    check("x-two", Ok("a, b"));
    check("x-none", Err("it has no header `x-none`"));
}

#[test]
fn query_parameters_are_escaped_anew() {
    // The example of §2.2.8.
    let mut request = request();
    *request.uri_mut() =
        "https://www.example.com/parameters?var=this%20is%20a%20big%0Avalue&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&q=1&q=2"
            .parse()
            .unwrap();
    let value = |text: &str| components(&[text]).remove(0).value(&request);
    assert_eq!(value("@query-param;name=\"var\"").unwrap(), "this%20is%20a%20big%0Avalue");
    assert_eq!(value("@query-param;name=\"bar\"").unwrap(), "with%20plus%20whitespace");
    assert_eq!(value("@query-param;name=\"fa%C3%A7ade%22%3A%20\"").unwrap(), "something");
    assert!(value("@query-param;name=\"q\"").is_err());
    let identifier = components(&["@query-param;name=\"fa%C3%A7ade%22%3A%20\""]).remove(0).identifier();
    assert_eq!(identifier, "\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\"");
}

#[test]
fn unknown_components_are_refused() {
    for text in ["@methd", "@status", "@query-param", "@query-param;name=\"\"", "a b", ""] {
        let mut diagnostics = Diagnostics::new();
        assert!(Component::read(&spanned(text), &KeyPath::configuration(), &mut diagnostics).is_none());
        assert_eq!(diagnostics.errors().next().unwrap().code, Code::NotOneOf, "{text}");
    }
}

/// §B.1.4 and §B.2.6: the published key, base and signature of Ed25519, which is deterministic.
#[test]
fn signs_what_the_rfc_signs() {
    let key = KeyPair::from_jwk(
        json!({
            "kty": "OKP", "crv": "Ed25519",
            "d": "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU",
            "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
        })
        .as_object()
        .unwrap(),
    )
    .unwrap();
    let signer = signer(key, &["date", "@method", "@path", "@authority", "content-type", "content-length"]);
    let mut request = request();
    request.headers_mut().insert("date", HeaderValue::from_static("Tue, 20 Apr 2021 02:07:55 GMT"));
    request.headers_mut().insert("content-length", HeaderValue::from_static("18"));
    let parameters = "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
                      ;created=1618884473;keyid=\"test-key-ed25519\"";
    let base = signer.signature_base(&request, parameters).unwrap();
    let signature = signer.key.key.sign_with(signer.algorithm.jose, base.as_bytes()).unwrap();
    assert_eq!(
        STANDARD.encode(signature),
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    );
}

#[test]
fn every_kind_of_key_signs_with_its_registered_algorithm() {
    for (generated, expected) in [
        (Algorithm::Es256, Some("ecdsa-p256-sha256")),
        (Algorithm::Es384, Some("ecdsa-p384-sha384")),
        (Algorithm::Ed25519, Some("ed25519")),
        (Algorithm::Ps256, Some("rsa-pss-sha512")),
        (Algorithm::Es512, None),
    ] {
        let key = KeyPair::generate(generated).unwrap();
        assert_eq!(SignatureAlgorithm::of(&key).map(|algorithm| algorithm.name), expected);
    }
}

#[test]
fn a_signature_covers_the_body_and_says_who_signed_until_when() {
    let key = KeyPair::generate(Algorithm::Es256).unwrap();
    let public: PublicJwk = key.public_jwk().clone();
    let signer = signer(key, &["@method", "@target-uri", "content-digest"]);
    let mut request = request();
    signer.apply(&mut request, NOW).unwrap();
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    // §B.2 has this digest of the same body as an example of RFC 9530.
    assert_eq!(header("content-digest"), "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
    let input = header("signature-input");
    let parameters = input.strip_prefix("sig=").unwrap();
    assert!(
        parameters.starts_with(
            "(\"@method\" \"@target-uri\" \"content-digest\");created=1618884473;expires=1618884533;nonce=\""
        ),
        "{input}"
    );
    assert!(
        parameters.ends_with(";alg=\"ecdsa-p256-sha256\";keyid=\"test-key\";tag=\"heimdall\""),
        "{input}"
    );
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": https://Example.com:443/foo?param=Value&Pet=dog\n\
         \"content-digest\": {}\n\"@signature-params\": {parameters}",
        header("content-digest")
    );
    let signature = header("signature");
    let signature =
        STANDARD.decode(signature.strip_prefix("sig=:").unwrap().strip_suffix(':').unwrap()).unwrap();
    assert!(public.verify(Algorithm::Es256, base.as_bytes(), &signature).is_ok());
    assert_eq!(public.thumbprint(), JwkThumbprint::clone(&signer.key.key.thumbprint()));
    let mut twice = request.clone();
    signer.apply(&mut twice, NOW).unwrap();
    assert_ne!(header("signature-input"), twice.headers()["signature-input"], "each has a nonce of its own");
}

#[test]
fn what_can_not_be_covered_is_not_sent() {
    let signer = signer(KeyPair::generate(Algorithm::Es256).unwrap(), &["x-none"]);
    assert!(matches!(signer.apply(&mut request(), NOW), Err(OutboundError::NoCredentials(_))));
}
