//! The smallest: one route, which only a DPoP-bound access token with its proof opens.

use std::env::var;

use axum::{Router, routing::get};
use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode, axum::Dpop};

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
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
    let orders = |Dpop(claims): Dpop<Claims>| async move { format!("orders of {}\n", claims.sub) };
    let app = Router::new().route("/orders", get(orders));
    Ok(axum::serve(tokio::net::TcpListener::bind(var("LISTEN")?).await?, app.layer(dpop)).await?)
}
