//! Where answers of other systems are kept: `cache` of the configuration. Used proofs are not kept here.

pub(crate) mod memory;
pub(crate) mod redis;
