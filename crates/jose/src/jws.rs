//! JSON Web Signature, compact serialization (RFC 7515, section 7.1).

use serde::Serialize;

use crate::{Algorithm, KeyPair, SignError, base64url};

/// Why a text is not a compact JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not exactly three parts joined by dots.
    #[error("not three parts separated by dots")]
    NotThreeParts,
    /// A part is empty.
    #[error("a part is empty")]
    EmptyPart,
    /// A part is not canonical base64url without padding.
    #[error("a part is not canonical base64url")]
    NotBase64Url,
}

/// The three decoded parts of a compact JWS; nothing about them is verified.
///
/// A limit on the size is the caller's to set before parsing.
///
/// ```
/// use jose::jws::CompactJws;
///
/// let jws = CompactJws::parse("e30.e30.c2ln")?;
/// assert_eq!((jws.payload.as_slice(), jws.signature.as_slice()), (&b"{}"[..], &b"sig"[..]));
/// assert_eq!(jws.signing_input, "e30.e30");
/// # Ok::<(), jose::jws::JwsError>(())
/// ```
#[derive(Clone)]
pub struct CompactJws<'a> {
    /// JSON text of the protected header.
    pub header: Vec<u8>,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// What was signed: the first two parts with the dot between them (RFC 7515, section 5.1).
    pub signing_input: &'a str,
}

impl<'a> CompactJws<'a> {
    /// Takes a compact JWS apart (RFC 7515, section 5.2, steps 1, 2, 6 and 7).
    ///
    /// # Errors
    ///
    /// A [`JwsError`] unless there are exactly three non-empty parts in canonical base64url.
    pub fn parse(text: &'a str) -> Result<Self, JwsError> {
        let (signing_input, signature) = text.rsplit_once('.').ok_or(JwsError::NotThreeParts)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::NotThreeParts)?;
        if payload.contains('.') {
            return Err(JwsError::NotThreeParts);
        }
        let decode = |part: &str| match part {
            "" => Err(JwsError::EmptyPart),
            part => base64url::decode(part).map_err(|_| JwsError::NotBase64Url),
        };
        Ok(Self {
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
            signing_input,
        })
    }
}

impl std::fmt::Debug for CompactJws<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CompactJws").finish_non_exhaustive()
    }
}

/// Signs a payload into a compact JWS.
///
/// `header` must write itself as a JSON object whose `alg` is `algorithm`: nothing is added to it.
///
/// # Errors
///
/// A [`SignError`] when the key does not fit the algorithm, or header or payload can not be written as JSON.
pub fn sign(
    header: &impl Serialize,
    payload: &impl Serialize,
    key: &KeyPair,
    algorithm: Algorithm,
) -> Result<String, SignError> {
    let signing_input = SigningInput::new(header, payload)?;
    let signature = key.sign_with(algorithm, signing_input.as_bytes())?;
    Ok(signing_input.with_signature(&signature))
}

/// Header and payload, ready to be signed by a key that is elsewhere, a hardware token for instance (RFC 7515,
/// section 5.1, step 5).
///
/// ```
/// use jose::{Algorithm, KeyPair, jws::SigningInput};
/// use serde_json::json;
///
/// let elsewhere = KeyPair::generate(Algorithm::Es256)?;
/// let input = SigningInput::new(&json!({ "alg": "ES256" }), &json!({ "sub": "alice" }))?;
/// let signature = elsewhere.sign(input.as_bytes())?;
/// assert_eq!(input.with_signature(&signature).split('.').count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningInput(String);

impl SigningInput {
    /// Writes header and payload. `header` must write itself as a JSON object with the right `alg`: nothing is added
    /// to it.
    ///
    /// # Errors
    ///
    /// [`SignError::NotSerializable`] when one of them can not be written as JSON.
    pub fn new(header: &impl Serialize, payload: &impl Serialize) -> Result<Self, SignError> {
        let part = |json: Result<Vec<u8>, serde_json::Error>| {
            json.map(base64url::encode).map_err(|_| SignError::NotSerializable)
        };
        let mut text = part(serde_json::to_vec(header))?;
        text.push('.');
        text.push_str(&part(serde_json::to_vec(payload))?);
        Ok(Self(text))
    }

    /// What is to be signed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The compact JWS. `signature` has the form of RFC 7518, section 3: for ECDSA `r` and `s` of fixed length, not DER.
    #[must_use]
    pub fn with_signature(self, signature: &[u8]) -> String {
        let mut jws = self.0;
        jws.push('.');
        jws.push_str(&base64url::encode(signature));
        jws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(), JwsError>) {
        assert_eq!(CompactJws::parse(text).map(drop), expected, "{text:?}");
    }

    #[test]
    fn p2_r2_takes_three_non_empty_canonical_parts() {
        check("AA.AA.AA", Ok(()));
        for text in ["", "AA", "AA.AA", "AA.AA.AA.AA", "AA.AA.AA.AA.AA", &".".repeat(8_000), "AAAA"] {
            check(text, Err(JwsError::NotThreeParts));
        }
        for text in ["..", "AA..AA", ".AA.AA", "AA.AA."] {
            check(text, Err(JwsError::EmptyPart));
        }
        for text in [
            "AA.AA.A",
            "AA.AB.AA",
            "AA==.AA.AA",
            "AA.AA.AA=",
            "A+.AA.AA",
            "AA.AA.AA ",
            " AA.AA.AA",
            "AA.A A.AA",
            "AA.AA.AA\n",
            "AA.AA.ÄÄ",
        ] {
            check(text, Err(JwsError::NotBase64Url));
        }
    }

    #[test]
    fn keeps_what_was_signed() {
        let jws = CompactJws::parse("AQ.Ag.Aw").unwrap();
        assert_eq!(
            (jws.header.as_slice(), jws.payload.as_slice(), jws.signature.as_slice()),
            (&[1][..], &[2][..], &[3][..])
        );
        assert_eq!(jws.signing_input, "AQ.Ag");
    }
}
