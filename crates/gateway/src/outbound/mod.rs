//! Outgoing calls to endpoints: one pool of connections for each set of trust anchors and certificate, and on it clients
//! that bound every call in time and size.
//!
//! Proxies named in the environment (`HTTPS_PROXY` and the like) are not used.

mod client;
mod redirect;
mod retry;
mod tls;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use gateway_core::outbound::{ClientError, ClientSettings, OutboundClients};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use resource_server::OutboundHttp;

use self::client::EndpointClient;
use crate::tls::Connector;

/// Connections that can be used again.
type Pool = Client<Connector, Full<Bytes>>;

/// Makes the clients of endpoints.
pub(crate) struct HyperClients {
    /// For endpoints without TLS settings of their own.
    shared: Pool,
}

impl HyperClients {
    /// The shared pool trusts what the system trusts.
    ///
    /// # Errors
    ///
    /// If TLS can not be set up.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        Ok(Self { shared: pool(crate::tls::connector()?) })
    }
}

impl OutboundClients for HyperClients {
    fn client(&self, settings: &ClientSettings) -> Result<Arc<dyn OutboundHttp>, ClientError> {
        let pool = match (&settings.trust_anchors, &settings.certificate) {
            (None, None) => self.shared.clone(),
            (anchors, certificate) => pool(tls::connector(anchors.as_deref(), certificate.as_ref())?),
        };
        Ok(Arc::new(EndpointClient::new(pool, settings)))
    }
}

fn pool(connector: Connector) -> Pool {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        // Below what servers usually keep idle connections for, so that we are the ones to close.
        .pool_idle_timeout(Duration::from_secs(30))
        .build(connector)
}

impl fmt::Debug for HyperClients {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HyperClients").finish_non_exhaustive()
    }
}
