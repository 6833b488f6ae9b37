//! TLS towards upstreams and endpoints, here, and towards clients, in [`listener`]: one stack, one crypto library. Outgoing
//! connections trust what the system trusts.

pub(crate) mod certificate;
pub(crate) mod listener;
pub(crate) mod versions;

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use outbound::Connector;
use rustls::ClientConfig;

/// Connectors to upstreams: one that offers HTTP/2 and HTTP/1.1 over https, one for requests that need HTTP/1.1.
#[derive(Clone)]
pub(crate) struct UpstreamConnectors {
    any: Connector,
    http1: Connector,
}

impl UpstreamConnectors {
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
