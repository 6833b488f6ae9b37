//! The wire contract through a tower service.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod observed;
mod proxy_watch;
mod route_policy;
mod scene;
mod token_policy;
mod wire;
