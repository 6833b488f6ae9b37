//! Opening a connection, by topology.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, Value};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::address::Address;
use crate::config::{Credentials, RedisConfig, Tls, Topology};

/// No connection came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server did not answer in time.
    #[error("{address} did not answer within {} ms", .limit.as_millis())]
    Late {
        /// Which server.
        address: String,
        /// The time limit.
        limit: Duration,
    },
    /// The network or the TLS handshake failed.
    #[error("{address} is not reachable")]
    Unreachable {
        /// Which server.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The host of the address can not be the subject of a certificate.
    #[error("{0} has no name that a certificate could be for")]
    ServerName(String),
    /// The server refused: wrong credentials, unknown database, not a Redis.
    #[error("{address} refused")]
    Refused {
        /// Which server.
        address: String,
        /// What it said.
        source: RedisError,
    },
    /// No sentinel knows the primary.
    #[error("no sentinel knows the primary `{0}`")]
    NoPrimary(String),
    /// The sentinels' primary is a replica.
    #[error("{0} is not a primary")]
    NotPrimary(String),
}

/// An error with its causes, in one line.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// A connection for many callers at once; clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(crate) async fn send(mut self, command: &Cmd) -> Result<Value, RedisError> {
        match &mut self {
            Self::Server(server) => server.req_packed_command(command).await,
            Self::Cluster(cluster) => cluster.req_packed_command(command).await,
        }
    }
}

pub(crate) async fn connect(config: &RedisConfig) -> Result<Connection, ConnectError> {
    match &config.topology {
        Topology::Single { address, database } => {
            server(config, address, *database, config.credentials.as_ref()).await.map(Connection::Server)
        }
        Topology::Sentinel { sentinels, primary, database } => {
            let address = ask_sentinels(config, sentinels, primary).await?;
            let mut connection = server(config, &address, *database, config.credentials.as_ref()).await?;
            // A sentinel that was cut off may still name the old one.
            let role = connection.req_packed_command(&redis::cmd("ROLE")).await;
            match role {
                Ok(Value::Array(parts)) if matches!(parts.first(), Some(Value::BulkString(role)) if role == b"master") => {
                    Ok(Connection::Server(connection))
                }
                Ok(_) => Err(ConnectError::NotPrimary(address.to_string())),
                Err(source) => Err(ConnectError::Refused { address: address.to_string(), source }),
            }
        }
        Topology::Cluster { nodes } => cluster(config, nodes).await.map(Connection::Cluster),
    }
}

async fn ask_sentinels(
    config: &RedisConfig,
    sentinels: &[Address],
    primary: &str,
) -> Result<Address, ConnectError> {
    let mut last = ConnectError::NoPrimary(primary.to_owned());
    for sentinel in sentinels {
        let mut connection = match server(config, sentinel, 0, None).await {
            Ok(connection) => connection,
            Err(error) => {
                last = error;
                continue;
            }
        };
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(primary);
        let answer = within(config, sentinel, connection.req_packed_command(&command)).await?;
        match answer.and_then(|answer| Ok(redis::from_redis_value::<Option<(String, u16)>>(answer)?)) {
            Ok(Some((host, port))) => return Ok(Address { host, port }),
            Ok(None) => last = ConnectError::NoPrimary(primary.to_owned()),
            Err(source) => last = ConnectError::Refused { address: sentinel.to_string(), source },
        }
    }
    Err(last)
}

async fn within<T>(
    config: &RedisConfig,
    address: &Address,
    work: impl Future<Output = T>,
) -> Result<T, ConnectError> {
    let limit = config.connect_timeout;
    timeout(limit, work).await.map_err(|_| ConnectError::Late { address: address.to_string(), limit })
}

async fn server(
    config: &RedisConfig,
    address: &Address,
    database: u32,
    credentials: Option<&Credentials>,
) -> Result<MultiplexedConnection, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable { address: address.to_string(), source };
    within(config, address, async {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        match &config.tls {
            Tls::Off => log_in(address, stream, database, credentials).await,
            Tls::On(tls) => {
                let name = ServerName::try_from(address.host.clone())
                    .map_err(|_| ConnectError::ServerName(address.to_string()))?;
                let connector = TlsConnector::from(Arc::clone(tls));
                let stream = connector.connect(name, stream).await.map_err(unreachable)?;
                log_in(address, stream, database, credentials).await
            }
        }
    })
    .await?
}

async fn log_in(
    address: &Address,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    database: u32,
    credentials: Option<&Credentials>,
) -> Result<MultiplexedConnection, ConnectError> {
    let mut user = RedisConnectionInfo::default().set_db(i64::from(database)).set_skip_set_lib_name();
    if let Some(credentials) = credentials {
        user = user.set_password(credentials.password.as_str());
        if let Some(username) = &credentials.username {
            user = user.set_username(username);
        }
    }
    // Time limits are the caller's.
    let settings = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let (connection, driver) = MultiplexedConnection::new_with_config(&user, stream, settings)
        .await
        .map_err(|source| ConnectError::Refused { address: address.to_string(), source })?;
    // Ends when the last clone of the connection is gone, or the peer is.
    tokio::spawn(driver);
    Ok(connection)
}

async fn cluster(config: &RedisConfig, nodes: &[Address]) -> Result<ClusterConnection, ConnectError> {
    let names = nodes.iter().map(Address::to_string).collect::<Vec<_>>().join(", ");
    let refused = |source| ConnectError::Refused { address: names.clone(), source };
    let scheme = match config.tls {
        Tls::Off => "redis",
        Tls::On(_) => "rediss",
    };
    let urls = nodes.iter().map(|node| format!("{scheme}://{node}"));
    // Commands are never sent twice: an answer that was not seen may have been a success.
    let mut builder = ClusterClientBuilder::new(urls).retries(0).connection_timeout(config.connect_timeout);
    if let Some(credentials) = &config.credentials {
        builder = builder.password(credentials.password.as_str());
        if let Some(username) = &credentials.username {
            builder = builder.username(username);
        }
    }
    let client = builder.build().map_err(refused)?;
    let limit = config.connect_timeout;
    timeout(limit, client.get_async_connection())
        .await
        .map_err(|_| ConnectError::Late { address: names.clone(), limit })?
        .map_err(refused)
}
