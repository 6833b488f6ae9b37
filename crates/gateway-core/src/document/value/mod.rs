//! Value types that several settings share, one grammar per file.

pub(super) mod byte_size;
pub(super) mod duration;
pub(super) mod endpoint;
pub(super) mod network;
pub(super) mod secret_reference;
