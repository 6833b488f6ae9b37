//! The gateway's decision: rules, pipeline and mechanisms, without sockets and files

pub mod decision;
pub mod denial;
pub mod document;
pub mod public_origin;
pub mod request;
pub mod respond;
pub mod rules;
pub mod secrets;
