//! JSON Web Tokens in compact serialization (RFC 7519), before and after their signature was checked.

use serde_json::{Map, Value};

use crate::json::{self, JsonError};
use crate::jws::{CompactJws, JwsError};
use crate::{Algorithm, PublicJwk, SignatureError};

/// Header parameters that change how the rest must be read; this crate implements none of their extensions, so their presence refuses a
/// token (RFC 7515, section 4.1.11; RFC 7797; RFC 7516, section 4.1.3).
pub const REFUSED_HEADER_PARAMETERS: [&str; 3] = ["crit", "b64", "zip"];

/// Why a text is not a JWT that could be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not a compact JWS.
    #[error("not a compact JWS: {0}")]
    Jws(#[from] JwsError),
    /// The header is not one acceptable JSON object.
    #[error("the header is not acceptable: {0}")]
    Header(JsonError),
    /// The claims are not one acceptable JSON object.
    #[error("the claims are not acceptable: {0}")]
    Claims(JsonError),
    /// A required header parameter is missing or a known one has the wrong type.
    #[error("the header parameter {0} is missing or has the wrong type")]
    HeaderParameter(&'static str),
    /// A header parameter asks for processing that is not supported: `crit`, `b64` or `zip`.
    #[error("the header parameter {0} is not supported")]
    RefusedParameter(&'static str),
    /// `alg` is `none`, a MAC, or unknown.
    #[error("the algorithm is not a supported asymmetric one")]
    UnsupportedAlgorithm,
}

/// The header parameters that matter to a verifier.
///
/// ```
/// use jose::{Algorithm, jwt::JwtHeader};
/// use serde_json::json;
///
/// let parameters = json!({ "alg": "ES256", "kid": "2027", "typ": "at+jwt" });
/// let header = JwtHeader::from_parameters(parameters.as_object().ok_or("an object")?)?;
/// assert_eq!((header.alg, header.kid.as_deref()), (Algorithm::Es256, Some("2027")));
///
/// let unsigned = json!({ "alg": "none" });
/// assert!(JwtHeader::from_parameters(unsigned.as_object().ok_or("an object")?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtHeader {
    /// `alg` (RFC 7515, section 4.1.1).
    pub alg: Algorithm,
    /// `kid` (section 4.1.4): untrusted text, to be compared only.
    pub kid: Option<String>,
    /// `typ` (section 4.1.9), as sent.
    pub typ: Option<String>,
}

/// A well-formed JWT whose signature nobody has checked yet: its claims must not be believed before [`verify`](Self::verify).
///
/// ```
/// use jose::{Algorithm, KeyPair, jws, jwt::UnverifiedJwt};
/// use serde_json::json;
///
/// let (issuer, stranger) = (KeyPair::generate(Algorithm::Es256)?, KeyPair::generate(Algorithm::Es256)?);
/// let text = jws::sign(&json!({ "alg": "ES256" }), &json!({ "sub": "alice" }), &issuer, Algorithm::Es256)?;
/// let jwt = UnverifiedJwt::parse(&text)?;
/// assert!(jwt.verify(stranger.public_jwk()).is_err());
/// jwt.verify(issuer.public_jwk())?;
/// assert_eq!(jwt.claims["sub"], "alice");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct UnverifiedJwt {
    /// The header.
    pub header: JwtHeader,
    /// The claims.
    pub claims: Map<String, Value>,
    signing_input: String,
    signature: Vec<u8>,
}

impl UnverifiedJwt {
    /// Parses a compact JWT. Its size is the caller's to limit before.
    ///
    /// # Errors
    ///
    /// A [`JwtError`]; among others for `alg` `none` or a MAC, and for any `crit`, `b64` or `zip`.
    pub fn parse(text: &str) -> Result<Self, JwtError> {
        let jws = CompactJws::parse(text)?;
        let header = json::parse_object(&jws.header, json::MAX_DEPTH).map_err(JwtError::Header)?;
        let header = JwtHeader::from_parameters(&header)?;
        let claims = json::parse_object(&jws.payload, json::MAX_DEPTH).map_err(JwtError::Claims)?;
        Ok(Self { header, claims, signing_input: jws.signing_input.to_owned(), signature: jws.signature })
    }

    /// Checks the signature with this key and the header's algorithm.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] when the key does not fit the algorithm or the signature is not good.
    pub fn verify(&self, key: &PublicJwk) -> Result<(), SignatureError> {
        key.verify(self.header.alg, self.signing_input.as_bytes(), &self.signature)
    }
}

