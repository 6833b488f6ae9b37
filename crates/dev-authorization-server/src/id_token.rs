//! ID tokens (OpenID Connect Core §2).

use jose::{Algorithm, base64url, crypto};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    access_token::{Issuance, SessionClaims, profile},
    app::ServedRealm,
    error::Refusal,
};

/// Makes and signs the ID token that goes along with an access token.
pub(crate) fn sign(
    served: &ServedRealm,
    issuance: &Issuance<'_>,
    session: &SessionClaims<'_>,
    access_token: &str,
) -> Result<String, Refusal> {
    let client_id = &issuance.client.client_id;
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| {
        claims.insert(name.to_owned(), value);
    };
    put("exp", issuance.expires_at.as_seconds().into());
    put("iat", issuance.issued_at.as_seconds().into());
    put("auth_time", session.authenticated_at.as_seconds().into());
    put("jti", Uuid::new_v4().to_string().into());
    put("iss", served.issuer.clone().into());
    put("aud", client_id.clone().into());
    put("sub", issuance.user.id.clone().into());
    put("typ", "ID".into());
    put("azp", client_id.clone().into());
    if let Some(nonce) = session.openid_nonce {
        put("nonce", nonce.into());
    }
    put("sid", session.id.into());
    put("at_hash", at_hash(served.keys.algorithm(), access_token).into());
    put("acr", "1".into());
    for (name, value) in profile(issuance.user, issuance.scope) {
        put(&name, value);
    }
    Ok(served.keys.sign(&claims)?)
}

/// The left half of the access token's hash, by the hash function of the signature algorithm (OpenID Connect Core §3.1.3.6).
fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    let token = access_token.as_bytes();
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => crypto::sha256(token).to_vec(),
        Algorithm::Es384 | Algorithm::Ps384 | Algorithm::Rs384 => crypto::sha384(token).to_vec(),
        // Ed25519 hashes with SHA-512 inside (RFC 8032 §5.1).
        Algorithm::Es512 | Algorithm::Ps512 | Algorithm::Rs512 | Algorithm::EdDsa | Algorithm::Ed25519 => {
            crypto::sha512(token).to_vec()
        }
    };
    base64url::encode(hash.split_at(hash.len() / 2).0)
}
