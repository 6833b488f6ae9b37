//! Keybound's gateway: configuration files, listeners, reverse proxy.
//!
//! [`app::App`] puts it together. Decisions are made in `gateway-core`; this crate has the sockets, the files and the
//! clock.

pub mod app;
mod clock;
mod management;
mod outbound;
mod providers;
mod reload;
mod serve;
pub mod telemetry;
mod tls;
