//! The gateway's decision: rules, pipeline and mechanisms, without sockets and files

pub mod document;
pub mod request;
pub mod decision;
pub mod denial;
pub mod respond;
