//! The way out of a network that has a proxy: `CONNECT` through the one that the environment names, as curl does.

use std::{
    error::Error as StdError,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::origin::Origin;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Connects directly, or through the proxy of `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, `NO_PROXY` respected. The
/// proxy gets a tunnel and never sees a token: TLS goes through it. This machine is always reached directly.
#[derive(Clone)]
pub(super) struct ProxyConnector {
    direct: HttpConnector,
    proxies: Arc<Matcher>,
}

impl ProxyConnector {
    pub(super) fn from_environment() -> Self {
        Self::new(Matcher::from_env())
    }

    fn new(proxies: Matcher) -> Self {
        let mut direct = HttpConnector::new();
        // TLS is a layer above: URIs with https come here, too.
        direct.enforce_http(false);
        Self { direct, proxies: Arc::new(proxies) }
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<TokioIo<TcpStream>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let is_here = Origin::of(&target).is_ok_and(|origin| origin.is_loopback());
        let proxy = if is_here { None } else { self.proxies.intercept(&target) };
        let mut direct = self.direct.clone();
        Box::pin(async move {
            let Some(proxy) = proxy else { return Ok(direct.call(target).await?) };
            if proxy.uri().scheme_str() != Some("http") {
                return Err("the proxy of the environment is not an http:// proxy".into());
            }
            let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
            if let Some(credentials) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(credentials.clone());
            }
            tunnel.call(with_port(target)?).await.map_err(|error| BoxError::from(format!("proxy: {error}")))
        })
    }
}

/// `CONNECT` names a port always (RFC 9110 §9.3.6).
fn with_port(target: Uri) -> Result<Uri, BoxError> {
    if target.port().is_some() {
        return Ok(target);
    }
    let host = target.host().unwrap_or_default();
    let port = if target.scheme_str() == Some("https") { 443 } else { 80 };
    let scheme = target.scheme_str().unwrap_or("http");
    Ok(format!("{scheme}://{host}:{port}/").parse()?)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// A proxy that answers one `CONNECT` with `status` and tells what it was asked.
    async fn proxy(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 1024];
            let length = stream.read(&mut asked).await.unwrap();
            stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
            asked.truncate(length);
            String::from_utf8(asked).unwrap()
        });
        (address, asked)
    }

    async fn connect(proxies: Matcher, target: &'static str) -> Result<TokioIo<TcpStream>, BoxError> {
        ProxyConnector::new(proxies).call(Uri::from_static(target)).await
    }

    #[tokio::test]
    async fn asks_the_proxy_for_a_tunnel() {
        let (address, asked) = proxy("200 OK").await;
        let proxies = Matcher::builder().https(format!("http://user:pass@{address}")).build();
        connect(proxies, "https://as.example.com/token").await.unwrap();
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("CONNECT as.example.com:443 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn says_when_the_proxy_refuses() {
        let (address, _) = proxy("407 Proxy Authentication Required").await;
        let proxies = Matcher::builder().https(format!("http://{address}")).build();
        let error = connect(proxies, "https://as.example.com/").await.unwrap_err();
        assert!(error.to_string().contains("proxy"), "{error}");
        let proxies = Matcher::builder().https("socks5://127.0.0.1:1").build();
        let error = connect(proxies, "https://as.example.com/").await.unwrap_err();
        assert!(error.to_string().contains("not an http:// proxy"), "{error}");
    }

    #[tokio::test]
    async fn this_machine_is_reached_directly() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target: Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let proxies = Matcher::builder().all("http://127.0.0.1:1").build();
        assert!(ProxyConnector::new(proxies).call(target).await.is_ok());
    }
}
