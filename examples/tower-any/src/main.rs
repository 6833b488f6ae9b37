//! `axum-minimal` without axum: the layer stands around any tower service, here one that hyper serves.

use std::convert::Infallible;
use std::env::var;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode, Verified};
use tower::{Layer, service_fn};

async fn orders(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let verified = request.extensions().get::<Arc<Verified>>();
    let sub = verified.and_then(|verified| verified.claims.get("sub")?.as_str()).unwrap_or("nobody");
    Ok(Response::new(Full::from(format!("orders of {sub}\n"))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dpop = DpopLayer::rfc9449()
        .issuer_url(var("ISSUER")?)
        .audience("orders")
        .public_origin(var("PUBLIC_ORIGIN")?)
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100_000))
        .build()?;
    let service = TowerToHyperService::new(dpop.layer(service_fn(orders)));
    let listener = tokio::net::TcpListener::bind(var("LISTEN")?).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection broke: {error}");
            }
        });
    }
}
