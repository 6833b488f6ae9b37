//! Why a proof is refused, and what the caller is told about it.

use jose::JwkError;
use jose::json::JsonError;
use jose::jws::JwsError;
use oauth::ErrorCode;
use thiserror::Error;

use crate::nonce::NonceError;

/// One variant per check of RFC 9449 §4.3. The first that fails in the fixed order of checks is reported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// No `DPoP` header field beside a token that needs one. §4.3 (1).
    #[error("the DPoP header is missing")]
    Missing,
    /// More than one `DPoP` header field line, equal ones included. §4.3 (1).
    #[error("more than one DPoP header")]
    Multiple,
    /// Longer than the policy allows.
    #[error("the proof is longer than {max_bytes} bytes")]
    TooLarge {
        /// The policy's limit in bytes.
        max_bytes: usize,
    },
    /// Not one well-formed compact JWS. §4.3 (2).
    #[error("the proof is not a well-formed JWS")]
    Malformed(#[source] JwsError),
    /// Header or payload is no strict JSON object: duplicate members, depth, trailing bytes. §4.3 (2), D16.
    #[error("the proof holds no strict JSON object")]
    Json(#[source] JsonError),
    /// `typ` is not `dpop+jwt`. §4.3 (4).
    #[error("typ is not dpop+jwt")]
    Type,
    /// A header parameter that changes how the proof must be processed: `crit`, `b64`, `zip` (D18).
    #[error("the header parameter `{0}` is not supported")]
    UnsupportedHeader(&'static str),
    /// `alg` is missing, symmetric, `none` or unknown. §4.3 (5).
    #[error("alg is not a supported asymmetric algorithm")]
    Algorithm,
    /// `alg` is known, but not one this verifier allows. §4.3 (5).
    #[error("the algorithm {0} is not allowed here")]
    AlgorithmNotAllowed(jose::Algorithm),
    /// `jwk` is missing or no acceptable public key. §4.3 (7), RFC 7517.
    #[error("jwk is not an acceptable public key")]
    Key(#[source] JwkError),
    /// `jwk` is missing or no JSON object. §4.3 (3).
    #[error("jwk is missing or no JSON object")]
    KeyMissing,
    /// `jwk` does not fit `alg`. §4.3 (5, 6).
    #[error("jwk does not fit alg")]
    KeyForOtherAlgorithm,
    /// A required claim is not there. §4.3 (3).
    #[error("the claim `{0}` is missing")]
    MissingClaim(&'static str),
    /// A claim of the wrong type, empty or not decodable. §4.3 (3).
    #[error("the claim `{0}` has the wrong type or form")]
    BadClaim(&'static str),
    /// A claim over its limit.
    #[error("the claim `{0}` is too long")]
    ClaimTooLong(&'static str),
    /// The proof was not made with the key the token is bound to. §4.3 (12b), §6.
    #[error("the proof's key is not the one the access token is bound to")]
    KeyNotBound,
    /// `ath` belongs to another access token. §4.3 (12a).
    #[error("ath does not match the access token")]
    AccessTokenHash,
    /// `htm` is not the method of the request. §4.3 (8).
    #[error("htm does not match the method of the request")]
    Method,
    /// `htu` is not the target of the request. §4.3 (9).
    #[error("htu does not match the target of the request")]
    Target,
    /// A nonce is demanded and the proof has none. §4.3 (10), §9.
    #[error("the nonce is missing")]
    NonceMissing,
    /// The nonce is not one of ours, or no longer. §4.3 (10), §9.
    #[error("the nonce is not accepted")]
    Nonce(#[source] NonceError),
    /// `iat` is before the window. §4.3 (11).
    #[error("the proof is too old")]
    TooOld,
    /// `iat` is behind the window. §4.3 (11), §11.1.
    #[error("the proof was issued in the future")]
    IssuedInFuture,
    /// `exp` is over (D20).
    #[error("the proof has expired")]
    Expired,
    /// `nbf` is still to come (D20).
    #[error("the proof is not yet valid")]
    NotYetValid,
    /// The signature does not verify with the proof's own key. §4.3 (6).
    #[error("the signature does not verify")]
    Signature,
    /// This proof was used before. §11.1.
    #[error("the proof was used before")]
    Replayed,
}

impl ProofError {
    /// The OAuth error code of the refusal (RFC 9449 §7.1, §9; `spec` D9 for the key).
    #[must_use]
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::KeyNotBound => ErrorCode::InvalidToken,
            Self::NonceMissing | Self::Nonce(_) => ErrorCode::UseDpopNonce,
            Self::Missing
            | Self::Multiple
            | Self::TooLarge { .. }
            | Self::Malformed(_)
            | Self::Json(_)
            | Self::Type
            | Self::UnsupportedHeader(_)
            | Self::Algorithm
            | Self::AlgorithmNotAllowed(_)
            | Self::Key(_)
            | Self::KeyMissing
            | Self::KeyForOtherAlgorithm
            | Self::MissingClaim(_)
            | Self::BadClaim(_)
            | Self::ClaimTooLong(_)
            | Self::AccessTokenHash
            | Self::Method
            | Self::Target
            | Self::TooOld
            | Self::IssuedInFuture
            | Self::Expired
            | Self::NotYetValid
            | Self::Signature
            | Self::Replayed => ErrorCode::InvalidDpopProof,
        }
    }

    /// A stable word for logs and metrics, one for each check: what `error_description` is too coarse for.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Multiple => "multiple",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed(_) => "malformed",
            Self::Json(_) => "bad_json",
            Self::Type => "typ",
            Self::UnsupportedHeader(_) => "unsupported_header",
            Self::Algorithm => "alg",
            Self::AlgorithmNotAllowed(_) => "alg_not_allowed",
            Self::Key(_) => "jwk",
            Self::KeyMissing => "jwk_missing",
            Self::KeyForOtherAlgorithm => "jwk_for_other_alg",
            Self::MissingClaim(_) => "claim_missing",
            Self::BadClaim(_) => "claim_malformed",
            Self::ClaimTooLong(_) => "claim_too_long",
            Self::KeyNotBound => "key_not_bound",
            Self::AccessTokenHash => "ath",
            Self::Method => "htm",
            Self::Target => "htu",
            Self::NonceMissing => "nonce_missing",
            Self::Nonce(_) => "nonce",
            Self::TooOld => "too_old",
            Self::IssuedInFuture => "issued_in_future",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Signature => "signature",
            Self::Replayed => "replayed",
        }
    }

    /// A fixed text for `error_description`. It never repeats input.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self {
            Self::Missing => "DPoP proof is missing",
            Self::Multiple => "more than one DPoP proof",
            Self::TooLarge { .. } => "DPoP proof is too large",
            Self::Malformed(_) | Self::Json(_) => "DPoP proof is malformed",
            Self::Type => "typ of the DPoP proof is not dpop+jwt",
            Self::UnsupportedHeader(_) => "DPoP proof has an unsupported header parameter",
            Self::Algorithm | Self::AlgorithmNotAllowed(_) => "algorithm of the DPoP proof is not supported",
            Self::Key(_) | Self::KeyMissing | Self::KeyForOtherAlgorithm => {
                "jwk of the DPoP proof is not acceptable"
            }
            Self::MissingClaim(_) => "a claim is missing in the DPoP proof",
            Self::BadClaim(_) | Self::ClaimTooLong(_) => "a claim of the DPoP proof has a wrong form",
            Self::KeyNotBound => "access token is bound to another key",
            Self::AccessTokenHash => "ath does not match the access token",
            Self::Method => "htm does not match the request method",
            Self::Target => "htu does not match the request URI",
            Self::NonceMissing => "nonce is missing",
            Self::Nonce(_) => "nonce is invalid",
            Self::TooOld => "DPoP proof is too old",
            Self::IssuedInFuture | Self::NotYetValid => "DPoP proof is not yet valid",
            Self::Expired => "DPoP proof has expired",
            Self::Signature => "signature of the DPoP proof is invalid",
            Self::Replayed => "DPoP proof was used before",
        }
    }
}

/// Why a checked proof could not be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// Somebody used this proof before: 401 `invalid_dpop_proof`.
    #[error("the proof was used before")]
    Replayed,
    /// The store is down, slow or full: 503, never a pass (D4).
    #[error("the replay store can not answer")]
    Unavailable,
}
