//! An upstream that answers with what it received, in the shape of `traefik/whoami`'s JSON. It needs no token: what
//! reaches it has passed a gateway.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use serde::Serialize;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

/// Largest body that is echoed, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a client may take to send a request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long running answers may take when the echo stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A running echo.
pub(crate) struct Echo {
    address: SocketAddr,
    seen: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// What was received; field names and their order are whoami's, `body` is ours.
#[derive(Serialize)]
struct Received<'a> {
    hostname: String,
    ip: Vec<String>,
    headers: BTreeMap<String, Vec<String>>,
    url: String,
    host: String,
    method: &'a str,
    #[serde(rename = "remoteAddr")]
    remote_address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
}

impl Echo {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address can not be listened on.
    pub(crate) async fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(listener, seen.clone(), stopped));
        Ok(Self { address, seen, stop, server })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have reached it.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Stops listening and waits a moment for running answers.
    pub(crate) async fn shutdown(self) {
        // An error of either means that the server is gone already, which is what is wanted.
        let _ = self.stop.send(());
        let _ = self.server.await;
    }
}

async fn serve(listener: TcpListener, seen: Arc<AtomicU64>, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => answer_connection(stream, peer, seen.clone(), &graceful),
                // Out of file descriptors, for instance: wait for some to come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            _ = &mut stopped => break,
        }
    }
    // A time-out leaves the slowest answers to the end of the process.
    drop(tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await);
}

fn answer_connection(stream: TcpStream, peer: SocketAddr, seen: Arc<AtomicU64>, graceful: &GracefulShutdown) {
    let local = stream.local_addr().ok();
    let service = service_fn(move |request| {
        seen.fetch_add(1, Ordering::SeqCst);
        async move { Ok::<_, Infallible>(answer(request, peer, local).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    // A broken connection is its client's matter.
    tokio::spawn(async move { drop(connection.await) });
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    local: Option<SocketAddr>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return response;
    };
    let received = Received {
        hostname: host_name(),
        ip: local.map(|address| address.ip().to_string()).into_iter().collect(),
        headers: headers_as_written_by_go(&head.headers),
        url: head.uri.to_string(),
        host: head.headers.get(HOST).map(text).unwrap_or_default(),
        method: head.method.as_str(),
        remote_address: peer.to_string(),
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    };
    let text = serde_json::to_vec(&received).unwrap_or_default();
    let mut response = Response::new(Full::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `Host` stands apart, as in whoami; names have Go's spelling (`Dpop`, `User-Agent`).
fn headers_as_written_by_go(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    headers
        .keys()
        .filter(|name| **name != HOST)
        .map(|name| (canonical(name.as_str()), headers.get_all(name).iter().map(text).collect()))
        .collect()
}

fn canonical(name: &str) -> String {
    let words: Vec<String> = name
        .split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
        })
        .collect();
    words.join("-")
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    "localhost".to_owned()
}

#[cfg(test)]
mod tests {
    use dpop_client::{HttpClient, HyperClient, PlainHttp};
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn answers_what_it_received_and_counts() {
        let echo = Echo::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
        let request = Request::put(format!("http://{}/api/x%2Fy?q=1", echo.address()))
            .header("x-twice", "1")
            .header("x-twice", "2")
            .header("dpop", "proof")
            .body(Bytes::from_static("grüße".as_bytes()))
            .unwrap();
        assert_eq!(echo.seen(), 0);
        let response = client.send(request).await.unwrap();
        assert_eq!(echo.seen(), 1);
        let received: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(received["method"], "PUT");
        assert_eq!(received["url"], "/api/x%2Fy?q=1");
        assert_eq!(received["host"], echo.address().to_string());
        assert_eq!(received["headers"]["X-Twice"], serde_json::json!(["1", "2"]));
        assert_eq!(received["headers"]["Dpop"], serde_json::json!(["proof"]));
        assert_eq!(received["headers"].get("Host"), None);
        assert_eq!(received["ip"], serde_json::json!(["127.0.0.1"]));
        assert_eq!(received["body"], "grüße");
        drop(client);
        echo.shutdown().await;
    }

    #[tokio::test]
    async fn refuses_bodies_over_the_limit() {
        let echo = Echo::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
        let request = Request::post(format!("http://{}/", echo.address()))
            .body(Bytes::from(vec![b'x'; MAX_BODY_BYTES + 1]))
            .unwrap();
        assert_eq!(client.send(request).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
