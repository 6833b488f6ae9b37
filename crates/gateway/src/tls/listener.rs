//! TLS of a listener: `serve.tls` and `management.tls`.
//!
//! Clients may choose HTTP/2 or HTTP/1.1 (ALPN, RFC 7301). There is no early data (RFC 8446 §8 lets it be replayed) and no
//! session ticket: resumption uses a memory of this process.

use std::sync::Arc;

use gateway_core::{document::SecretReference, secrets::SecretStore};
use jose::UnixTime;
use rustls::{ServerConfig, sign::CertifiedKey};
use tokio_rustls::TlsAcceptor;

use super::{
    certificate::{CertificateError, CurrentCertificate, certified_key},
    versions::{provider, versions},
};
use crate::config::settings::TlsSettings;

/// The ALPN name of HTTP/2.
pub(crate) const H2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// The TLS side of a listener, with a certificate that can change.
#[derive(Clone)]
pub(crate) struct ListenerTls {
    secret: SecretReference,
    certificate: Arc<CurrentCertificate>,
    config: Arc<ServerConfig>,
}

/// Why a listener can not speak TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenerTlsError {
    /// Key or certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Versions and cipher suites leave nothing.
    #[error(transparent)]
    Library(#[from] rustls::Error),
}

impl ListenerTls {
    /// Reads key and certificate and settles versions and cipher suites.
    ///
    /// # Errors
    ///
    /// [`ListenerTlsError`]; what the configuration check accepted does not fail unless the certificate expired since.
    pub(crate) fn new(
        settings: &TlsSettings,
        secrets: &SecretStore,
        now: UnixTime,
    ) -> Result<Self, ListenerTlsError> {
        let certified = certified_key(secrets, &settings.secret, now)?;
        let certificate = Arc::new(CurrentCertificate::new(certified));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider(&settings.cipher_suites)))
            .with_protocol_versions(versions(settings.min_version))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as _);
        config.alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
        Ok(Self { secret: settings.secret.clone(), certificate, config: Arc::new(config) })
    }

    /// Takes connections.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// The certificate that the reference leads to in these secrets, for [`ListenerTls::show`].
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn renewal(
        &self,
        secrets: &SecretStore,
        now: UnixTime,
    ) -> Result<CertifiedKey, CertificateError> {
        certified_key(secrets, &self.secret, now)
    }

    /// Shows this certificate from the next handshake on.
    pub(crate) fn show(&self, certified: CertifiedKey) {
        self.certificate.replace(certified);
    }

    /// Whether key and certificate come from this source.
    pub(crate) fn uses(&self, source: &str) -> bool {
        self.secret.source.value == source
    }
}
