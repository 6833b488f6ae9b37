//! One pool of connections for each set of trust anchors and certificate, and on it clients that bound every call in time
//! and size.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use resource_server::{ClientError, ClientSettings, OutboundClients, OutboundHttp};

use crate::{
    client::EndpointClient,
    endpoint_tls,
    tls::{Connector, SystemTrust},
};

/// Connections that can be used again.
pub(crate) type Pool = Client<Connector, Full<Bytes>>;

/// Makes the clients of endpoints. Those without TLS settings of their own share one pool of connections.
pub struct HyperClients {
    /// For endpoints without TLS settings of their own.
    shared: Pool,
}

impl HyperClients {
    /// The shared pool trusts what the system trusts.
    ///
    /// # Errors
    ///
    /// If TLS can not be set up.
    pub fn new() -> Result<Self, rustls::Error> {
        Ok(Self { shared: pool(crate::tls::connector()?) })
    }

    /// As [`HyperClients::new`], with what was read of the system before, for other connections as well.
    #[must_use]
    pub fn trusting(system: &SystemTrust) -> Self {
        Self { shared: pool(crate::tls::connector_with(system.client_config())) }
    }
}

impl OutboundClients for HyperClients {
    fn client(&self, settings: &ClientSettings) -> Result<Arc<dyn OutboundHttp>, ClientError> {
        let pool = match (&settings.trust_anchors, &settings.certificate) {
            (None, None) => self.shared.clone(),
            (anchors, certificate) => {
                pool(endpoint_tls::connector(anchors.as_deref(), certificate.as_ref())?)
            }
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
