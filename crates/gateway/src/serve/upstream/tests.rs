use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_rustls::TlsAcceptor;

use super::*;

type TestPool = Arc<Pool<Full<Bytes>>>;

const LIMITS: PoolLimits = PoolLimits { max_per_host: None, max_idle: 100, max_idle_per_host: 100 };

/// An upstream that tells what it saw, and what happened to it.
struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Each answer takes one.
    answers: Arc<Semaphore>,
}

async fn answer(
    request: Request<Incoming>,
    answers: Arc<Semaphore>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    answers.acquire().await.unwrap().forget();
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap());
    let seen = format!("{:?} {} {host:?}", request.version(), request.uri());
    Ok(Response::new(Full::from(seen)))
}

impl Upstream {
    /// Over TLS with these protocols, or plain without any. Closes each connection after `requests` requests.
    async fn start(tls: Option<TlsAcceptor>, closes_after_one: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, answers) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1_000)));
        let (counter, gate) = (Arc::clone(&connections), Arc::clone(&answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let (tls, gate) = (tls.clone(), Arc::clone(&gate));
                let service = service_fn(move |request| answer(request, Arc::clone(&gate)));
                tokio::spawn(async move {
                    let Some(tls) = tls else {
                        let io = TokioIo::new(stream);
                        let mut builder = http1::Builder::new();
                        return builder.keep_alive(!closes_after_one).serve_connection(io, service).await;
                    };
                    let stream = tls.accept(stream).await.unwrap();
                    let speaks_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let io = TokioIo::new(stream);
                    if speaks_h2 {
                        http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
                    } else {
                        http1::Builder::new().serve_connection(io, service).await
                    }
                });
            }
        });
        Self { address, connections, answers }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn pool(limits: PoolLimits, roots: RootCertStore) -> TestPool {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Pool::new(UpstreamConnectors::with_config(config), limits)
}

/// A TLS upstream with these protocols, and a pool that trusts it.
async fn tls_upstream(protocols: &[&str]) -> (Upstream, TestPool) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let upstream = Upstream::start(Some(TlsAcceptor::from(Arc::new(config))), false).await;
    (upstream, pool(LIMITS, roots))
}

fn origin(uri: &Uri) -> Origin<'_> {
    Origin { is_https: uri.scheme_str() == Some("https"), authority: uri.authority().unwrap().as_str() }
}

/// Sends a GET for the host `api.example`; the status and what the upstream saw.
async fn call(pool: &TestPool, uri: &str, needs_http1: bool) -> Result<(StatusCode, String), BoxError> {
    let uri: Uri = uri.parse().unwrap();
    let host = pool.host(origin(&uri)).unwrap();
    let request =
        Request::builder().uri(uri.path_and_query().unwrap().as_str()).header("host", "api.example");
    let mut request = Box::new(request.body(Full::default()).unwrap());
    loop {
        let reservation = host.reserve(needs_http1).await.unwrap();
        match attempt(&host, reservation, needs_http1, request).await? {
            Attempt::Answered(response) => {
                let status = response.status();
                let body = response.into_body().collect().await?.to_bytes();
                return Ok((status, String::from_utf8_lossy(&body).into_owned()));
            }
            Attempt::Unsent(unsent) => request = unsent,
        }
    }
}

