//! Keys that are made once for all tests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jose::{Algorithm, KeyPair};

use super::draft::copy_of;

/// The key of the tests for this algorithm.
pub fn key_of(algorithm: Algorithm) -> KeyPair {
    static KEYS: Mutex<BTreeMap<&'static str, KeyPair>> = Mutex::new(BTreeMap::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = keys.entry(algorithm.as_str()).or_insert_with(|| KeyPair::generate(algorithm).unwrap());
    copy_of(key).with_default_algorithm(algorithm)
}

/// The RSA key, of 2048 bits: it takes long to make.
pub fn rsa_key() -> KeyPair {
    key_of(Algorithm::Rs256)
}
