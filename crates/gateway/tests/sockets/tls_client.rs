//! Certificates for tests, and a client that speaks TLS with either version of HTTP.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A key with a certificate for `localhost`.
pub struct Identity {
    pub pem: String,
    pub certificate: CertificateDer<'static>,
}

/// A certificate that is valid from and to these numbers of days from now.
pub fn identity_for(days: (i64, i64)) -> Identity {
    let at = |days: i64| Duration::from_secs(days.unsigned_abs() * 86_400);
    #[allow(clippy::disallowed_methods)]
    let now = std::time::SystemTime::now();
    let time = |days: i64| if days < 0 { now - at(days) } else { now + at(days) };
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.not_before = time(days.0).into();
    parameters.not_after = time(days.1).into();
    let certificate = parameters.self_signed(&key).unwrap();
    Identity {
        pem: format!("{}{}", key.serialize_pem(), certificate.pem()),
        certificate: certificate.der().clone(),
    }
}

pub fn identity() -> Identity {
    identity_for((-1, 30))
}

pub const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
pub const OLD: &[&SupportedProtocolVersion] = &[&TLS12];

/// Connects as a client that trusts one certificate and offers these protocols.
pub async fn connect_as(
    address: SocketAddr,
    trusted: &Identity,
    alpn: &[&str],
    versions: &[&'static SupportedProtocolVersion],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

pub async fn connect(address: SocketAddr, trusted: &Identity, alpn: &[&str]) -> TlsStream<TcpStream> {
    connect_as(address, trusted, alpn, BOTH).await.unwrap()
}

/// Sends bytes, and reads until the other side ends the connection.
pub async fn exchange_tls(mut stream: TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

pub type AnyBody = UnsyncBoxBody<Bytes, io::Error>;

pub fn text_body(text: &str) -> AnyBody {
    Full::new(Bytes::from(text.to_owned())).map_err(|never| match never {}).boxed_unsync()
}

/// A body of one piece that never ends.
pub struct Stalled(pub Option<Bytes>);

impl Body for Stalled {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.0.take() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Poll::Pending,
        }
    }
}

/// A connection that speaks HTTP/2.
pub struct Http2Client {
    pub requests: http2::SendRequest<AnyBody>,
    pub connection: tokio::task::JoinHandle<Result<(), hyper::Error>>,
}

impl Http2Client {
    pub async fn connect(address: SocketAddr, trusted: &Identity) -> Self {
        Self::over(connect(address, trusted, &["h2"]).await, http2::Builder::new(TokioExecutor::new())).await
    }

    pub async fn over(stream: TlsStream<TcpStream>, builder: http2::Builder<TokioExecutor>) -> Self {
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (requests, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        Self { requests, connection: tokio::spawn(connection) }
    }

    pub fn send(
        &mut self,
        request: Request<AnyBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, hyper::Error>> + Send + use<> {
        let sending = self.requests.send_request(request);
        async move { tokio::time::timeout(Duration::from_secs(20), sending).await.expect("an answer in time") }
    }

    /// Sends a GET with these fields; the status and the body.
    pub async fn get(&mut self, uri: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let response = self.send(get(uri, fields)).await.unwrap();
        (response.status().as_u16(), text_of(response).await)
    }
}

pub fn get(uri: &str, fields: &[(&str, &str)]) -> Request<AnyBody> {
    let mut request = Request::builder().uri(uri);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(text_body("")).unwrap()
}

pub async fn text_of(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&body).into_owned()
}
