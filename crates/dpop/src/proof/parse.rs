//! Step 3 of the order of checks: one header, one JWT, its shape, type, algorithm, key and claims. Nothing here needs
//! a signature or the access token.

use http::HeaderMap;
use jose::json::{self, Borrowed, Object};
use jose::jwt::REFUSED_HEADER_PARAMETERS;
use jose::{Algorithm, JwkThumbprint, PublicJwk, jws::CompactJws};

use super::{DPOP, ProvenKey};
use crate::claims::ProofClaims;
use crate::error::ProofError;
use crate::policy::Policy;

/// Deepest nesting of the header and the claims.
const MAX_JSON_DEPTH: usize = 16;

/// A proof whose form is right and about which nothing else is known.
///
/// ```
/// use dpop::{Policy, ProofError, UnverifiedProof};
/// use http::HeaderMap;
///
/// let error = UnverifiedProof::from_headers(&HeaderMap::new(), &Policy::rfc9449()).expect_err("no proof");
/// assert!(matches!(error, ProofError::Missing));
/// ```
#[derive(Debug)]
pub struct UnverifiedProof<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key: PublicJwk,
    pub(super) proven_key: Option<ProvenKey>,
    pub(super) thumbprint: JwkThumbprint,
    pub(super) claims: ProofClaims,
    pub(super) signing_input: &'a str,
    pub(super) signature: Vec<u8>,
}

impl<'a> UnverifiedProof<'a> {
    /// Takes the one proof out of a request's headers (RFC 9449 §4.3 (1)).
    ///
    /// # Errors
    ///
    /// [`ProofError::Missing`], [`ProofError::Multiple`], else as [`UnverifiedProof::parse`].
    pub fn from_headers(headers: &'a HeaderMap, policy: &Policy) -> Result<Self, ProofError> {
        let mut values = headers.get_all(DPOP).iter();
        let value = values.next().ok_or(ProofError::Missing)?;
        // (1) There is not more than one DPoP header field.
        if values.next().is_some() {
            return Err(ProofError::Multiple);
        }
        if value.len() > policy.max_proof_bytes {
            return Err(ProofError::TooLarge { max_bytes: policy.max_proof_bytes });
        }
        // A value outside visible ASCII is no compact JWS either: let the parser say so.
        Self::parse(value.to_str().unwrap_or_default(), policy)
    }

    /// Reads a proof: items 2 to 5 and 7 of RFC 9449 §4.3.
    ///
    /// # Errors
    ///
    /// One [`ProofError`] for the first item that fails.
    pub fn parse(proof: &'a str, policy: &Policy) -> Result<Self, ProofError> {
        if proof.len() > policy.max_proof_bytes {
            return Err(ProofError::TooLarge { max_bytes: policy.max_proof_bytes });
        }
        // (2) The DPoP HTTP request header field value is a single and well-formed JWT.
        let jws = CompactJws::parse(proof).map_err(ProofError::Malformed)?;
        let header = json::borrow_object(&jws.header, MAX_JSON_DEPTH).map_err(ProofError::Json)?;
        let claims = json::borrow_object(&jws.payload, MAX_JSON_DEPTH).map_err(ProofError::Json)?;
        // (4) The typ JOSE Header Parameter has the value dpop+jwt.
        check_type(&header, policy)?;
        check_unsupported(&header)?;
        // (5) The alg JOSE Header Parameter indicates a registered asymmetric digital signature algorithm, is not
        // none, is supported by the application, and is acceptable per local policy.
        let algorithm = read_algorithm(&header, policy)?;
        // (7) The jwk JOSE Header Parameter does not contain a private key.
        let key = read_key(&header, algorithm)?;
        // (3) All required claims are contained in the JWT.
        let claims = ProofClaims::from_json(&claims, policy)?;
        // (6), (8) to (12): `verify.rs`.
        let thumbprint = key.thumbprint();
        Ok(Self {
            algorithm,
            key,
            proven_key: None,
            thumbprint,
            claims,
            signing_input: jws.signing_input,
            signature: jws.signature,
        })
    }

    /// Lets a key that was made ready for an earlier proof verify this one, if it is the same key, and keeps the key of this
    /// proof there once it has verified it.
    #[must_use]
    pub fn with_proven_key(self, key: &ProvenKey) -> Self {
        Self { proven_key: Some(key.clone()), ..self }
    }

    /// The thumbprint of the key the sender says is his. Nothing is proven yet.
    #[must_use]
    pub fn thumbprint(&self) -> &JwkThumbprint {
        &self.thumbprint
    }

    /// The claims as written by the sender. Nothing is proven yet.
    #[must_use]
    pub fn claims(&self) -> &ProofClaims {
        &self.claims
    }
}

fn check_type(header: &Object<'_>, policy: &Policy) -> Result<(), ProofError> {
    let Some(Borrowed::String(typ)) = header.get("typ") else { return Err(ProofError::Type) };
    let accepted = if policy.typ_lenient {
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").unwrap_or(&typ) == "dpop+jwt"
    } else {
        typ == "dpop+jwt"
    };
    if accepted { Ok(()) } else { Err(ProofError::Type) }
}

/// Parameters that change how a JWS must be processed, and that we do not implement (RFC 7515 §4.1.11, RFC 7797).
fn check_unsupported(header: &Object<'_>) -> Result<(), ProofError> {
    match REFUSED_HEADER_PARAMETERS.into_iter().find(|name| header.contains(name)) {
        Some(name) => Err(ProofError::UnsupportedHeader(name)),
        None => Ok(()),
    }
}

fn read_algorithm(header: &Object<'_>, policy: &Policy) -> Result<Algorithm, ProofError> {
    let Some(Borrowed::String(name)) = header.get("alg") else { return Err(ProofError::Algorithm) };
    let algorithm: Algorithm = name.parse().map_err(|_| ProofError::Algorithm)?;
    if policy.algorithms.contains(algorithm) {
        Ok(algorithm)
    } else {
        Err(ProofError::AlgorithmNotAllowed(algorithm))
    }
}

fn read_key(header: &Object<'_>, algorithm: Algorithm) -> Result<PublicJwk, ProofError> {
    let Some(Borrowed::Object(jwk)) = header.get("jwk") else { return Err(ProofError::KeyMissing) };
    let key = PublicJwk::from_object(jwk).map_err(ProofError::Key)?;
    if key.fits(algorithm) { Ok(key) } else { Err(ProofError::KeyForOtherAlgorithm) }
}
