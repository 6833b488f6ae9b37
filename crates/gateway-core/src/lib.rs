//! The gateway's decision: rules, pipeline and mechanisms, without sockets and files

pub mod decision;
pub mod denial;
pub mod document;
pub mod gateway;
pub mod json_path;
pub mod mechanisms;
mod pipeline;
pub mod public_origin;
pub mod published_keys;
pub mod request;
pub mod respond;
pub mod rules;
pub mod secrets;
pub mod subject;
pub mod template;

pub use gateway::{Gateway, GatewaySettings};
