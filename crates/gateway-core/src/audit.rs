//! What the log and the metrics hear about the credentials of a request, permitted or not. Never a token, proof or key.

use resource_server::{ProofTrace, Reason, Refusal, Verified};

use crate::subject::Subject;

/// Who asked, and how it went with the proof. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// The id of the principal `default`, once the authenticators are through.
    pub subject: Option<String>,
    /// The proof of the request.
    pub proof: Option<ProofAudit>,
}

/// A proof and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofAudit {
    /// The proof, if its form is right. Its key is proven if the proof was accepted, else it is what the client says.
    pub trace: Option<ProofTrace>,
    /// What became of it.
    pub outcome: ProofOutcome,
}

/// What became of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofOutcome {
    /// It was checked and is good; its `jti` is spent unless replays are allowed.
    Accepted,
    /// A check refused it, and the request with it. The word is that of the check.
    Refused(&'static str),
    /// A check would have refused it, where proofs are only observed; the request went on.
    Observed(&'static str),
    /// Nobody came to judge it: the token, the binding or a dependency failed first, or proofs are switched off.
    NotJudged,
}

impl ProofOutcome {
    /// `accepted`, `not_judged`, or the word of the check that failed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused(word) | Self::Observed(word) => word,
            Self::NotJudged => "not_judged",
        }
    }

    /// How much it says about the request, for chains of authenticators: one that accepts outweighs one that refuses.
    fn weight(self) -> u8 {
        match self {
            Self::Accepted | Self::Observed(_) => 2,
            Self::Refused(_) => 1,
            Self::NotJudged => 0,
        }
    }
}

impl ProofAudit {
    /// The proof of a request that the verifier accepted; `None` if it came without one.
    #[must_use]
    pub fn of_verified(verified: &Verified) -> Option<Self> {
        let outcome = match (&verified.observed, verified.thumbprint) {
            (Some(Reason::Proof(error)), _) => ProofOutcome::Observed(error.as_str()),
            (Some(_), _) => ProofOutcome::Observed("bearer"),
            (None, Some(_)) => ProofOutcome::Accepted,
            (None, None) => ProofOutcome::NotJudged,
        };
        let is_there = verified.proof.is_some() || outcome != ProofOutcome::NotJudged;
        is_there.then(|| Self { trace: verified.proof.clone(), outcome })
    }

    /// The proof of a request that the verifier refused; `None` if there was none, and none was missing.
    #[must_use]
    pub fn of_refused(refusal: &Refusal) -> Option<Self> {
        let outcome = match refusal.reason() {
            Reason::Proof(error) => ProofOutcome::Refused(error.as_str()),
            _ if refusal.accepted_proof() => ProofOutcome::Accepted,
            _ => ProofOutcome::NotJudged,
        };
        let is_there = refusal.proof().is_some() || outcome != ProofOutcome::NotJudged;
        is_there.then(|| Self { trace: refusal.proof().cloned(), outcome })
    }
}

impl Audit {
    /// Takes down who asks.
    pub(crate) fn identify(&mut self, subject: &Subject) {
        self.subject = subject.default_principal().map(|principal| principal.id.clone());
    }

    /// Takes down a proof, unless more is known already.
    pub(crate) fn judge(&mut self, proof: ProofAudit) {
        if self.proof.as_ref().is_none_or(|known| known.outcome.weight() < proof.outcome.weight()) {
            self.proof = Some(proof);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(outcome: ProofOutcome) -> ProofAudit {
        ProofAudit { trace: None, outcome }
    }

    #[test]
    fn the_authenticator_that_accepts_has_the_last_word() {
        let check = |outcomes: &[ProofOutcome], expected: &str| {
            let mut audit = Audit::default();
            outcomes.iter().for_each(|outcome| audit.judge(proof(*outcome)));
            assert_eq!(audit.proof.unwrap().outcome.as_str(), expected, "{outcomes:?}");
        };
        use ProofOutcome::{Accepted, NotJudged, Observed, Refused};
        check(&[NotJudged, Accepted], "accepted");
        check(&[Refused("alg_not_allowed"), Accepted], "accepted");
        check(&[Refused("htu"), NotJudged, Refused("htm")], "htu");
        check(&[Observed("too_old"), NotJudged], "too_old");
    }
}
