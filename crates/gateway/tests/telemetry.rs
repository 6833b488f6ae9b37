//! Traces and metrics as a collector and a scraper get them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs, unreachable_pub, dead_code)]

#[path = "sockets"]
mod sockets {
    pub mod dpop_setup;
    pub mod issuer;
    pub mod raw_client;
    pub mod running_gateway;
    pub mod upstream;
}
mod telemetry {
    pub mod collector;
    pub mod metrics;
    pub mod traces;
}
