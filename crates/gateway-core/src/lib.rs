//! The gateway's decision: rules, pipeline and mechanisms, without sockets and files.
//!
//! [`Gateway::build`] turns a configuration into an engine, [`Gateway::decide`] a [`request::Request`] and the time into a
//! [`decision::Decision`]. On the way: [`rules`] find the rule, its pipeline asks the [`mechanisms`], and what they refuse is
//! a [`denial::Denial`]. What is read from files arrives as [`document`] trees; keys, outgoing calls, the replay store and
//! the clock are arguments.

pub mod audit;
pub mod cache;
pub mod certificates;
mod client_credentials;
pub mod content;
pub mod decision;
pub mod denial;
pub mod document;
pub mod endpoint;
pub mod explanation;
pub mod expression;
pub mod gateway;
pub mod json_path;
pub mod mechanisms;
pub mod offered;
mod pipeline;
pub mod public_origin;
pub mod published_keys;
mod re2;
pub mod request;
pub mod request_body;
pub mod respond;
pub mod rules;
pub mod secrets;
pub mod step_observer;
pub mod subject;
pub mod template;

pub use gateway::{Gateway, GatewaySettings};
pub use resource_server::outbound;