#[tokio::test]
async fn over_tls_the_upstream_chooses_http_2_and_one_connection_is_enough() {
    let (upstream, pool) = tls_upstream(&["h2", "http/1.1"]).await;
    let uri = format!("https://localhost:{}/a?b", upstream.address.port());
    // The authority is that of the request, not the address we connect to; there is no other host.
    let expected = "HTTP/2.0 https://api.example/a?b None";
    assert_eq!(call(&pool, &uri, false).await.unwrap().1, expected);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (pool, uri) = (Arc::clone(&pool), uri.clone());
            tokio::spawn(async move { call(&pool, &uri, false).await.unwrap().1 })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), expected);
    }
    assert_eq!(upstream.connections(), 1);
    // What needs HTTP/1.1 gets it, from the same upstream.
    let old = call(&pool, &uri, true).await.unwrap().1;
    assert_eq!(old, r#"HTTP/1.1 /a?b Some("api.example")"#);
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn an_upstream_without_http_2_gets_http_1_1() {
    let (upstream, pool) = tls_upstream(&["http/1.1"]).await;
    let uri = format!("https://localhost:{}/", upstream.address.port());
    for _ in 0..3 {
        let seen = call(&pool, &uri, false).await.unwrap().1;
        assert_eq!(seen, r#"HTTP/1.1 / Some("api.example")"#);
    }
    assert_eq!(upstream.connections(), 1, "kept for the next request");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (upstream, _) = tls_upstream(&["h2"]).await;
    let stranger = pool(LIMITS, RootCertStore::empty());
    let uri = format!("https://localhost:{}/", upstream.address.port());
    assert!(call(&stranger, &uri, false).await.is_err());
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_no_request() {
    let upstream = Upstream::start(None, true).await;
    let pool = pool(LIMITS, RootCertStore::empty());
    let uri = format!("http://{}/", upstream.address);
    for _ in 0..20 {
        assert_eq!(call(&pool, &uri, false).await.unwrap().0, StatusCode::OK);
    }
}

/// Starts calls, and lets the upstream answer them only once `connections` are there.
async fn call_at_once(upstream: &Upstream, pool: &TestPool, calls: usize, connections: usize) {
    upstream.answers.forget_permits(1_000);
    let uri = format!("http://{}/", upstream.address);
    let calls: Vec<_> = (0..calls)
        .map(|_| {
            let (pool, uri) = (Arc::clone(pool), uri.clone());
            tokio::spawn(async move { call(&pool, &uri, false).await.unwrap().0 })
        })
        .collect();
    while upstream.connections() < connections {
        tokio::task::yield_now().await;
    }
    upstream.answers.add_permits(1_000);
    for call in calls {
        assert_eq!(call.await.unwrap(), StatusCode::OK);
    }
}

#[tokio::test]
async fn no_host_has_more_connections_than_allowed_and_all_requests_get_their_turn() {
    let upstream = Upstream::start(None, false).await;
    let pool = pool(PoolLimits { max_per_host: Some(3), ..LIMITS }, RootCertStore::empty());
    call_at_once(&upstream, &pool, 40, 3).await;
    assert_eq!(upstream.connections(), 3);
    // Also when each connection ends with its request.
    let closing = Upstream::start(None, true).await;
    call_at_once(&closing, &pool, 20, 3).await;
    assert_eq!(closing.connections(), 20);
}

#[tokio::test]
async fn idle_connections_are_kept_up_to_both_limits() {
    for (limits, kept) in [
        (PoolLimits { max_idle_per_host: 2, ..LIMITS }, 2),
        (PoolLimits { max_idle: 1, ..LIMITS }, 1),
        (PoolLimits { max_idle: 0, ..LIMITS }, 0),
    ] {
        let upstream = Upstream::start(None, false).await;
        let pool = pool(limits, RootCertStore::empty());
        call_at_once(&upstream, &pool, 4, 4).await;
        // Connections come back when their answers were read to the end, which we can not see from here.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        call_at_once(&upstream, &pool, 4, 8 - kept).await;
        assert_eq!(upstream.connections(), 8 - kept, "{limits:?}");
    }
}

#[tokio::test]
async fn the_queue_has_an_end() {
    let pool = pool(PoolLimits { max_per_host: Some(1), ..LIMITS }, RootCertStore::empty());
    let host = pool.host(origin(&Uri::from_static("http://a.example/"))).unwrap();
    let taken = host.reserve(false).await.unwrap();
    let mut waiting: Vec<_> = Vec::new();
    for _ in 0..1_024 {
        let mut next = Box::pin(host.reserve(false));
        assert!(timeout(Duration::ZERO, next.as_mut()).await.is_err());
        waiting.push(next);
    }
    assert!(host.reserve(false).await.is_err());
    waiting.pop();
    drop(taken);
    assert!(waiting.remove(0).await.is_ok());
}
