//! Upstreams: one that answers with what it saw, and ones that play a script.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

#[allow(unused_imports, reason = "not every test binary looks at what the upstream saw")]
pub use super::raw_client::seen_header;

/// Answers each request with its method, target, headers and body as JSON, and remembers the targets.
pub struct Upstream {
    pub address: SocketAddr,
    targets: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub async fn start() -> Self {
        let targets = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&targets);
        let address = scripted(move |stream| {
            let heard = Arc::clone(&heard);
            async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    heard.lock().unwrap().push(request.uri().to_string());
                    echo(request)
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await;
        Self { address, targets }
    }

    /// Requests that arrived so far.
    pub fn seen(&self) -> usize {
        self.targets.lock().unwrap().len()
    }

    /// Their targets, in the order in which they arrived.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let seen = json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    let mut response = Response::builder().header("x-upstream", "echo");
    if let Some(value) = parts.headers.get("x-answer-cache-control") {
        response = response.header("cache-control", value);
    }
    Ok(response.header("dpop-nonce", "of-the-upstream").body(Full::from(seen.to_string())).unwrap())
}

/// A server that plays a script on each connection.
pub async fn scripted<F, S>(script: S) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    scripted_at((std::net::Ipv4Addr::LOCALHOST, 0).into(), script).await
}

/// The same at this address.
pub async fn scripted_at<F, S>(address: SocketAddr, script: S) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address
}
