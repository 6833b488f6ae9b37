//! The commands as processes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
mod credentials;
mod explain;
mod fake_servers;
mod gateway;
mod load;
mod login_ways;
mod operations;
mod options;
mod program;
mod why;
