//! Which servers, and how to get in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use zeroize::Zeroizing;

use crate::address::Address;

/// How the servers stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Single {
        /// Where it listens.
        address: Address,
        /// Number of the database.
        database: u32,
    },
    /// Servers with one primary, which the sentinels know.
    Sentinel {
        /// Where the sentinels listen; they are asked in this order.
        sentinels: Vec<Address>,
        /// The name that the sentinels know the primary by.
        primary: String,
        /// Number of the database.
        database: u32,
    },
    /// A cluster.
    Cluster {
        /// Some of its nodes; the others are learned from them.
        nodes: Vec<Address>,
    },
}

/// User name and password.
#[derive(Clone)]
pub struct Credentials {
    /// The user; `default` when missing (`requirepass`).
    pub username: Option<String>,
    /// The password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// How connections are encrypted.
#[derive(Debug, Clone)]
pub enum Tls {
    /// Not at all.
    Off,
    /// With this configuration: trust anchors, client certificate, versions. The certificate must be for the host of
    /// the address. A cluster's connections are encrypted too, but always with the trust anchors of the system.
    On(Arc<ClientConfig>),
}

/// What a [`crate::Link`] is made of.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// Which servers.
    pub topology: Topology,
    /// Who connects; nobody in particular when missing. Sentinels get no credentials.
    pub credentials: Option<Credentials>,
    /// Encryption.
    pub tls: Tls,
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
}
