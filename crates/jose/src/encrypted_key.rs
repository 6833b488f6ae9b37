//! Private keys that a passphrase protects: `ENCRYPTED PRIVATE KEY` (RFC 5958, section 3) with PBES2 (RFC 8018,
//! section 6.2).

use pkcs8::{EncryptedPrivateKeyInfoRef, der::Decode as _, pkcs5::pbes2};
use zeroize::Zeroizing;

use crate::{
    KeyPair, KeyPairError, crypto,
    pem::{self, PemBlock},
};

/// Rounds of PBKDF2 with HMAC-SHA-256 for keys that are written here.
const ITERATIONS: u32 = 600_000;
const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// Why an encrypted key can not be read or written. Nothing in it tells about passphrase or key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptedKeyError {
    /// The block is not a PKCS#8 `ENCRYPTED PRIVATE KEY`.
    #[error("not an encrypted PKCS#8 private key")]
    NotEncrypted,
    /// The passphrase is wrong, the key damaged, or encrypted in a way other than PBES2 with AES and PBKDF2 or scrypt.
    #[error("the passphrase does not open the private key")]
    DoesNotOpen,
    /// What was inside is not a usable key.
    #[error(transparent)]
    Key(#[from] KeyPairError),
    /// The key could not be encrypted.
    #[error("the private key could not be encrypted")]
    NotWritten,
}

impl KeyPair {
    /// Whether [`from_encrypted_pem_block`](Self::from_encrypted_pem_block) is the way to read this block.
    #[must_use]
    pub fn is_encrypted(block: &PemBlock) -> bool {
        block.label == LABEL
    }

    /// Opens one `ENCRYPTED PRIVATE KEY` block.
    ///
    /// # Errors
    ///
    /// [`EncryptedKeyError`].
    pub fn from_encrypted_pem_block(block: &PemBlock, passphrase: &str) -> Result<Self, EncryptedKeyError> {
        if !Self::is_encrypted(block) {
            return Err(EncryptedKeyError::NotEncrypted);
        }
        let encrypted =
            EncryptedPrivateKeyInfoRef::from_der(&block.der).map_err(|_| EncryptedKeyError::NotEncrypted)?;
        let opened = encrypted.decrypt(passphrase).map_err(|_| EncryptedKeyError::DoesNotOpen)?;
        let text = pem::encode("PRIVATE KEY", opened.as_bytes());
        Ok(Self::from_pkcs8_pem(&text)?)
    }

    /// The key as a PKCS#8 `ENCRYPTED PRIVATE KEY` block: AES-256-CBC under a key that PBKDF2 derives from the
    /// passphrase with 600,000 rounds of HMAC-SHA-256, which every common program reads.
    ///
    /// # Errors
    ///
    /// [`EncryptedKeyError`] when the key can not be written.
    pub fn to_encrypted_pkcs8_pem(&self, passphrase: &str) -> Result<Zeroizing<String>, EncryptedKeyError> {
        let plain = self.to_pkcs8_pem()?;
        let blocks = pem::parse(&plain).map_err(KeyPairError::from)?;
        let block = blocks.first().ok_or(EncryptedKeyError::NotWritten)?;
        let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(
            ITERATIONS,
            &crypto::random::<16>(),
            crypto::random::<16>(),
        )
        .map_err(|_| EncryptedKeyError::NotWritten)?;
        let ciphertext =
            parameters.encrypt(passphrase, &block.der).map_err(|_| EncryptedKeyError::NotWritten)?;
        let ciphertext =
            pkcs8::der::asn1::OctetStringRef::new(&ciphertext).map_err(|_| EncryptedKeyError::NotWritten)?;
        let encrypted = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters.into(),
            encrypted_data: ciphertext,
        };
        let der = pkcs8::der::Encode::to_der(&encrypted).map_err(|_| EncryptedKeyError::NotWritten)?;
        Ok(pem::encode(LABEL, &der))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;

    #[test]
    fn opens_what_it_wrote_with_the_passphrase_only() {
        let key = KeyPair::generate(Algorithm::Es256).unwrap();
        let text = key.to_encrypted_pkcs8_pem("correct horse").unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        let block = &pem::parse(&text).unwrap()[0];
        let opened = KeyPair::from_encrypted_pem_block(block, "correct horse").unwrap();
        assert_eq!(opened.thumbprint(), key.thumbprint());
        for wrong in ["", "correct horse ", "Correct horse"] {
            let error = KeyPair::from_encrypted_pem_block(block, wrong).unwrap_err();
            // A wrong key may, once in some hundred times, leave good padding behind: then the content is no key.
            assert!(matches!(error, EncryptedKeyError::DoesNotOpen | EncryptedKeyError::Key(_)), "{error:?}");
        }
        assert_eq!(KeyPair::from_pkcs8_pem(&text).unwrap_err(), KeyPairError::Encrypted);
    }

    #[test]
    fn opens_what_openssl_wrote() {
        // openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 2048 -passout pass:test
        let text = include_str!("encrypted_key_of_openssl.pem");
        let block = &pem::parse(text).unwrap()[0];
        let key = KeyPair::from_encrypted_pem_block(block, "test").unwrap();
        assert!(key.supports(Algorithm::Ed25519));
    }

    #[test]
    fn refuses_blocks_of_other_kinds() {
        let plain = KeyPair::generate(Algorithm::Es256).unwrap().to_pkcs8_pem().unwrap();
        let block = &pem::parse(&plain).unwrap()[0];
        assert_eq!(
            KeyPair::from_encrypted_pem_block(block, "x").unwrap_err(),
            EncryptedKeyError::NotEncrypted
        );
    }
}
