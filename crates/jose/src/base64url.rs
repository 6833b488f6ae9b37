//! base64url without padding (RFC 4648, section 5; RFC 7515, appendix C), in its canonical form only.
//!
//! One sequence of bytes has exactly one text: padding, the `+ /` alphabet, white space and non-zero spare bits in the last character are
//! refused. A key and its thumbprint are one to one because of it (item T2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is not canonical unpadded base64url of what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base64UrlError {
    /// Padding, a foreign character, an impossible length, or spare bits that are not zero.
    #[error("not canonical base64url without padding")]
    NotCanonical,
    /// The text decodes, but not to the number of bytes asked for.
    #[error("not the expected number of bytes")]
    WrongLength,
}

/// Encodes without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes; the empty text is the empty sequence of bytes.
///
/// # Errors
///
/// [`Base64UrlError::NotCanonical`] for everything that [`encode`] would not have written.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, Base64UrlError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Base64UrlError::NotCanonical)
}

/// Decodes exactly `N` bytes.
///
/// # Errors
///
/// As [`decode`], and [`Base64UrlError::WrongLength`] for another number of bytes.
pub fn decode_array<const N: usize>(text: impl AsRef<[u8]>) -> Result<[u8; N], Base64UrlError> {
    decode(text)?.try_into().map_err(|_| Base64UrlError::WrongLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_accepts_only_canonical_base64url() {
        for (text, bytes) in
            [("", &b""[..]), ("AA", b"\0"), ("AAA", b"\0\0"), ("AAAA", b"\0\0\0"), ("-_8", b"\xfb\xff")]
        {
            assert_eq!(decode(text).as_deref(), Ok(bytes), "{text:?}");
            assert_eq!(encode(bytes), text);
        }
        for text in [
            "A", "AAAAA", "AB", "AAB", "AA==", "AA=", "+/8", " AA", "AA ", "A A", "AA\n", "AA\r\n", "=", "é",
            "AA.AA", "AA\0",
        ] {
            assert_eq!(decode(text), Err(Base64UrlError::NotCanonical), "{text:?}");
        }
    }

    #[test]
    fn counts_the_bytes() {
        assert_eq!(decode_array::<2>("AAA"), Ok([0, 0]));
        assert_eq!(decode_array::<3>("AAA"), Err(Base64UrlError::WrongLength));
        assert_eq!(decode_array::<1>("AAA"), Err(Base64UrlError::WrongLength));
    }
}
