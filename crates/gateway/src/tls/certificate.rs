//! From a secret to the private key and certificates of a listener, checked before the first client sees them.

use std::sync::Arc;

use gateway_core::{
    document::{Code, Diagnostic, Diagnostics, SecretReference},
    secrets::{SecretError, SecretStore, SigningKey},
};
use jose::UnixTime;
use rustls::{
    Error,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};
use x509_parser::{
    certificate::Validity,
    prelude::{FromDer as _, X509Certificate},
};

/// Why a secret can not be shown to clients. No variant carries a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// The reference leads to no private key.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No certificate in the source is for this key.
    #[error("its source has no certificate for the private key `{id}`")]
    Missing {
        /// The key's id.
        id: String,
    },
    /// A certificate that can not be read.
    #[error("its certificate can not be read")]
    Unreadable,
    /// The time of the certificate is over.
    #[error("its certificate expired on {0}")]
    Expired(String),
    /// The time of the certificate has not begun.
    #[error("its certificate is not valid before {0}")]
    NotYetValid(String),
    /// The TLS library refuses the key or the pair.
    #[error("its key can not be used for TLS: {0}")]
    Unusable(Error),
}

impl CertificateError {
    /// Reports it at the reference; `user` is the key that holds the reference.
    pub(crate) fn report(&self, reference: &SecretReference, user: &str, diagnostics: &mut Diagnostics) {
        if let Self::Secret(error) = self {
            return error.report(reference, user, diagnostics);
        }
        diagnostics.push(
            Diagnostic::error(
                Code::UnusableCertificate,
                format!("`{user}` can not be used: {self}"),
                &reference.place,
            )
            .expected("a private key with a certificate that is valid now")
            .hint("put the key and its chain into one `pem` file, the certificate of the gateway first"),
        );
    }
}

/// The key and chain that a reference leads to, if they fit together and the certificate is valid at `now`.
///
/// # Errors
///
/// A [`CertificateError`].
pub(crate) fn certified_key(
    secrets: &SecretStore,
    reference: &SecretReference,
    now: UnixTime,
) -> Result<CertifiedKey, CertificateError> {
    let selector = reference.selector.as_ref().map(|selector| selector.value.as_str());
    let key = secrets.signing_key(&reference.source.value, selector)?;
    let Some(leaf) = key.certificates.first() else {
        return Err(CertificateError::Missing { id: key.id });
    };
    check_validity(leaf, now)?;
    let chain = key.certificates.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let certified = CertifiedKey::from_der(chain, private_key(&key)?, &aws_lc_rs::default_provider())
        .map_err(CertificateError::Unusable)?;
    Ok(certified)
}

fn private_key(key: &SigningKey) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let unusable = || CertificateError::Unusable(Error::General("it can not be exported".to_owned()));
    let pem = key.key.to_pkcs8_pem().map_err(|_| unusable())?;
    let block = jose::pem::parse(&pem).ok().and_then(|mut blocks| blocks.pop()).ok_or_else(unusable)?;
    Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(block.der.to_vec())))
}

/// Only the leaf counts: what is wrong further up the chain shows to clients that do not have it from elsewhere.
fn check_validity(leaf: &[u8], now: UnixTime) -> Result<(), CertificateError> {
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::Unreadable)?;
    let Validity { not_before, not_after } = certificate.validity();
    if now.as_seconds() > not_after.timestamp() {
        return Err(CertificateError::Expired(not_after.to_string()));
    }
    if now.as_seconds() < not_before.timestamp() {
        return Err(CertificateError::NotYetValid(not_before.to_string()));
    }
    Ok(())
}

/// The certificate of a listener as it is now; shared with the TLS library, which asks at every handshake.
#[derive(Debug)]
pub(crate) struct CurrentCertificate(arc_swap::ArcSwap<CertifiedKey>);

impl CurrentCertificate {
    /// Starts with this one.
    pub(crate) fn new(certified: CertifiedKey) -> Self {
        Self(arc_swap::ArcSwap::from_pointee(certified))
    }

    /// Shows another one from the next handshake on.
    pub(crate) fn replace(&self, certified: CertifiedKey) {
        self.0.store(Arc::new(certified));
    }
}

impl rustls::server::ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}
