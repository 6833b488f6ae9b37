//! What the gateway tells its operator.

pub(crate) mod access;
pub mod log;
