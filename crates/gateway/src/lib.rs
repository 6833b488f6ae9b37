//! Keybound's gateway: configuration files, listeners, reverse proxy.
//!
//! [`app::App`] puts it together. Decisions are made in `gateway-core`; this crate has the sockets, the files and the
//! clock.

pub mod app;
mod assembly;
mod cache;
mod certificates;
mod clock;
pub mod config;
mod conversion;
mod explain;
mod file_watch;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod listen;
mod management;
mod providers;
mod redis;
mod reload;
mod remembered;
mod secrets;
mod serve;
pub mod telemetry;
mod tls;

pub use app::{Addresses, App, Mode, ServeOptions, StartError};
pub use assembly::{validate_configuration, validate_rule_set};
pub use clock::Clock;
pub use conversion::{Converted, NotConverted, convert_rule_set};
pub use explain::{Call, Explained, HttpProblem, explain};
pub use gateway_core::{
    denial::Denial,
    explanation,
    rules::{conversion::Dialect, nearest::Mismatch},
};
pub use resource_server::Mode as ProofMode;
