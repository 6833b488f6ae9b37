//! Outcomes of signing and of checking a signature.

/// The signature is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key is of another type, curve, `alg`, `use` or `key_ops` than the algorithm needs.
    #[error("the key does not fit the algorithm")]
    KeyDoesNotFit,
    /// The signature does not verify, or does not have the fixed length of the algorithm (RFC 7518, section 3.4: no DER).
    #[error("the signature does not verify")]
    Invalid,
}

/// Nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The key is of another type or curve than the algorithm needs.
    #[error("the key does not fit the algorithm")]
    KeyDoesNotFit,
    /// The header or the payload can not be written as JSON.
    #[error("the content can not be written as JSON")]
    NotSerializable,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed to sign")]
    Failed,
}
