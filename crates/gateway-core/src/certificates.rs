//! The port for certificates that issuers publish with their keys: chains are a matter of the TLS stack.

use std::{fmt, sync::Arc};

use jose::{IssuerKey, UnixTime};
use resource_server::{CertificateCheck, CertificateError};
use thiserror::Error;

/// Makes checks of certificate chains.
pub trait CertificateTrust: Send + Sync + fmt::Debug {
    /// A check against these certificates, each as DER; without them against those that the system trusts.
    ///
    /// # Errors
    ///
    /// A [`TrustAnchorError`] when one of them is no usable certificate.
    fn check(&self, trust_anchors: Option<&[Vec<u8>]>)
    -> Result<Arc<dyn CertificateCheck>, TrustAnchorError>;
}

/// A certificate to trust that can not be used; the text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a certificate to trust can not be used: {0}")]
pub struct TrustAnchorError(pub String);

/// Trusts nobody: keys with certificates are not used. For hosts without a TLS stack.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrust;

impl CertificateTrust for NoTrust {
    fn check(&self, _: Option<&[Vec<u8>]>) -> Result<Arc<dyn CertificateCheck>, TrustAnchorError> {
        Ok(Arc::new(*self))
    }
}

impl CertificateCheck for NoTrust {
    fn check(&self, _: &IssuerKey, _: UnixTime) -> Result<UnixTime, CertificateError> {
        Err(CertificateError("no certificate is trusted here; set `validate_jwk: false`".to_owned()))
    }
}
