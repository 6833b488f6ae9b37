//! Outgoing HTTP calls over hyper and rustls, bounded in time and size: what asks issuers for keys, metadata and verdicts,
//! and all other endpoints that the gateway calls.
//!
//! [`HyperClients`] implements the port [`OutboundClients`](resource_server::OutboundClients). Calls follow redirects
//! within their origin only, and are repeated only as their settings say. Proxies named in the environment (`HTTPS_PROXY`
//! and the like) are not used.
//!
//! It needs tokio, and is the one crate for resource servers that does.
//!
//! ```
//! use outbound::HyperClients;
//! use resource_server::{ClientSettings, OutboundClients};
//!
//! let clients = HyperClients::new()?;
//! let http = clients.client(&ClientSettings::default())?; // 5 s and 1 MB for each call
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod clients;
mod endpoint_tls;
mod redirect;
mod retry;
mod tls;

pub use clients::HyperClients;
pub use tls::{Connector, SystemTrust, client_config, connector};
