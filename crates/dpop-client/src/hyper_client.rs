//! An [`HttpClient`] over hyper and rustls, with the certificates the operating system trusts.

mod proxy;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, header::USER_AGENT};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use rustls_platform_verifier::BuilderVerifierExt;
use thiserror::Error;

use self::proxy::ProxyConnector;
use crate::{
    http_client::{HttpClient, HttpError},
    origin::Origin,
};

/// From the first byte sent to the last byte received.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer that is read, in bytes.
const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// Whether requests without TLS are sent (RFC 9449 §2 asks for TLS, P15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only to this machine, for development.
    LoopbackOnly,
    /// To every host. An explicit choice for networks of containers on one machine.
    Everywhere,
}

/// HTTP and HTTPS over hyper. Follows no redirects, never repeats a request, gives up after 10 seconds or 4 MiB unless
/// told [otherwise](Self::with_limits). Other machines are reached through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` or
/// `ALL_PROXY` names, unless `NO_PROXY` lists them.
#[derive(Clone)]
pub struct HyperClient {
    client: Client<HttpsConnector<ProxyConnector>, Full<Bytes>>,
    plain_http: PlainHttp,
    timeout: Duration,
    max_response_bytes: usize,
}

/// TLS can not be set up.
#[derive(Debug, Error)]
#[error("TLS can not be set up")]
pub struct TlsSetupError(#[from] rustls::Error);

impl HyperClient {
    /// A client that trusts the operating system's certificates (or those of `SSL_CERT_FILE`). Where there are none,
    /// every https connection fails and plain http works.
    ///
    /// # Errors
    ///
    /// [`TlsSetupError`] when the TLS library has no usable protocol version.
    pub fn new(plain_http: PlainHttp) -> Result<Self, TlsSetupError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = match builder.clone().with_platform_verifier() {
            Ok(builder) => builder.with_no_client_auth(),
            // Bare containers have no certificates. Nothing is trusted then: https fails, plain http still works.
            Err(_) => builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(ProxyConnector::from_environment());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Self { client, plain_http, timeout: TIMEOUT, max_response_bytes: MAX_RESPONSE_BYTES })
    }

    /// Other limits: how long an exchange may take, and how many bytes an answer's body may have.
    #[must_use]
    pub fn with_limits(self, timeout: Duration, max_response_bytes: usize) -> Self {
        Self { timeout, max_response_bytes, ..self }
    }

    /// Sends `request` and gives the answer as soon as its head is there; the body is read piece by piece, as long as it
    /// may be. The time limit is for the head, and for each piece: see [`ResponseStream::next`].
    ///
    /// # Errors
    ///
    /// [`HttpError`] when there is no answer.
    pub async fn open(&self, request: Request<Bytes>) -> Result<Response<ResponseStream>, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let response = tokio::time::timeout(self.timeout, self.begin(request))
            .await
            .unwrap_or_else(|_| Err(HttpError::TimedOut { host: host.clone() }))?;
        Ok(response.map(|body| ResponseStream { body, host }))
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let (parts, body) = self.begin(request).await?.into_parts();
        match Limited::new(body, self.max_response_bytes).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(source) if source.is::<LengthLimitError>() => {
                Err(HttpError::TooLarge { host, max_bytes: self.max_response_bytes })
            }
            Err(source) => Err(HttpError::Unreachable { host, source }),
        }
    }

    async fn begin(&self, request: Request<Bytes>) -> Result<Response<Incoming>, HttpError> {
        let origin = Origin::of(request.uri()).map_err(|_| HttpError::NotAbsolute)?;
        let host = request.uri().authority().map(|authority| authority.host().to_owned()).unwrap_or_default();
        if !origin.is_https() && !origin.is_loopback() && self.plain_http == PlainHttp::LoopbackOnly {
            return Err(HttpError::PlainHttp { host });
        }
        let mut request = request.map(Full::new);
        request
            .headers_mut()
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(concat!("keybound/", env!("CARGO_PKG_VERSION"))));
        self.client
            .request(request)
            .await
            .map_err(|source| HttpError::Unreachable { host, source: source.into() })
    }
}

