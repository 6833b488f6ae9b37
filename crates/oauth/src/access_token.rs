//! Access tokens as they travel in the `Authorization` field.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// An access token in the syntax of the `Authorization` field (`token68`, RFC 9110, section 11.2).
///
/// `Debug` hides it, there is no `Display`, and it is wiped when dropped. Serializing writes the token itself: it is for token responses only.
///
/// ```
/// use oauth::AccessToken;
///
/// let token = AccessToken::parse("eyJhbGciOiJFUzI1NiJ9.e30.c2ln")?;
/// assert!(!format!("{token:?}").contains("eyJ"));
/// assert!(AccessToken::parse("two words").is_err());
/// # Ok::<(), oauth::AccessTokenError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(Zeroizing<String>);

/// The text can not be an access token of the `Authorization` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// Not `token68`: letters, digits, `-._~+/`, then any number of `=`; at least one character before them.
    #[error("the access token has characters that can not travel in the Authorization field")]
    NotToken68,
    /// Longer than [`AccessToken::MAX_BYTES`].
    #[error("the access token is too long")]
    TooLong,
}

impl AccessToken {
    /// Longest token that is looked at, in bytes.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Takes a token in `token68` syntax.
    ///
    /// # Errors
    ///
    /// An [`AccessTokenError`] for other characters, the empty text, or more than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn parse(text: &str) -> Result<Self, AccessTokenError> {
        AccessTokenRef::parse(text).map(AccessTokenRef::to_owned)
    }

    /// The token itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An access token where it stands in a request: checked as an [`AccessToken`] is, and not copied.
///
/// `Debug` hides it.
///
/// ```
/// use oauth::AccessTokenRef;
///
/// let field = "DPoP eyJhbGciOiJFUzI1NiJ9.e30.c2ln";
/// let token = AccessTokenRef::parse(&field["DPoP ".len()..])?;
/// let kept = token.to_owned();
/// assert_eq!(kept.as_str(), token.as_str());
/// # Ok::<(), oauth::AccessTokenError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccessTokenRef<'a>(&'a str);

impl<'a> AccessTokenRef<'a> {
    /// Takes a token in `token68` syntax.
    ///
    /// # Errors
    ///
    /// As [`AccessToken::parse`].
    pub fn parse(text: &'a str) -> Result<Self, AccessTokenError> {
        if text.len() > AccessToken::MAX_BYTES {
            return Err(AccessTokenError::TooLong);
        }
        let unpadded = text.trim_end_matches('=');
        // Looks at every byte without a branch, so that several are looked at together: tokens are long.
        if unpadded.is_empty() || !unpadded.bytes().fold(true, |good, byte| good & is_token68(byte)) {
            return Err(AccessTokenError::NotToken68);
        }
        Ok(Self(text))
    }

    /// The token itself.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// A copy, which is wiped when dropped.
    #[must_use]
    pub fn to_owned(self) -> AccessToken {
        AccessToken(Zeroizing::new(self.0.to_owned()))
    }
}

impl<'a> From<&'a AccessToken> for AccessTokenRef<'a> {
    fn from(token: &'a AccessToken) -> Self {
        Self(&token.0)
    }
}

impl fmt::Debug for AccessTokenRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccessTokenRef(hidden)")
    }
}

/// Letters, digits and `-._~+/`, of which `-./` stand together with the digits.
pub(crate) fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphabetic() | matches!(byte, b'-'..=b'9') | matches!(byte, b'_' | b'~' | b'+')
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AccessToken(hidden)")
    }
}

impl Serialize for AccessToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AccessToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_token68_only() {
        for good in [
            "a",
            "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
            "a.b-c_d~e+f/0==",
            "a=",
            "A".repeat(AccessToken::MAX_BYTES).as_str(),
        ] {
            assert_eq!(AccessToken::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "=", "==", "a=b", "a b", "a,b", "a\"", "é", "a\t", " a", "a:b", "a\r\n"] {
            assert_eq!(AccessToken::parse(bad), Err(AccessTokenError::NotToken68), "{bad:?}");
        }
        assert_eq!(
            AccessToken::parse(&"A".repeat(AccessToken::MAX_BYTES + 1)),
            Err(AccessTokenError::TooLong)
        );
    }

    #[test]
    fn every_byte_is_sorted_as_the_grammar_says() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_token68(byte), expected, "{byte:#x}");
        }
    }

    #[test]
    fn hides_itself() {
        assert!(!format!("{:?}", AccessToken::parse("secret").unwrap()).contains("secret"));
        assert!(!format!("{:?}", AccessTokenRef::parse("secret").unwrap()).contains("secret"));
    }
}
