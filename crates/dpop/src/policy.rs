//! What a verifier accepts: window, algorithms, limits. No silent default; presets are named after their source.

use std::time::Duration;

use jose::{Algorithm, AlgorithmSet};

/// The largest value that [`Policy::max_proof_bytes`] may take, in bytes. ML-DSA proofs need about 11 KB.
pub const MAX_PROOF_BYTES: usize = 16 * 1024;

/// What a verifier accepts. There is no `Default`: choose a preset and change what must differ.
///
/// ```
/// use std::time::Duration;
/// use dpop::Policy;
///
/// let strict = Policy { max_age: Duration::from_secs(15), strict_htu: true, ..Policy::fapi2() };
/// # let _ = strict;
/// ```
#[derive(Debug, Clone)]
pub struct Policy {
    /// Oldest accepted proof: `now - max_age <= iat` (RFC 9449 §4.3 (11), §11.1).
    pub max_age: Duration,
    /// Newest accepted proof: `iat <= now + clock_skew`. Also the tolerance for `exp` and `nbf`.
    pub clock_skew: Duration,
    /// Proof algorithms, in the order in which challenges list them (RFC 9449 §4.3 (5), §7.1).
    pub algorithms: AlgorithmSet,
    /// Longest `DPoP` field value in bytes, at most [`MAX_PROOF_BYTES`].
    pub max_proof_bytes: usize,
    /// Longest `jti` in bytes of UTF-8.
    pub max_jti_bytes: usize,
    /// Longest `htu` in bytes.
    pub max_htu_bytes: usize,
    /// Refuse an `htu` claim that has a query or a fragment (RFC 9449 §4.2 forbids making one, §4.3 (9) ignores them).
    pub strict_htu: bool,
    /// Accept `typ` in other case and with the `application/` prefix (RFC 7515 §4.1.9).
    pub typ_lenient: bool,
    /// A valid nonce takes the place of the `iat` check, for clients with bad clocks (RFC 9449 §4.3 (11)).
    pub nonce_replaces_iat: bool,
}

impl Policy {
    /// 60 s back, 10 s ahead, ES256 and Ed25519: short enough that replay memory stays small, wide enough for
    /// clocks kept by NTP. ES512 costs six times an ES256 verification and the sender chooses, so it is opt-in.
    #[must_use]
    pub fn rfc9449() -> Self {
        Self {
            max_age: Duration::from_secs(60),
            clock_skew: Duration::from_secs(10),
            algorithms: AlgorithmSet::new([Algorithm::Es256, Algorithm::Ed25519]),
            max_proof_bytes: 4 * 1024,
            max_jti_bytes: 512,
            max_htu_bytes: 2 * 1024,
            strict_htu: false,
            typ_lenient: false,
            nonce_replaces_iat: false,
        }
    }

    /// heimdall's window: `max_age` plus the validity leeway back, the leeway ahead. What heimdall accepts stays
    /// accepted; the algorithms are those configured for the access token.
    #[must_use]
    pub fn heimdall(max_age: Duration, validity_leeway: Duration, algorithms: AlgorithmSet) -> Self {
        Self {
            max_age: max_age.saturating_add(validity_leeway),
            clock_skew: validity_leeway,
            algorithms,
            ..Self::rfc9449()
        }
    }

    /// FAPI 2.0 Security Profile §5.4: ES256, PS256 and Ed25519; clocks up to 10 s ahead pass, over 60 s must fail.
    #[must_use]
    pub fn fapi2() -> Self {
        Self {
            algorithms: AlgorithmSet::new([Algorithm::Es256, Algorithm::Ps256, Algorithm::Ed25519]),
            ..Self::rfc9449()
        }
    }

    /// The MCP profile (SEP-1932): `iat` within five minutes either way.
    #[must_use]
    pub fn mcp() -> Self {
        Self { max_age: Duration::from_secs(300), clock_skew: Duration::from_secs(300), ..Self::rfc9449() }
    }
}