/// The body of an answer, piece by piece.
#[derive(Debug)]
pub struct ResponseStream {
    body: Incoming,
    host: String,
}

impl ResponseStream {
    /// The next piece, or `None` at the end. `patience` is how long the server may be silent; without it, forever.
    ///
    /// # Errors
    ///
    /// [`HttpError`] when the connection breaks or the server is silent for too long.
    pub async fn next(&mut self, patience: Option<Duration>) -> Result<Option<Bytes>, HttpError> {
        loop {
            let frame = match patience {
                None => self.body.frame().await,
                Some(patience) => tokio::time::timeout(patience, self.body.frame())
                    .await
                    .map_err(|_| HttpError::TimedOut { host: self.host.clone() })?,
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|source| HttpError::Unreachable {
                host: self.host.clone(),
                source: source.into(),
            })?;
            // Trailers end a body; they are nobody's business here.
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
    }
}

impl HttpClient for HyperClient {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            tokio::time::timeout(self.timeout, self.exchange(request))
                .await
                .unwrap_or(Err(HttpError::TimedOut { host }))
        })
    }
}

impl std::fmt::Debug for HyperClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HyperClient").field("plain_http", &self.plain_http).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn p15_refuses_plain_http_to_other_machines() {
        let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
        let request = Request::get("http://api.example.com/").body(Bytes::new()).unwrap();
        assert!(
            matches!(client.send(request).await, Err(HttpError::PlainHttp { host }) if host == "api.example.com")
        );
    }

    #[tokio::test]
    async fn refuses_uris_without_an_origin() {
        let client = HyperClient::new(PlainHttp::Everywhere).unwrap();
        let request = Request::get("/relative").body(Bytes::new()).unwrap();
        assert!(matches!(client.send(request).await, Err(HttpError::NotAbsolute)));
    }

    #[tokio::test]
    async fn says_which_host_can_not_be_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
        let request = Request::get(format!("http://{address}/")).body(Bytes::new()).unwrap();
        assert!(
            matches!(client.send(request).await, Err(HttpError::Unreachable { host, .. }) if host == "127.0.0.1")
        );
    }

    /// A server that reads one request and sends these bytes, then stays silent with the connection open.
    async fn server(answer: Vec<u8>) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            // The client may have gone away: that is what the tests want.
            let _ = stream.write_all(&answer).await;
            std::future::pending::<()>().await;
        });
        url
    }

    async fn get(url: &str, timeout: Duration, max_bytes: usize) -> Result<Response<Bytes>, HttpError> {
        let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap().with_limits(timeout, max_bytes);
        client.send(Request::get(url).body(Bytes::new()).unwrap()).await
    }

    #[tokio::test]
    async fn gives_up_on_a_silent_server() {
        for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"] {
            let url = server(answer.into()).await;
            let error = get(&url, Duration::from_millis(100), 1000).await.unwrap_err();
            assert!(matches!(error, HttpError::TimedOut { .. }), "{error:?}");
        }
    }

    #[tokio::test]
    async fn gives_a_long_answer_piece_by_piece() {
        let url = server(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nab".to_vec()).await;
        let client =
            HyperClient::new(PlainHttp::LoopbackOnly).unwrap().with_limits(Duration::from_secs(10), 1);
        let mut body = client.open(Request::get(url).body(Bytes::new()).unwrap()).await.unwrap().into_body();
        let patience = Some(Duration::from_millis(100));
        assert_eq!(body.next(patience).await.unwrap().unwrap().as_ref(), b"ab");
        assert!(matches!(body.next(patience).await, Err(HttpError::TimedOut { .. })));
    }

    #[tokio::test]
    async fn gives_up_on_an_endless_answer() {
        let url = server(
            b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n".iter().copied().chain([b'x'; 1001]).collect(),
        )
        .await;
        let error = get(&url, Duration::from_secs(10), 1000).await.unwrap_err();
        assert!(matches!(error, HttpError::TooLarge { max_bytes: 1000, .. }), "{error:?}");
    }
}
