//! How a confidential client shows its secret at an authorization server's endpoints (RFC 6749 §2.3.1).

use std::fmt;

use http::HeaderValue;
use jose::base64url;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// Everything but the unreserved characters of RFC 3986.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A client's identifier and secret, and where they stand in a request. `Debug` hides the secret; it is wiped when dropped.
///
/// ```
/// use oauth::ClientSecret;
///
/// let client = ClientSecret::basic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw");
/// let authorization = client.authorization().ok_or("client_secret_basic uses the header")?;
/// assert_eq!(authorization, "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"); // RFC 6749 §2.3.1
///
/// let client = ClientSecret::post("s6BhdRkqt3", "a b&c");
/// assert_eq!(*client.form_members().unwrap(), "client_id=s6BhdRkqt3&client_secret=a%20b%26c");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone)]
pub struct ClientSecret {
    client_id: String,
    secret: Zeroizing<String>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Body,
}

impl ClientSecret {
    /// `client_secret_basic`: in the `Authorization` field. What every authorization server understands.
    #[must_use]
    pub fn basic(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), secret: Zeroizing::new(secret.into()), place: Place::Header }
    }

    /// `client_secret_post`: in the body. For servers that want it so.
    #[must_use]
    pub fn post(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { place: Place::Body, ..Self::basic(client_id, secret) }
    }

    /// The client's identifier.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The secret itself: for what tells this client from others, never for a log.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The value of `Authorization`, marked sensitive; `None` for a client whose secret stands in the body.
    ///
    /// Both parts are form-encoded before they are joined (RFC 6749 §2.3.1, appendix B).
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        if self.place == Place::Body {
            return None;
        }
        let joined = Zeroizing::new(format!("{}:{}", *encode(&self.client_id), *encode(&self.secret)));
        let value = Zeroizing::new(format!("Basic {}", *base64(joined.as_bytes())));
        // Base64 always fits into a field.
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// `client_id` and `client_secret` as they stand in a form body; `None` for a client whose secret stands in the header.
    #[must_use]
    pub fn form_members(&self) -> Option<Zeroizing<String>> {
        let members =
            || format!("client_id={}&client_secret={}", *encode(&self.client_id), *encode(&self.secret));
        (self.place == Place::Body).then(|| Zeroizing::new(members()))
    }
}

/// Not `+` for a space: servers that forget to decode read at least all other characters right.
fn encode(text: &str) -> Zeroizing<String> {
    Zeroizing::new(utf8_percent_encode(text, RESERVED).to_string())
}

/// Padded, of RFC 4648 §4, from the unpadded URL-safe form.
fn base64(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(base64url::encode(bytes).replace('-', "+").replace('_', "/"));
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientSecret")
            .field("client_id", &self.client_id)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_form_encoded_first() {
        let client = ClientSecret::basic("a:b", "s?>~ü");
        // base64("a%3Ab:s%3F%3E~%C3%BC")
        assert_eq!(client.authorization().unwrap(), "Basic YSUzQWI6cyUzRiUzRX4lQzMlQkM=");
        assert!(client.authorization().unwrap().is_sensitive());
        assert_eq!(client.form_members(), None);
    }

    #[test]
    fn the_secret_stands_in_one_place_only_and_in_no_log() {
        let client = ClientSecret::post("a", "s3cret");
        assert_eq!(client.authorization(), None);
        assert!(client.form_members().unwrap().contains("s3cret"));
        assert!(!format!("{client:?}").contains("s3cret"));
    }
}
