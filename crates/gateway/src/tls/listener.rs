//! TLS of a listener: `serve.tls` and `management.tls`.
//!
//! Clients may choose HTTP/2 or HTTP/1.1 (ALPN, RFC 7301). There is no early data (RFC 8446 §8 lets it be replayed) and no
//! session ticket: resumption uses a memory of this process.

use std::sync::Arc;

use gateway_core::{document::SecretReference, secrets::SecretStore};
use jose::UnixTime;
use rustls::{
    CipherSuite, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsAcceptor;

use super::certificate::{CertificateError, CurrentCertificate, certified_key};
use crate::config::settings::{TlsSettings, TlsVersion};

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
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider(settings)))
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

static FROM_TLS12: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static FROM_TLS13: [&SupportedProtocolVersion; 1] = [&TLS13];

fn versions(oldest: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match oldest {
        TlsVersion::Tls12 => &FROM_TLS12,
        TlsVersion::Tls13 => &FROM_TLS13,
    }
}

/// The library's provider with the suites that are configured. As in heimdall a list without any suite of TLS 1.3 leaves all
/// of those: they are chosen separately.
fn provider(settings: &TlsSettings) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    let named = |suite: &SupportedCipherSuite| {
        configured_name(suite.suite()).is_some_and(|name| settings.cipher_suites.iter().any(|of| of == name))
    };
    let names_tls13 = provider.cipher_suites.iter().any(|suite| suite.tls13().is_some() && named(suite));
    if !settings.cipher_suites.is_empty() {
        provider.cipher_suites.retain(|suite| named(suite) || (suite.tls13().is_some() && !names_tls13));
    }
    provider
}

/// The IANA name, which is also the one in configuration files.
fn configured_name(suite: CipherSuite) -> Option<&'static str> {
    Some(match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
        }
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
        }
        _ => return None,
    })
}
