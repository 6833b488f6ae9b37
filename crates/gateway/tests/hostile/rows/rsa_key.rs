//! An RSA key for clients and for the issuer.

use std::sync::LazyLock;

use jose::{Algorithm, KeyPair};

/// One key of 2048 bits for all tests: they take long to make.
pub fn rsa_key() -> KeyPair {
    static KEY: LazyLock<String> = LazyLock::new(|| {
        KeyPair::generate(Algorithm::Rs256).unwrap().to_pkcs8_pem().unwrap().as_str().to_owned()
    });
    KeyPair::from_pkcs8_pem(&KEY).unwrap().with_default_algorithm(Algorithm::Rs256)
}
