//! TLS towards upstreams and endpoints, here, and towards clients, in [`listener`]: one stack, one crypto library. Outgoing
//! connections trust what the system trusts.

pub(crate) mod certificate;
pub(crate) mod listener;
pub(crate) mod versions;

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// Connects over http and https.
pub(crate) type Connector = HttpsConnector<HttpConnector>;

/// A connector whose https side trusts what the system trusts. Only HTTP/1.1 is spoken.
///
/// On a system without any trust anchor, as in bare containers, every https connection fails, with one warning at start;
/// plain http works.
///
/// # Errors
///
/// If the TLS library has no usable protocol version or cipher suite, which depends on how it was built.
pub(crate) fn connector() -> Result<Connector, rustls::Error> {
    Ok(connector_with(client_config()?))
}

/// A connector with this TLS side. Only HTTP/1.1 is spoken.
pub(crate) fn connector_with(tls: ClientConfig) -> Connector {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http)
}

/// Connectors to upstreams: one that offers HTTP/2 and HTTP/1.1 over https, one for requests that need HTTP/1.1.
#[derive(Clone)]
pub(crate) struct UpstreamConnectors {
    any: Connector,
    http1: Connector,
}

impl UpstreamConnectors {
    /// Connectors that trust what the system trusts, as [`connector`] does.
    ///
    /// # Errors
    ///
    /// As those of [`connector`].
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        Ok(Self::with_config(client_config()?))
    }

    /// Connectors with this configuration, whose protocols are not set.
    pub(crate) fn with_config(config: ClientConfig) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let builder = |config| HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
        Self {
            any: builder(config.clone()).enable_all_versions().wrap_connector(http.clone()),
            http1: builder(config).enable_http1().wrap_connector(http),
        }
    }

    /// The connector for a request.
    pub(crate) fn for_versions(&self, needs_http1: bool) -> &Connector {
        if needs_http1 { &self.http1 } else { &self.any }
    }
}

fn client_config() -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?;
    match builder.clone().with_platform_verifier() {
        Ok(builder) => Ok(builder.with_no_client_auth()),
        Err(error) => {
            tracing::warn!(%error, "no trust anchors on this system, https connections will fail");
            Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        }
    }
}
