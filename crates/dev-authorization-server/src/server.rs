//! Starting and stopping: the only place with a socket.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use dpop::{MemoryReplayStore, NonceRing, Policy};
use jose::{KeyPairError, SymmetricKey, crypto};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use url::Url;

use crate::{
    app::{App, ServedRealm, proof_algorithms},
    clock::Clock,
    keys::RealmKeys,
    misbehaviour::Misbehaviour,
    realm::Realm,
    store::Store,
};

/// How many used proofs are remembered at once; when full, requests are refused until some run out.
const REPLAY_CAPACITY: usize = 200_000;
/// How long requests under way may take after a shutdown was asked for.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// How a server is started.
#[derive(Debug)]
pub struct Options {
    /// Where to listen. Port 0 lets the system choose.
    pub address: SocketAddr,
    /// The realms to serve, one of each name.
    pub realms: Vec<Realm>,
    /// Scheme, host and port under which clients know this server, such as `http://127.0.0.1:8080`; issuers start with it.
    /// `None`: `http` and the address listened on.
    pub base_url: Option<String>,
    /// Demand DPoP nonces, at the token and PAR endpoints as well as at UserInfo and the admin API (RFC 9449 §8, §9).
    pub nonces: bool,
    /// Where the time comes from.
    pub clock: Clock,
    /// Something to do wrong on purpose.
    pub misbehaviour: Option<Misbehaviour>,
}

impl Options {
    /// A server on this address for these realms: no nonces, the system's clock, no misbehaviour.
    #[must_use]
    pub fn new(address: SocketAddr, realms: Vec<Realm>) -> Self {
        Self { address, realms, base_url: None, nonces: false, clock: Clock::System, misbehaviour: None }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address can not be listened on.
    #[error("can not listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Two realms of one name.
    #[error("there are two realms with the name {0}")]
    DuplicateRealm(String),
    /// The base URL has more than scheme, host and port, or less.
    #[error("the base URL must be http:// or https:// with a host and nothing behind it: {0}")]
    BaseUrl(String),
    /// No signing key could be made for a realm.
    #[error("no signing key could be made for the realm {realm}")]
    Keys {
        /// The realm's name.
        realm: String,
        /// What failed.
        source: KeyPairError,
    },
    /// No key for nonces could be made.
    #[error("no key for nonces could be made")]
    NonceKeys,
}

/// The authorization server for development.
#[derive(Debug)]
pub struct AuthorizationServer;

impl AuthorizationServer {
    /// Starts to listen and serves in the background until [`Handle::shutdown`]; dropping the handle ends it as well.
    ///
    /// Needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing is left behind then.
    pub async fn start(options: Options) -> Result<Handle, StartError> {
        let listen_error = |source| StartError::Listen { address: options.address, source };
        let listener = TcpListener::bind(options.address).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let base_url = match &options.base_url {
            Some(base_url) => checked_base_url(base_url)?,
            None => format!("http://{}", reachable(address)),
        };
        let app = Arc::new(build(options, base_url.clone())?);
        let router = app.router();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let server = axum::serve(listener, router).with_graceful_shutdown(async move {
                // Either a word or the end of the handle.
                let _ = stopped.await;
            });
            if let Err(error) = server.await {
                tracing::error!(%error, "the authorization server stopped");
            }
        });
        Ok(Handle { address, base_url, stop, task })
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    base_url: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What all its URLs start with, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The issuer of a realm: `…/realms/{realm}`.
    #[must_use]
    pub fn issuer(&self, realm: &str) -> String {
        format!("{}/realms/{realm}", self.base_url)
    }

    /// Takes no new connections, lets running requests end (for five seconds at most), and returns.
    pub async fn shutdown(self) {
        let Self { stop, mut task, .. } = self;
        // It fails only when the server is gone already.
        let _ = stop.send(());
        if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

fn build(options: Options, base_url: String) -> Result<App, StartError> {
    let proof_policy = Policy { algorithms: proof_algorithms(), ..Policy::rfc9449() };
    let replay = Arc::new(MemoryReplayStore::new(REPLAY_CAPACITY));
    // Two rings: nonces of the token endpoint mean nothing at the protected resources, and the reverse (RFC 9449 §8, §9).
    let (nonces, resource_nonces) = if options.nonces {
        (Some(nonce_ring("authorization-server")?), Some(Arc::new(nonce_ring("resources")?)))
    } else {
        (None, None)
    };
    let mut realms = BTreeMap::new();
    for realm in options.realms {
        let keys = RealmKeys::generate(realm.signing_algorithm)
            .map_err(|source| StartError::Keys { realm: realm.name.clone(), source })?;
        let served = ServedRealm::new(
            realm,
            &base_url,
            Arc::new(keys),
            &proof_policy,
            &replay,
            resource_nonces.as_ref(),
        );
        if let Some(earlier) = realms.insert(served.realm.name.clone(), Arc::new(served)) {
            return Err(StartError::DuplicateRealm(earlier.realm.name.clone()));
        }
    }
    Ok(App {
        base_url,
        realms,
        store: Store::new(),
        replay,
        nonces,
        proof_policy,
        clock: options.clock,
        misbehaviour: options.misbehaviour,
    })
}

fn nonce_ring(kid: &str) -> Result<NonceRing, StartError> {
    let key = SymmetricKey::new(kid, crypto::random::<32>()).ok_or(StartError::NonceKeys)?;
    NonceRing::new(key, []).map_err(|_| StartError::NonceKeys)
}

/// The address to call when the one listened on means "all of them".
fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(loopback, address.port())
}

fn checked_base_url(base_url: &str) -> Result<String, StartError> {
    let trimmed = base_url.trim_end_matches('/');
    let refuse = || StartError::BaseUrl(base_url.to_owned());
    let url = Url::parse(trimmed).map_err(|_| refuse())?;
    let origin = url.origin().ascii_serialization();
    let is_origin = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && trimmed.eq_ignore_ascii_case(&origin);
    if is_origin { Ok(origin) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_scheme_host_and_port() {
        assert_eq!(checked_base_url("http://127.0.0.1:8080/").unwrap(), "http://127.0.0.1:8080");
        assert_eq!(checked_base_url("https://ID.example").unwrap(), "https://id.example");
        for bad in [
            "127.0.0.1:8080",
            "https://id.example/auth",
            "ftp://id.example",
            "https://u@id.example",
            "https://id.example?x",
        ] {
            assert!(checked_base_url(bad).is_err(), "{bad}");
        }
    }
}
