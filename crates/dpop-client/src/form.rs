//! `application/x-www-form-urlencoded`, as OAuth requests and redirects use it (RFC 6749 appendix B).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b' ');

/// Parameters in the order they are sent.
pub type Parameters<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// Writes parameters as a form body or a query.
#[must_use]
pub fn encode(parameters: &[(&'static str, Cow<'_, str>)]) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode_text(name), encode_text(value)))
        .collect();
    pairs.join("&")
}

/// Escapes one text for a form.
#[must_use]
pub fn encode_text(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string().replace(' ', "+")
}

/// Reads a query or a form body. Pairs that are not UTF-8 after decoding are left out.
#[must_use]
pub fn decode(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode_text(name)?, decode_text(value)?))
        })
        .collect()
}

fn decode_text(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_the_same_values() {
        let parameters =
            vec![("scope", Cow::from("openid profile")), ("redirect_uri", Cow::from("http://a/b?c=d&e"))];
        let text = encode(&parameters);
        assert_eq!(text, "scope=openid+profile&redirect_uri=http%3A%2F%2Fa%2Fb%3Fc%3Dd%26e");
        let read = decode(&text);
        assert_eq!(read[0], ("scope".to_owned(), "openid profile".to_owned()));
        assert_eq!(read[1], ("redirect_uri".to_owned(), "http://a/b?c=d&e".to_owned()));
    }

    #[test]
    fn leaves_out_what_is_not_text() {
        assert_eq!(decode("a=%ff&b=%2B&&c"), [("b".into(), "+".into()), ("c".into(), String::new())]);
    }
}
