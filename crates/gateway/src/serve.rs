//! Listeners: from bytes on a socket to a decision and back.
//!
//! [`connection`] accepts and limits connections, [`http1`] and [`http2`] serve them, [`http_checks`] and [`trusted_proxies`] settle what the client asked
//! for, [`intake`] makes the one request type of all modes, [`gate`] decides and answers refusals. What becomes of a
//! permitted request is the mode's: [`proxy`] forwards it, [`decision`] tells the proxy in front. [`timed_io`] and [`body`]
//! hold the time limits that hyper does not have.

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod cors;
pub(crate) mod decision;
pub(crate) mod error_response;
mod fields;
pub(crate) mod forward;
pub(crate) mod gate;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod http_checks;
pub(crate) mod intake;
pub(crate) mod proxy;
mod read_limits;
pub(crate) mod streams;
pub(crate) mod timed_io;
pub(crate) mod trusted_proxies;
pub(crate) mod upgrade;
pub(crate) mod upstream;
