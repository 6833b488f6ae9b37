//! Proof Key for Code Exchange (RFC 7636), method `S256` only.

use std::fmt;

use jose::{base64url, crypto};
use zeroize::Zeroizing;

/// The only method there is here: `plain` protects nothing once the authorization request is seen (RFC 9700, section 2.1.1).
pub const METHOD: &str = "S256";

/// Why a verifier or a challenge is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// The verifier is not 43 to 128 unreserved characters (RFC 7636, section 4.1).
    #[error("code_verifier is not 43 to 128 unreserved characters")]
    Verifier,
    /// The challenge is not the base64url of a SHA-256 hash (RFC 7636, section 4.2).
    #[error("code_challenge is not a SHA-256 hash in base64url")]
    Challenge,
    /// The method is not `S256`; left out, it would mean `plain` (RFC 7636, section 4.3).
    #[error("code_challenge_method is not S256")]
    Method,
}

/// The secret of one authorization request, kept by the client until the code comes back.
///
/// ```
/// use oauth::pkce::{CodeVerifier, METHOD};
///
/// let verifier = CodeVerifier::generate(); // kept until the code comes back
/// let parameters = format!("code_challenge={}&code_challenge_method={METHOD}", verifier.challenge());
/// # assert_eq!(parameters.len(), "code_challenge=".len() + 43 + "&code_challenge_method=S256".len());
/// ```
#[derive(Clone)]
pub struct CodeVerifier(Zeroizing<String>);

impl CodeVerifier {
    /// 256 random bits as 43 characters.
    #[must_use]
    pub fn generate() -> Self {
        Self(Zeroizing::new(base64url::encode(crypto::random::<32>())))
    }

    /// Takes the `code_verifier` of a token request.
    ///
    /// # Errors
    ///
    /// [`PkceError::Verifier`].
    pub fn parse(text: &str) -> Result<Self, PkceError> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(PkceError::Verifier)
        }
    }

    /// The text for the token request.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The challenge for the authorization request.
    #[must_use]
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(crypto::sha256(self.0.as_bytes()))
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CodeVerifier(hidden)")
    }
}

/// The challenge of one authorization request, kept by the authorization server until the code comes back.
///
/// ```
/// use oauth::pkce::{CodeChallenge, CodeVerifier};
///
/// // RFC 7636, appendix B.
/// let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Some("S256"))?;
/// assert!(challenge.matches(&CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")?));
/// assert!(!challenge.matches(&CodeVerifier::generate()));
/// # Ok::<(), oauth::pkce::PkceError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Takes `code_challenge` and `code_challenge_method` of an authorization request.
    ///
    /// # Errors
    ///
    /// [`PkceError::Method`] without `S256`, [`PkceError::Challenge`] for a malformed challenge.
    pub fn parse(challenge: &str, method: Option<&str>) -> Result<Self, PkceError> {
        if method != Some(METHOD) {
            return Err(PkceError::Method);
        }
        base64url::decode_array(challenge).map(Self).map_err(|_| PkceError::Challenge)
    }

    /// Whether the verifier is the one behind this challenge (RFC 7636, section 4.6).
    #[must_use]
    pub fn matches(&self, verifier: &CodeVerifier) -> bool {
        crypto::constant_time_eq(&self.0, &verifier.challenge().0)
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64url::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn computes_the_printed_challenge() {
        let verifier = CodeVerifier::parse(VERIFIER).unwrap();
        assert_eq!(verifier.challenge().to_string(), CHALLENGE);
        let challenge = CodeChallenge::parse(CHALLENGE, Some("S256")).unwrap();
        assert!(challenge.matches(&verifier));
        assert!(!challenge.matches(&CodeVerifier::generate()));
    }

    #[test]
    fn refuses_plain_and_malformed_values() {
        for method in [None, Some("plain"), Some("s256"), Some("")] {
            assert_eq!(CodeChallenge::parse(CHALLENGE, method).map(drop), Err(PkceError::Method));
        }
        for challenge in ["", "abc", &CHALLENGE[1..], "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="] {
            assert_eq!(
                CodeChallenge::parse(challenge, Some("S256")).map(drop),
                Err(PkceError::Challenge),
                "{challenge}"
            );
        }
        for verifier in
            ["", &VERIFIER[1..], &"a".repeat(129), &format!("{VERIFIER}+"), &format!("{VERIFIER} ")]
        {
            assert_eq!(CodeVerifier::parse(verifier).map(drop), Err(PkceError::Verifier), "{verifier}");
        }
    }

    #[test]
    fn generated_verifiers_are_valid_and_hidden() {
        let verifier = CodeVerifier::generate();
        assert!(CodeVerifier::parse(verifier.as_str()).is_ok());
        assert!(!format!("{verifier:?}").contains(verifier.as_str()));
    }
}
