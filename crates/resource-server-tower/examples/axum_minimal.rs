//! A protected route. Start `keybound authorization-server`, save its keys, and run this beside them:
//! `curl http://127.0.0.1:8080/realms/dpop/protocol/openid-connect/certs > keys.json`.

use axum::{Router, routing::get};
use resource_server_tower::{DpopLayer, JwkSet, MemoryReplayStore, Mode, StaticKeys, axum::Dpop};

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys = JwkSet::parse(&std::fs::read("keys.json")?)?;
    let dpop = DpopLayer::rfc9449()
        .issuer("http://127.0.0.1:8080/realms/dpop", StaticKeys::new(keys))
        .any_audience()
        .public_origin("http://127.0.0.1:3000")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100_000))
        .build()?;
    let hello = |Dpop(claims): Dpop<Claims>| async move { format!("hello {}\n", claims.sub) };
    let app = Router::new().route("/", get(hello)).layer(dpop);
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?)
}
