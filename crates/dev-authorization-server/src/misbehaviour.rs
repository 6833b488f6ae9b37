//! Ways to be wrong on purpose, so that clients and resource servers can be tested against a bad authorization server.

use std::time::Duration;

/// What the server does wrong. One at a time, for every realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// The nonces it hands out are never accepted: a client must give up after one retry. Needs nonces to be on.
    UnacceptableNonce,
    /// The key endpoint answers only after this time.
    SlowKeys(Duration),
    /// Every access token is signed by a new key; the key set holds the newest only.
    RotatingKeys,
    /// Access tokens lack `cnf`, while the answer still says `DPoP`.
    NoConfirmation,
    /// The answer says `Bearer` for a bound token.
    BearerType,
}

impl Misbehaviour {
    /// The nonce with its last part turned around, which no longer opens.
    pub(crate) fn spoil_nonce(nonce: &str) -> String {
        match nonce.rsplit_once('.') {
            Some((front, sealed)) => format!("{front}.{}", sealed.chars().rev().collect::<String>()),
            None => String::from("not-a-nonce"),
        }
    }
}
