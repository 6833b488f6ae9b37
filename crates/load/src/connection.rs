//! Connections that are watched one by one: how many there are is part of the load.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, response::Parts};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::connect::HttpConnector,
    rt::{TokioExecutor, TokioTimer},
};
use thiserror::Error;
use tokio::sync::Mutex;
use tower_service::Service;

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS by prior knowledge.
    Http2,
}

/// Makes connections, with TLS where the URL says so. The certificates of the operating system are trusted.
#[derive(Clone)]
pub struct Connector {
    https: HttpsConnector<HttpConnector>,
    version: HttpVersion,
}

/// There is no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// TLS can not be set up.
    #[error("TLS can not be set up")]
    Tls(#[from] rustls::Error),
    /// Nobody answers, or not with TLS that can be trusted.
    #[error("no connection")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("no connection in time")]
    TimedOut,
    /// The peer does not speak this HTTP.
    #[error("the peer does not speak this HTTP")]
    Handshake(#[source] hyper::Error),
}

impl Connector {
    /// Connections that speak `version`.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Tls`] when TLS can not be set up.
    pub fn new(version: HttpVersion) -> Result<Self, ConnectError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let trusting =
            HttpsConnectorBuilder::new().with_provider_and_platform_verifier(Arc::clone(&provider));
        let builder = match trusting {
            Ok(builder) => builder,
            // Bare containers have no certificates: https fails there, plain http works.
            Err(_) => HttpsConnectorBuilder::new().with_tls_config(
                rustls::ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()?
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth(),
            ),
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let builder = builder.https_or_http();
        let https = match version {
            HttpVersion::Http1 => builder.enable_http1().wrap_connector(http),
            HttpVersion::Http2 => builder.enable_http2().wrap_connector(http),
        };
        Ok(Self { https, version })
    }

    pub(crate) fn version(&self) -> HttpVersion {
        self.version
    }

    async fn connect(&self, uri: &Uri) -> Result<Sender, ConnectError> {
        let mut https = self.https.clone();
        poll_fn(|context| https.poll_ready(context)).await.map_err(ConnectError::Unreachable)?;
        let stream = https.call(uri.clone()).await.map_err(ConnectError::Unreachable)?;
        // How a connection ends is told by the exchange that it breaks.
        match self.version {
            HttpVersion::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.map_err(ConnectError::Handshake)?;
                tokio::spawn(async move { drop(connection.await) });
                Ok(Sender::Http1(sender))
            }
            HttpVersion::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.timer(TokioTimer::new());
                let (sender, connection) =
                    builder.handshake(stream).await.map_err(ConnectError::Handshake)?;
                tokio::spawn(async move { drop(connection.await) });
                Ok(Sender::Http2(sender))
            }
        }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connector").field("version", &self.version).finish_non_exhaustive()
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    NotConnected,
    /// The connection broke, or what came over it was no HTTP.
    Broken,
    TimedOut,
}

impl Failure {
    /// The word of the report.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::Broken => "connection_broken",
            Self::TimedOut => "timed_out",
        }
    }
}

/// One connection, made anew when the peer closes it between two requests.
pub(crate) struct Lane {
    connector: Connector,
    uri: Uri,
    timeout: Duration,
    sender: Mutex<Option<Sender>>,
    opened: AtomicU64,
}

impl Lane {
    pub(crate) fn new(connector: Connector, uri: Uri, timeout: Duration) -> Self {
        Self { connector, uri, timeout, sender: Mutex::new(None), opened: AtomicU64::new(0) }
    }

    /// Connects before the first request.
    pub(crate) async fn open(&self) -> Result<(), ConnectError> {
        let sender = self.connect().await?;
        *self.sender.lock().await = Some(sender);
        Ok(())
    }

    /// How many connections were made.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    async fn connect(&self) -> Result<Sender, ConnectError> {
        let connecting = tokio::time::timeout(self.timeout, self.connector.connect(&self.uri));
        let sender = connecting.await.unwrap_or(Err(ConnectError::TimedOut))?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(sender)
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Parts, Failure> {
        tokio::time::timeout(self.timeout, self.exchange_in_time(request))
            .await
            .unwrap_or(Err(Failure::TimedOut))
    }

    async fn exchange_in_time(&self, request: Request<Full<Bytes>>) -> Result<Parts, Failure> {
        let mut slot = self.sender.lock().await;
        // Out of its slot: what breaks or times out is not used again.
        let mut usable = slot.take();
        if let Some(sender) = &mut usable
            && !sender.is_ready().await
        {
            usable = None;
        }
        let sender = match usable {
            Some(sender) => sender,
            None => self.connect().await.map_err(|_| Failure::NotConnected)?,
        };
        match sender {
            Sender::Http1(mut sender) => {
                let head = read(sender.send_request(request).await).await?;
                *slot = Some(Sender::Http1(sender));
                Ok(head)
            }
            Sender::Http2(mut sender) => {
                *slot = Some(Sender::Http2(sender.clone()));
                drop(slot);
                read(sender.send_request(request).await).await
            }
        }
    }
}

async fn read(response: Result<Response<Incoming>, hyper::Error>) -> Result<Parts, Failure> {
    let (head, mut body) = response.map_err(|_| Failure::Broken)?.into_parts();
    while let Some(frame) = body.frame().await {
        frame.map_err(|_| Failure::Broken)?;
    }
    Ok(head)
}
