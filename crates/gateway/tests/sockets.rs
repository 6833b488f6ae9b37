//! The gateway over real sockets: what clients and upstreams see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod sockets {
    pub mod body_readers;
    pub mod cors;
    pub mod dpop_routes;
    pub mod dpop_setup;
    pub mod endpoints;
    pub mod forwarding;
    pub mod http2;
    pub mod http2_rows;
    pub mod http_layer;
    pub mod http_rules;
    pub mod introspection;
    pub mod issuer;
    pub mod lifecycle;
    pub mod management;
    pub mod raw_client;
    pub mod raw_http2;
    pub mod redis;
    #[path = "../../../dpop-redis/tests/servers/mod.rs"]
    pub mod redis_server;
    pub mod running_gateway;
    pub mod secrets;
    pub mod service;
    pub mod streams;
    pub mod time_limits;
    pub mod tls;
    pub mod tls_client;
    pub mod upstream;
    pub mod upstream_limits;
}
