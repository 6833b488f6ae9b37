use jose::JwkSet;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData as _, SignatureAlgorithm,
    date_time_ymd,
};
use serde_json::{Value, json};

use super::*;

/// Noon of 2030-01-01.
const NOW: i64 = 1_893_499_200;

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2029, 1, 1), date_time_ymd(2031, 1, 1));
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn signing(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

fn key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}

/// The key as its issuer publishes it, with this chain.
fn published(key: &KeyPair, chain: &[&[u8]]) -> IssuerKey {
    let raw = key.der_bytes();
    let text = |bytes: &[u8]| base64url::encode(bytes);
    let mut jwk = if key.is_compatible(&PKCS_ECDSA_P256_SHA256) {
        json!({"kty": "EC", "crv": "P-256", "x": text(&raw[1..33]), "y": text(&raw[33..])})
    } else if key.is_compatible(&PKCS_ED25519) {
        json!({"kty": "OKP", "crv": "Ed25519", "x": text(raw)})
    } else {
        // RSAPublicKey of 2048 bits: a SEQUENCE of two INTEGERs, the first with a zero in front.
        json!({"kty": "RSA", "n": text(&raw[9..265]), "e": text(&raw[267..])})
    };
    use base64::Engine as _;
    let chain: Vec<Value> =
        chain.iter().map(|der| base64::engine::general_purpose::STANDARD.encode(der).into()).collect();
    jwk["x5c"] = chain.into();
    let set = JwkSet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    set.keys()[0].clone()
}

fn judge(key: &IssuerKey, anchors: &[&[u8]], now: i64) -> Result<i64, String> {
    let anchors: Vec<Vec<u8>> = anchors.iter().map(|der| der.to_vec()).collect();
    let check = TlsTrust::default().check(Some(&anchors)).unwrap();
    let verdict = check.check(key, UnixTime::from_seconds(now));
    verdict.map(UnixTime::as_seconds).map_err(|error| error.0)
}

#[track_caller]
fn refused(key: &IssuerKey, anchors: &[&[u8]], expected: &str) {
    let error = judge(key, anchors, NOW).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

/// An authority, one below it, and what the latter signs.
struct Chain {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    leaf: Vec<u8>,
    key: KeyPair,
}

fn chain(algorithm: &'static SignatureAlgorithm, leaf: CertificateParams) -> Chain {
    let (root_key, intermediate_key) = (key(&PKCS_ECDSA_P256_SHA256), key(&PKCS_ECDSA_P256_SHA256));
    let (root, intermediate) = (authority("root"), authority("intermediate"));
    let root_certificate = root.self_signed(&root_key).unwrap();
    let root = Issuer::new(root, root_key);
    let intermediate_certificate = intermediate.signed_by(&intermediate_key, &root).unwrap();
    let intermediate = Issuer::new(intermediate, intermediate_key);
    let key = key(algorithm);
    let leaf = leaf.signed_by(&key, &intermediate).unwrap();
    Chain {
        root: root_certificate.der().to_vec(),
        intermediate: intermediate_certificate.der().to_vec(),
        leaf: leaf.der().to_vec(),
        key,
    }
}

#[test]
fn a_chain_to_a_trusted_certificate_is_accepted_until_it_ends() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519, &PKCS_RSA_SHA256] {
        let chain = chain(algorithm, signing("issuer"));
        let key = published(&chain.key, &[&chain.leaf, &chain.intermediate]);
        let end = date_time_ymd(2031, 1, 1).unix_timestamp() + 1;
        assert_eq!(judge(&key, &[&chain.root], NOW), Ok(end));
        assert_eq!(judge(&key, &[&chain.intermediate], NOW), Ok(end));
        assert!(judge(&key, &[&chain.root], end).is_err());
        assert!(judge(&key, &[&chain.root], date_time_ymd(2028, 12, 31).unix_timestamp()).is_err());
    }
}

#[test]
fn the_shortest_life_in_the_chain_counts() {
    let mut leaf = signing("issuer");
    leaf.not_after = date_time_ymd(2030, 6, 1);
    let chain = chain(&PKCS_ECDSA_P256_SHA256, leaf);
    let key = published(&chain.key, &[&chain.leaf, &chain.intermediate]);
    assert_eq!(judge(&key, &[&chain.root], NOW), Ok(date_time_ymd(2030, 6, 1).unix_timestamp() + 1));
}

#[test]
fn a_chain_to_nobody_is_refused() {
    let trusted = chain(&PKCS_ECDSA_P256_SHA256, signing("issuer"));
    let other = chain(&PKCS_ECDSA_P256_SHA256, signing("issuer"));
    let whole = published(&trusted.key, &[&trusted.leaf, &trusted.intermediate]);
    refused(&whole, &[&other.root], "no trusted certificate");
    refused(&published(&trusted.key, &[&trusted.leaf]), &[&trusted.root], "no trusted certificate");
    refused(&whole, &[], "no trusted certificate");
}

#[test]
fn the_certificate_must_be_that_of_the_key_and_allow_signatures() {
    let one = chain(&PKCS_ECDSA_P256_SHA256, signing("issuer"));
    let other = key(&PKCS_ECDSA_P256_SHA256);
    refused(&published(&other, &[&one.leaf, &one.intermediate]), &[&one.root], "another key");
    refused(&published(&key(&PKCS_ED25519), &[&one.leaf, &one.intermediate]), &[&one.root], "another key");
    let silent = chain(&PKCS_ECDSA_P256_SHA256, params("issuer"));
    let key = published(&silent.key, &[&silent.leaf, &silent.intermediate]);
    refused(&key, &[&silent.root], "digital signatures");
    let mut encryption = params("issuer");
    encryption.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    let encryption = chain(&PKCS_ECDSA_P256_SHA256, encryption);
    let key = published(&encryption.key, &[&encryption.leaf, &encryption.intermediate]);
    refused(&key, &[&encryption.root], "digital signatures");
    refused(&key, &[&encryption.leaf], "digital signatures");
}

#[test]
fn a_self_signed_certificate_needs_to_be_listed_and_the_message_says_so() {
    let key = key(&PKCS_RSA_SHA256);
    // As Keycloak makes them: no extensions at all.
    let certificate = params("shop").self_signed(&key).unwrap();
    let other = chain(&PKCS_ECDSA_P256_SHA256, signing("issuer"));
    let published = published(&key, &[certificate.der()]);
    refused(&published, &[&other.root], "Keycloak");
    refused(&published, &[&other.root], "`validate_jwk: false`");
    assert!(judge(&published, &[certificate.der()], NOW).is_ok());
}

#[test]
fn what_is_no_certificate_is_refused() {
    let one = chain(&PKCS_ECDSA_P256_SHA256, signing("issuer"));
    refused(&published(&one.key, &[&[0x30, 0]]), &[&one.root], "can not be read");
    refused(&published(&one.key, &[&one.leaf, &[0x30, 0]]), &[&one.root], "can not be read");
    let long: Vec<&[u8]> = std::iter::repeat_n(&*one.leaf, 11).collect();
    refused(&published(&one.key, &long), &[&one.root], "more than 10");
    assert!(TlsTrust::default().check(Some(&[vec![0x30, 0]])).is_err());
}
