//! `axum_minimal` with nonces, and with a scope for one of its routes: what differs is marked.

use axum::{Router, routing::get};
use resource_server_tower::{
    DpopLayer, JwkSet, MemoryReplayStore, Mode, NonceRing, RequireScopes, StaticKeys, SymmetricKey,
    axum::Dpop,
};

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys = JwkSet::parse(&std::fs::read("keys.json")?)?;
    // The nonce key: the same on all nodes of a service, from its secrets.
    let key =
        SymmetricKey::new("2027", std::env::var("NONCE_KEY")?).ok_or("NONCE_KEY is shorter than 16 bytes")?;
    let dpop = DpopLayer::rfc9449()
        .issuer("http://127.0.0.1:8080/realms/dpop", StaticKeys::new(keys))
        .any_audience()
        .public_origin("http://127.0.0.1:3000")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100_000))
        .nonces(NonceRing::new(key, [])?) // differs
        .build()?;
    let hello = |Dpop(claims): Dpop<Claims>| async move { format!("hello {}\n", claims.sub) };
    let orders = get(|| async { "no orders\n" }).route_layer(RequireScopes::all(["orders:read"])); // differs
    let app = Router::new().route("/", get(hello)).route("/orders", orders).layer(dpop);
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?)
}
