//! What the memory store is built of. `model.rs` compiles the same store over a scheduler's counterparts of these.

pub(super) use std::hash::RandomState as FingerprintKey;
pub(super) use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

pub(super) use parking_lot::Mutex;

/// Into how many parts the store is divided.
pub(super) const SHARDS: usize = 1024;
