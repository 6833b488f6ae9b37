//! From the verifier's refusal to the gateway's: kind, word for the log, and what it means for the chain.

use dpop::ProofError;
use http::header;
use oauth::ErrorCode;
use resource_server::{Reason, Refusal, TokenError};

use crate::{
    denial::DenialKind,
    mechanisms::{
        authenticators::{Authentication, ChainEffect, Refused},
        step::{Failure, chain_of_causes},
    },
};

/// The outcome of the authenticator for a refusal of the verifier.
pub(in crate::mechanisms::authenticators) fn authentication(refusal: &Refusal) -> Authentication {
    let reason = refusal.reason();
    let kind = kind(reason);
    let mut headers = refusal.headers();
    if kind == DenialKind::Communication || kind == DenialKind::CommunicationTimeout {
        // The library answers 503 here, the gateway 502 or 504, to which `Retry-After` does not belong.
        headers.remove(header::RETRY_AFTER);
    }
    let failure = Failure {
        kind,
        reason: word(reason),
        public: public(kind),
        detail: chain_of_causes(reason),
        headers: Box::new(headers),
        message: None,
        origin: None,
    };
    let chain = match reason {
        Reason::Proof(ProofError::AlgorithmNotAllowed(algorithm)) => {
            ChainEffect::ContinueWhereAllowed(*algorithm)
        }
        _ if refusal.lets_chain_continue() => ChainEffect::Continue,
        _ => ChainEffect::End,
    };
    Authentication::Refused(Box::new(Refused { failure, chain, saw_credentials: refusal.saw_credentials() }))
}

/// The outcome for a token that is good while the configuration does not fit it.
pub(in crate::mechanisms::authenticators) fn fault(failure: Failure) -> Authentication {
    Authentication::Refused(Box::new(Refused { failure, chain: ChainEffect::End, saw_credentials: true }))
}

fn kind(reason: &Reason) -> DenialKind {
    match reason {
        Reason::MalformedCredentials(_) | Reason::SeveralTransports => DenialKind::Precondition,
        Reason::InsufficientScope => DenialKind::Authorization,
        Reason::ReplayStoreUnavailable => DenialKind::ReplayStoreUnavailable,
        Reason::IssuerUnavailable(fault) if fault.timed_out() => DenialKind::CommunicationTimeout,
        Reason::IssuerUnavailable(_) => DenialKind::Communication,
        _ => DenialKind::Authentication,
    }
}

fn word(reason: &Reason) -> &'static str {
    match reason {
        Reason::NoCredentials => "no_credentials",
        Reason::MalformedCredentials(_) => "malformed_credentials",
        Reason::SeveralTransports => "several_transports",
        Reason::Proof(ProofError::Replayed) => "proof_replayed",
        Reason::Proof(error) if error.error_code() == ErrorCode::UseDpopNonce => "use_dpop_nonce",
        Reason::Proof(_) => "invalid_dpop_proof",
        Reason::Token(_) => "invalid_token",
        Reason::BoundTokenAsBearer => "bound_token_as_bearer",
        Reason::UnboundTokenAsDpop => "unbound_token_as_dpop",
        Reason::BearerNotAllowed => "bearer_not_allowed",
        Reason::CertificateNotPresented => "certificate_not_presented",
        Reason::InsufficientScope => "insufficient_scope",
        Reason::ReplayStoreUnavailable => "replay_store_unavailable",
        Reason::IssuerUnavailable(TokenError::Discovery(_)) => "metadata_unavailable",
        Reason::IssuerUnavailable(TokenError::Introspection(_)) => "introspection_unavailable",
        Reason::IssuerUnavailable(_) => "keys_unavailable",
        _ => "refused",
    }
}

fn public(kind: DenialKind) -> &'static str {
    match kind {
        DenialKind::Precondition => "the credentials can not be read",
        DenialKind::Authorization => "a required scope is missing",
        DenialKind::ReplayStoreUnavailable | DenialKind::Communication => "a dependency does not answer",
        DenialKind::CommunicationTimeout => "a dependency does not answer in time",
        DenialKind::Authentication
        | DenialKind::BadRequest
        | DenialKind::PayloadTooLarge
        | DenialKind::RequestTimeout
        | DenialKind::NoRule
        | DenialKind::Internal => "the credentials are not accepted",
    }
}
