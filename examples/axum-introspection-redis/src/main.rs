//! `axum-nonces` for several nodes, and for tokens that may be revoked: the issuer is asked about each token, and Redis
//! remembers used proofs for all nodes.

use std::env::var;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, routing::get};
use dpop_redis::{Link, RedisConfig, RedisReplayStore, Tls, Topology};
use resource_server_tower::{
    ClientSecret, DpopLayer, Mode, NonceRing, SymmetricKey, VerdictLifetime, axum::Dpop,
};

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let nonce_key = SymmetricKey::new("2027", var("NONCE_KEY")?).ok_or("NONCE_KEY is too short")?;
    let redis = Arc::new(Link::new(RedisConfig {
        topology: Topology::Single { address: var("REDIS")?.parse()?, database: 0 },
        credentials: None,
        tls: Tls::Off,
        connect_timeout: Duration::from_secs(3),
    }));
    redis.connect();
    // From now on the connection mends itself; until it has, requests are answered with 503.
    redis.connected().await;
    let client = ClientSecret::basic("orders", var("CLIENT_SECRET")?);
    let dpop = DpopLayer::rfc9449()
        .introspection(var("ISSUER")?, client, VerdictLifetime::OneRequest)
        .audience("orders")
        .public_origin(var("PUBLIC_ORIGIN")?)
        .mode(Mode::Require)
        .replay_store(RedisReplayStore::new(redis, Duration::from_millis(100)))
        .nonces(NonceRing::new(nonce_key, [])?)
        .build()?;
    let orders = |Dpop(claims): Dpop<Claims>| async move { format!("orders of {}\n", claims.sub) };
    let app = Router::new().route("/orders", get(orders));
    Ok(axum::serve(tokio::net::TcpListener::bind(var("LISTEN")?).await?, app.layer(dpop)).await?)
}
