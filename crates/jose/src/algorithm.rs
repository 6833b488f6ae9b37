//! Signature algorithms (RFC 7518, section 3.1; RFC 8037, section 3.1; RFC 9864) and ordered sets of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A registered asymmetric signature algorithm that this crate can verify.
///
/// `none`, MACs and key management names are not in it, so no policy can ever allow them (RFC 9449, sections 4.2 and 11.6).
///
/// ```
/// use jose::Algorithm;
///
/// assert_eq!("ES256".parse(), Ok(Algorithm::Es256));
/// assert!("HS256".parse::<Algorithm>().is_err());
/// assert!(Algorithm::EdDsa.is_same_as(Algorithm::Ed25519));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// ECDSA over P-521 with SHA-512.
    Es512,
    /// RSASSA-PSS with SHA-256, salt of 32 bytes.
    Ps256,
    /// RSASSA-PSS with SHA-384, salt of 48 bytes.
    Ps384,
    /// RSASSA-PSS with SHA-512, salt of 64 bytes.
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// Ed25519 under the older, polymorphic name `EdDSA` (RFC 8037).
    EdDsa,
    /// Ed25519 under its own name (RFC 9864).
    Ed25519,
}

/// The name is not that of an [`Algorithm`]; also when only the case differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a supported asymmetric signature algorithm")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// Every algorithm, in the order of the declaration.
    pub const ALL: [Self; 11] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::EdDsa,
        Self::Ed25519,
    ];

    /// The registered name, as in the `alg` header parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Whether both names mean the same computation: equal, or `EdDSA` and `Ed25519` (decision D13).
    #[must_use]
    pub const fn is_same_as(self, other: Self) -> bool {
        self as u8 == other as u8 || (self.is_ed25519() && other.is_ed25519())
    }

    const fn is_ed25519(self) -> bool {
        matches!(self, Self::EdDsa | Self::Ed25519)
    }

    /// The other name of the same algorithm.
    const fn twin(self) -> Option<Self> {
        match self {
            Self::EdDsa => Some(Self::Ed25519),
            Self::Ed25519 => Some(Self::EdDsa),
            Self::Es256
            | Self::Es384
            | Self::Es512
            | Self::Ps256
            | Self::Ps384
            | Self::Ps512
            | Self::Rs256
            | Self::Rs384
            | Self::Rs512 => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// The algorithms that a policy allows, in the policy's order.
///
/// An Ed25519 entry under either name allows both, and both are listed (decision D13). An empty set allows nothing.
///
/// ```
/// use jose::{Algorithm, AlgorithmSet};
///
/// let set = AlgorithmSet::new([Algorithm::Es256, Algorithm::Ed25519]);
/// assert!(set.contains(Algorithm::EdDsa));
/// assert_eq!(set.to_string(), "ES256 Ed25519 EdDSA");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlgorithmSet(Vec<Algorithm>);

impl AlgorithmSet {
    /// The set of these algorithms; repeated ones count once.
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let mut listed: Vec<Algorithm> = Vec::new();
        for algorithm in algorithms {
            if !listed.contains(&algorithm) {
                listed.push(algorithm);
            }
        }
        let mut set = Vec::with_capacity(listed.len() + 1);
        for algorithm in &listed {
            set.push(*algorithm);
            if let Some(twin) = algorithm.twin().filter(|twin| !listed.contains(twin)) {
                set.push(twin);
            }
        }
        Self(set)
    }

    /// Whether the policy allows this algorithm.
    #[must_use]
    pub fn contains(&self, algorithm: Algorithm) -> bool {
        self.0.contains(&algorithm)
    }

    /// The algorithms in policy order, both names of Ed25519 included.
    pub fn iter(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.0.iter().copied()
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self::new(algorithms)
    }
}

/// Space-delimited, as in the `algs` parameter of a challenge (RFC 9449, section 7.1).
impl fmt::Display for AlgorithmSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, algorithm) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(algorithm.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p4_names_no_mac_and_no_none() {
        for name in [
            "none",
            "None",
            "NONE",
            "",
            "HS256",
            "HS384",
            "HS512",
            "dir",
            "RSA-OAEP",
            "ES256K",
            "es256",
            "RS1",
            "Ed448",
            "ML-DSA-44",
            "ES256 ",
        ] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name}");
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn r5_a_set_allows_both_names_of_ed25519() {
        let set =
            AlgorithmSet::new([Algorithm::Es256, Algorithm::Ed25519, Algorithm::Es256, Algorithm::Ps256]);
        assert!(set.contains(Algorithm::EdDsa));
        assert!(!set.contains(Algorithm::Rs256));
        assert_eq!(set.to_string(), "ES256 Ed25519 EdDSA PS256");
        let set = AlgorithmSet::new([Algorithm::EdDsa, Algorithm::Es256, Algorithm::Ed25519]);
        assert_eq!(set.to_string(), "EdDSA ES256 Ed25519");
        assert!(AlgorithmSet::new([]).is_empty());
    }
}
