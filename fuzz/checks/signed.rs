//! Lets a case stand behind a good signature: without, nothing behind the signature check would ever be reached.

use std::sync::OnceLock;

use jose::{Algorithm, KeyPair, PublicJwk, base64url, json};

/// The published test key of RFC 8037, appendix A.1.
const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
/// Its public part.
const PUBLIC: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// The key that [`compact`] signs with.
pub(crate) fn key() -> &'static PublicJwk {
    pair().public_jwk()
}

fn pair() -> &'static KeyPair {
    static PAIR: OnceLock<KeyPair> = OnceLock::new();
    PAIR.get_or_init(|| KeyPair::from_jwk(&json::parse_object(PRIVATE.as_bytes(), 2).unwrap()).unwrap())
}

/// A case of one line is a compact JWS as it is. One of two lines is a header and a payload, whatever they hold: they get
/// signed, `KEY` in the header stands for the public key.
pub(crate) fn compact(case: &str) -> String {
    match case.split_once('\n') {
        None => case.to_owned(),
        Some((header, payload)) => sign(header.replace("KEY", PUBLIC).as_bytes(), payload.as_bytes()),
    }
}

/// Signs a header and a payload.
pub(crate) fn sign(header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
    let signature = pair().sign_with(Algorithm::EdDsa, input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(signature))
}

/// The same JWS with one bit of its header, payload or signature changed, which one `seed` decides.
pub(crate) fn with_a_bit_changed(jws: &str, seed: usize) -> String {
    let mut parts: Vec<Vec<u8>> = jws.split('.').map(|part| base64url::decode(part).unwrap()).collect();
    let part = &mut parts[seed % 3];
    let bit = (seed / 3) % (part.len() * 8);
    part[bit / 8] ^= 1 << (bit % 8);
    parts.iter().map(base64url::encode).collect::<Vec<_>>().join(".")
}
