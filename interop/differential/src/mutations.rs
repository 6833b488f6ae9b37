//! Every way in which a request is made, right or wrong, and what must become of it.

mod binding;
mod claims;
mod container;
mod good;
mod header;
mod key;
mod signature;
mod target;

use jose::Algorithm;

pub(crate) use self::good::PLAIN;

use crate::draft::Draft;
use crate::random::Random;

/// What is said about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    /// Why, in a word: that of [`dpop::ProofError::as_str`] where the proof fails.
    Refused(&'static str),
}

/// A class of requests that must all have the same fate.
pub(crate) struct Mutation {
    pub(crate) name: &'static str,
    /// Algorithms that proofs of this class are signed with.
    pub(crate) algorithms: &'static [Algorithm],
    /// What we must say.
    pub(crate) expected: Verdict,
    /// What is wrong is the access token or how it is sent; whoever judges proofs alone has no opinion.
    pub(crate) concerns_token: bool,
    pub(crate) change: Change,
}

/// Turns a good request into one of the class.
type Change = fn(&mut Draft<'_>, &mut Random);

/// Signature algorithms that every verifier asked knows by the same name.
const ALL: &[Algorithm] = &[
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::EdDsa,
];
const EC: &[Algorithm] = &[Algorithm::Es256, Algorithm::Es384, Algorithm::Es512];
const ES256: &[Algorithm] = &[Algorithm::Es256];
const RSA: &[Algorithm] = &[
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
];
const PSS: &[Algorithm] = &[Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512];
const PKCS1: &[Algorithm] = &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];
/// Those whose signatures have one byte over in base64url.
const LEAVES_SPARE_BITS: &[Algorithm] = &[
    Algorithm::Es256,
    Algorithm::EdDsa,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
];
const EDDSA: &[Algorithm] = &[Algorithm::EdDsa];

impl Mutation {
    const fn on(self, algorithms: &'static [Algorithm]) -> Self {
        Self { algorithms, ..self }
    }

    const fn of_token(self) -> Self {
        Self { concerns_token: true, ..self }
    }
}

const fn accepted(name: &'static str, change: Change) -> Mutation {
    Mutation { name, algorithms: ALL, expected: Verdict::Accepted, concerns_token: false, change }
}

const fn refused(name: &'static str, reason: &'static str, change: Change) -> Mutation {
    Mutation { name, algorithms: ALL, expected: Verdict::Refused(reason), concerns_token: false, change }
}

/// All of them.
pub(crate) fn all() -> Vec<Mutation> {
    [
        good::mutations(),
        header::mutations(),
        key::mutations(),
        claims::mutations(),
        target::mutations(),
        container::mutations(),
        signature::mutations(),
        binding::mutations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