impl JwtHeader {
    /// Reads the parameters of a parsed header.
    ///
    /// # Errors
    ///
    /// As [`UnverifiedJwt::parse`], for the header alone.
    pub fn from_parameters(parameters: &Map<String, Value>) -> Result<Self, JwtError> {
        if let Some(name) = REFUSED_HEADER_PARAMETERS.into_iter().find(|name| parameters.contains_key(*name))
        {
            return Err(JwtError::RefusedParameter(name));
        }
        let alg = optional_string(parameters, "alg")?.ok_or(JwtError::HeaderParameter("alg"))?;
        Ok(Self {
            alg: alg.parse().map_err(|_| JwtError::UnsupportedAlgorithm)?,
            kid: optional_string(parameters, "kid")?.map(str::to_owned),
            typ: optional_string(parameters, "typ")?.map(str::to_owned),
        })
    }
}

/// Shows the header only: claims and signature are the token.
impl std::fmt::Debug for UnverifiedJwt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("UnverifiedJwt").field("header", &self.header).finish_non_exhaustive()
    }
}

fn optional_string<'a>(
    parameters: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, JwtError> {
    match parameters.get(name) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(JwtError::HeaderParameter(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyPair, base64url, jws};

    fn with_header(header: &str) -> Result<UnverifiedJwt, JwtError> {
        UnverifiedJwt::parse(&format!(
            "{}.{}.AA",
            base64url::encode(header),
            base64url::encode(r#"{"iss":"a"}"#)
        ))
    }

    #[test]
    fn r5_refuses_none_and_macs_and_unknown_names() {
        for alg in ["none", "None", "HS256", "HS512", "ES256K", "es256", "", "RSA-OAEP"] {
            assert_eq!(
                with_header(&format!(r#"{{"alg":"{alg}"}}"#)).map(drop),
                Err(JwtError::UnsupportedAlgorithm),
                "{alg}"
            );
        }
        assert_eq!(with_header("{}").map(drop), Err(JwtError::HeaderParameter("alg")));
        assert_eq!(with_header(r#"{"alg":1}"#).map(drop), Err(JwtError::HeaderParameter("alg")));
    }

    #[test]
    fn refuses_extensions_it_does_not_implement() {
        assert_eq!(
            with_header(r#"{"alg":"ES256","crit":[]}"#).map(drop),
            Err(JwtError::RefusedParameter("crit"))
        );
        assert_eq!(
            with_header(r#"{"alg":"ES256","b64":true}"#).map(drop),
            Err(JwtError::RefusedParameter("b64"))
        );
        assert_eq!(
            with_header(r#"{"alg":"ES256","zip":"DEF"}"#).map(drop),
            Err(JwtError::RefusedParameter("zip"))
        );
        assert!(with_header(r#"{"alg":"ES256","jku":"https://evil.example","x5u":1,"private":{}}"#).is_ok());
    }

    #[test]
    fn refuses_duplicate_members() {
        assert_eq!(
            with_header(r#"{"alg":"ES256","\u0061lg":"ES256"}"#).map(drop),
            Err(JwtError::Header(JsonError::DuplicateMember))
        );
        let text = format!(
            "{}.{}.AA",
            base64url::encode(r#"{"alg":"ES256"}"#),
            base64url::encode(r#"{"iss":"a","iss":"b"}"#)
        );
        assert_eq!(UnverifiedJwt::parse(&text).map(drop), Err(JwtError::Claims(JsonError::DuplicateMember)));
    }

    #[test]
    fn verifies_what_was_signed_and_nothing_else() {
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        let claims = serde_json::json!({"sub": "alice"});
        let token = jws::sign(
            &serde_json::json!({"alg": "ES256", "kid": "1", "typ": "at+jwt"}),
            &claims,
            &key,
            Algorithm::Es256,
        )
        .unwrap();
        let jwt = UnverifiedJwt::parse(&token).unwrap();
        assert_eq!(jwt.header.kid.as_deref(), Some("1"));
        assert_eq!(jwt.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(Value::Object(jwt.claims.clone()), claims);
        assert_eq!(jwt.verify(key.public_jwk()), Ok(()));
        assert_eq!(
            jwt.verify(KeyPair::generate(Algorithm::Es256).unwrap().public_jwk()),
            Err(SignatureError::Invalid)
        );
        assert_eq!(
            jwt.verify(KeyPair::generate(Algorithm::EdDsa).unwrap().public_jwk()),
            Err(SignatureError::KeyDoesNotFit)
        );
        assert!(!format!("{jwt:?}").contains("alice"));
    }
}
