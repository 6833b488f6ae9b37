//! `axum-nonces` behind nginx, which takes `/shop` off every path.

use std::env::var;

use axum::{Router, routing::get};
use resource_server_tower::{DpopLayer, MemoryReplayStore, Mode, NonceRing, SymmetricKey, axum::Dpop};

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let nonce_key = SymmetricKey::new("2027", var("NONCE_KEY")?).ok_or("NONCE_KEY is too short")?;
    let dpop = DpopLayer::rfc9449()
        .issuer_url(var("ISSUER")?)
        .audience("orders")
        .public_origin(var("PUBLIC_ORIGIN")?)
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100_000))
        .nonces(NonceRing::new(nonce_key, [])?)
        .stripped_prefix("/shop")
        .build()?;
    let orders = |Dpop(claims): Dpop<Claims>| async move { format!("orders of {}\n", claims.sub) };
    let app = Router::new().route("/orders", get(orders));
    Ok(axum::serve(tokio::net::TcpListener::bind(var("LISTEN")?).await?, app.layer(dpop)).await?)
}
