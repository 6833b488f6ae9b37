//! What outgoing connections trust: what the system trusts, unless an endpoint says otherwise. One TLS stack, one crypto
//! library.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// Connects over http and https.
pub type Connector = HttpsConnector<HttpConnector>;

/// A connector whose https side trusts what the system trusts. Only HTTP/1.1 is spoken.
///
/// On a system without any trust anchor, as in bare containers, every https connection fails, with one warning at start;
/// plain http works.
///
/// # Errors
///
/// If the TLS library has no usable protocol version or cipher suite, which depends on how it was built.
pub fn connector() -> Result<Connector, rustls::Error> {
    Ok(connector_with(client_config()?))
}

/// A connector with this TLS side. Only HTTP/1.1 is spoken.
pub(crate) fn connector_with(tls: ClientConfig) -> Connector {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http)
}

/// A TLS side that trusts what the system trusts, and nobody where it trusts nobody, with a warning in the log.
///
/// # Errors
///
/// As those of [`connector`].
pub fn client_config() -> Result<ClientConfig, rustls::Error> {
    let trust = SystemTrust::read()?;
    trust.warn_if_missing();
    Ok(trust.config)
}

/// What the system trusts, read once for all who connect: these are hundreds of files, which take milliseconds.
#[derive(Debug, Clone)]
pub struct SystemTrust {
    config: ClientConfig,
    missing: Option<rustls::Error>,
}

impl SystemTrust {
    /// Reads it. A system without any trust anchor trusts nobody.
    ///
    /// # Errors
    ///
    /// As those of [`connector`].
    pub fn read() -> Result<Self, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?;
        Ok(match builder.clone().with_platform_verifier() {
            Ok(builder) => Self { config: builder.with_no_client_auth(), missing: None },
            Err(error) => {
                let builder = builder.with_root_certificates(RootCertStore::empty());
                Self { config: builder.with_no_client_auth(), missing: Some(error) }
            }
        })
    }

    /// A TLS side that trusts it; which protocols it offers is not set.
    #[must_use]
    pub fn client_config(&self) -> ClientConfig {
        self.config.clone()
    }

    /// Tells the log if there is nobody to be trusted.
    pub fn warn_if_missing(&self) {
        if let Some(error) = &self.missing {
            tracing::warn!(%error, "no trust anchors on this system, https connections will fail");
        }
    }
}
