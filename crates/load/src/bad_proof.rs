//! Requests that must be refused: one mistake each, everything else as it should be.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

/// Older or newer than any server takes.
pub(crate) const FAR_AWAY: Duration = Duration::from_secs(60 * 60);

/// What is wrong with a request that must be refused. The words are those of the options of `keybound call`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadProof {
    /// Made with another key than the token is bound to (RFC 9449 §4.3 (12)).
    WrongKey,
    /// The right key is shown and its signature is damaged (§4.3 (7)).
    WrongSignature,
    /// For another method (§4.3 (8)).
    WrongHtm,
    /// For another path (§4.3 (9)).
    WrongHtu,
    /// For another access token (§4.3 (12)).
    WrongAth,
    /// Made an hour ago (§4.3 (11)).
    Stale,
    /// Made in an hour (§4.3 (11)).
    Future,
    /// No proof at all (§7.1).
    NoProof,
    /// The bound token alone, as a Bearer token (§7.2).
    Bearer,
}

/// No kind of bad proof has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no bad proof has this name; there are {}", BadProof::names())]
pub struct UnknownBadProof;

impl BadProof {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::WrongKey,
        Self::WrongSignature,
        Self::WrongHtm,
        Self::WrongHtu,
        Self::WrongAth,
        Self::Stale,
        Self::Future,
        Self::NoProof,
        Self::Bearer,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongKey => "wrong-key",
            Self::WrongSignature => "wrong-signature",
            Self::WrongHtm => "wrong-htm",
            Self::WrongHtu => "wrong-htu",
            Self::WrongAth => "wrong-ath",
            Self::Stale => "stale",
            Self::Future => "future",
            Self::NoProof => "no-proof",
            Self::Bearer => "bearer",
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for BadProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for BadProof {
    type Err = UnknownBadProof;

    fn from_str(text: &str) -> Result<Self, UnknownBadProof> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownBadProof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for kind in BadProof::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("wrong-colour".parse::<BadProof>(), Err(UnknownBadProof));
    }
}
