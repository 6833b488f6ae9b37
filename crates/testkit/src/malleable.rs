//! Signatures that are as good as the one they are made of, or look so: a proof must not pass a second time with them.

/// The order of the group of P-256, most significant byte first.
pub const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order of the group of Ed25519, least significant byte first.
pub const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The twin of an ES256 signature, `s` replaced by `n - s`: it verifies whenever the signature does. A server that
/// remembers signatures in place of `jti` accepts the same proof twice.
///
/// ```
/// use jose::{Algorithm, KeyPair};
/// use testkit::malleable::es256_twin;
///
/// let key = KeyPair::generate(Algorithm::Es256)?;
/// let signature = key.sign(b"message")?;
/// let twin = es256_twin(&signature);
/// assert_ne!(twin, signature);
/// assert!(key.public_jwk().verify(Algorithm::Es256, b"message", &twin).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// When the signature has no 64 bytes.
#[must_use]
pub fn es256_twin(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at_checked(32).expect("an ES256 signature has 64 bytes");
    assert_eq!(s.len(), 32, "an ES256 signature has 64 bytes");
    let mut borrow = 0;
    let mut twin: Vec<u8> = P256_ORDER
        .iter()
        .zip(s)
        .rev()
        .map(|(order, byte)| {
            let difference = i16::from(*order) - i16::from(*byte) - borrow;
            borrow = i16::from(difference < 0);
            difference.rem_euclid(256).try_into().unwrap_or_default()
        })
        .collect();
    twin.reverse();
    [r, &twin].concat()
}

/// An Ed25519 signature with the order of the group added to `S`: it fulfils the same equation, and RFC 8032, section
/// 5.1.7, refuses it.
///
/// ```
/// use jose::{Algorithm, KeyPair};
/// use testkit::malleable::ed25519_beyond_order;
///
/// let key = KeyPair::generate(Algorithm::Ed25519)?;
/// let beyond = ed25519_beyond_order(&key.sign(b"message")?);
/// assert!(key.public_jwk().verify(Algorithm::Ed25519, b"message", &beyond).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// When the signature has no 64 bytes.
#[must_use]
pub fn ed25519_beyond_order(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at_checked(32).expect("an Ed25519 signature has 64 bytes");
    assert_eq!(s.len(), 32, "an Ed25519 signature has 64 bytes");
    let mut carry = 0;
    let sum = s.iter().zip(ED25519_ORDER).map(|(byte, order)| {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        carry = sum >> 8;
        sum.to_le_bytes().into_iter().next().unwrap_or_default()
    });
    let sum: Vec<u8> = sum.collect();
    [r, &sum].concat()
}

#[cfg(test)]
mod tests {
    use jose::{Algorithm, KeyPair};

    use super::*;

    #[test]
    fn the_twin_verifies_and_its_twin_is_the_first() {
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        let signature = key.sign(b"message").unwrap();
        let twin = es256_twin(&signature);
        assert_ne!(twin, signature);
        key.public_jwk().verify(Algorithm::Es256, b"message", &twin).unwrap();
        assert_eq!(es256_twin(&twin), signature);
    }

    #[test]
    fn beyond_the_order_the_same_point_is_reached_and_refused() {
        let key = KeyPair::generate(Algorithm::Ed25519).unwrap();
        let signature = key.sign(b"message").unwrap();
        let other = ed25519_beyond_order(&signature);
        assert_eq!((other.len(), &other[..32]), (64, &signature[..32]));
        assert!(key.public_jwk().verify(Algorithm::Ed25519, b"message", &other).is_err());
    }
}
