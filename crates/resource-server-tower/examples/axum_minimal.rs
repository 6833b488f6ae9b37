//! A protected route. `axum_minimal ISSUER JWKS_FILE`, for instance with the key set of a development server:
//! `curl http://127.0.0.1:8080/realms/dpop/protocol/openid-connect/certs > keys.json`.

use axum::{Router, routing::get};
use resource_server_tower::{DpopLayer, JwkSet, MemoryReplayStore, Mode, StaticKeys, axum::Dpop};

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

async fn hello(Dpop(claims): Dpop<Claims>) -> String {
    format!("hello {}\n", claims.sub)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (Some(issuer), Some(keys)) = (std::env::args().nth(1), std::env::args().nth(2)) else {
        return Err("usage: axum_minimal ISSUER JWKS_FILE".into());
    };
    let dpop = DpopLayer::rfc9449()
        .issuer(issuer, StaticKeys::new(JwkSet::parse(&std::fs::read(keys)?)?))
        .any_audience()
        .public_origin("http://127.0.0.1:3000")
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100_000))
        .build()?;
    let app = Router::new().route("/", get(hello)).layer(dpop);
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?)
}
