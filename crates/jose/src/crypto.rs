//! Hash, MAC, key derivation, authenticated encryption and random bytes.
//!
//! Together with [`crate::PublicJwk::verify`] and [`crate::KeyPair::sign`] this is the seam to the cryptographic library.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac, rand};

/// The ciphertext was not made with this key, nonce and associated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext does not open")]
pub struct OpenError;

/// SHA-1, for names only: the key identifiers of RFC 5280, section 4.2.1.2, and templates. Nothing secure may rest on it.
#[must_use]
pub fn sha1(message: &[u8]) -> [u8; 20] {
    to_array(&digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, message))
}

/// SHA-256.
#[must_use]
pub fn sha256(message: &[u8]) -> [u8; 32] {
    to_array(&digest::digest(&digest::SHA256, message))
}

/// SHA-384.
#[must_use]
pub fn sha384(message: &[u8]) -> [u8; 48] {
    to_array(&digest::digest(&digest::SHA384, message))
}

/// SHA-512.
#[must_use]
pub fn sha512(message: &[u8]) -> [u8; 64] {
    to_array(&digest::digest(&digest::SHA512, message))
}

/// HMAC with SHA-256 (RFC 2104).
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    to_array(&hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message))
}

/// 32 bytes of HKDF with SHA-256 (RFC 5869): extract with `salt`, expand with `info`.
#[must_use]
pub fn hkdf_sha256(input_key_material: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    // One block of output, so that expand is a single HMAC over info and the block number (RFC 5869, section 2.3).
    let pseudo_random_key = hmac_sha256(salt, input_key_material);
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &pseudo_random_key));
    context.update(info);
    context.update(&[1]);
    to_array(&context.sign())
}

/// Encrypts with AES-256-GCM (NIST SP 800-38D); the 16 byte tag follows the ciphertext.
///
/// A pair of key and nonce must never seal two messages.
///
/// # Panics
///
/// When the plaintext is longer than the cipher allows (about 64 GiB).
#[must_use]
#[expect(clippy::expect_used, reason = "the key has the right length by its type, and no caller has 64 GiB")]
pub fn aes_256_gcm_seal(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated_data: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are an AES-256 key"));
    let mut sealed = plaintext.to_vec();
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(*nonce),
        Aad::from(associated_data),
        &mut sealed,
    )
    .expect("the plaintext is shorter than 64 GiB");
    sealed
}

/// Decrypts what [`aes_256_gcm_seal`] made.
///
/// # Errors
///
/// [`OpenError`] when anything differs: key, nonce, associated data, ciphertext or tag.
pub fn aes_256_gcm_open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated_data: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| OpenError)?);
    let mut opened = sealed.to_vec();
    let length = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(associated_data), &mut opened)
        .map_err(|_| OpenError)?
        .len();
    opened.truncate(length);
    Ok(opened)
}

/// `N` bytes from the operating system's generator.
///
/// # Panics
///
/// When the system has no entropy to give: no answer is better than a predictable one.
#[must_use]
#[expect(clippy::expect_used, reason = "without random bytes nothing here is safe to continue")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random generator answers");
    bytes
}

/// Whether both are equal, in a time that depends on their lengths only.
#[must_use]
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    verify_slices_are_equal(left, right).is_ok()
}

/// Copies an output whose length is fixed by its algorithm.
fn to_array<const N: usize>(output: &impl AsRef<[u8]>) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(output.as_ref());
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        let mut array = [0; N];
        for (index, byte) in array.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap();
        }
        assert_eq!(hex.len(), 2 * N);
        array
    }

    #[test]
    fn derives_as_rfc5869_appendix_a() {
        let derived = hkdf_sha256(
            &[0x0b; 22],
            &bytes::<13>("000102030405060708090a0b0c"),
            &bytes::<10>("f0f1f2f3f4f5f6f7f8f9"),
        );
        assert_eq!(derived, bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"));
        let derived = hkdf_sha256(&[0x0b; 22], b"", b"");
        assert_eq!(derived, bytes("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"));
    }

    #[test]
    fn authenticates_as_rfc4231_case_2() {
        let mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(mac, bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    }

    #[test]
    fn opens_only_what_was_sealed() {
        let (key, nonce) = (random::<32>(), random::<12>());
        let sealed = aes_256_gcm_seal(&key, &nonce, b"kid", b"text");
        assert_eq!(sealed.len(), 4 + 16);
        assert_eq!(aes_256_gcm_open(&key, &nonce, b"kid", &sealed).as_deref(), Ok(&b"text"[..]));
        assert_eq!(aes_256_gcm_open(&key, &nonce, b"other", &sealed), Err(OpenError));
        assert_eq!(aes_256_gcm_open(&key, &random(), b"kid", &sealed), Err(OpenError));
        assert_eq!(aes_256_gcm_open(&random(), &nonce, b"kid", &sealed), Err(OpenError));
        assert_eq!(aes_256_gcm_open(&key, &nonce, b"kid", &sealed[..19]), Err(OpenError));
        assert_eq!(aes_256_gcm_open(&key, &nonce, b"kid", b""), Err(OpenError));
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random::<16>(), random::<16>());
    }

    #[test]
    fn compares_contents_and_lengths() {
        assert!(constant_time_eq(b"ab", b"ab"));
        assert!(!constant_time_eq(b"ab", b"ac"));
        assert!(!constant_time_eq(b"ab", b"abc"));
    }
}
