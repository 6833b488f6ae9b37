//! The `Authorization` field: what is accepted is one scheme and one token and nothing more; nothing shows the token.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use oauth::{AccessToken, Credentials, CredentialsError, Scheme};

pub(crate) fn check(bytes: &[u8]) {
    let parsed = Credentials::parse(bytes);
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.clone());
        assert_eq!(Credentials::from_headers(&headers), parsed);
        headers.append(AUTHORIZATION, value);
        assert_eq!(Credentials::from_headers(&headers), Err(CredentialsError::Several));
    }
    let first_word = bytes.split(|byte| *byte == b' ').next().unwrap();
    let is_ours = [Scheme::Dpop, Scheme::Bearer]
        .iter()
        .any(|scheme| first_word.eq_ignore_ascii_case(scheme.as_str().as_bytes()));
    let credentials = match parsed {
        Ok(Some(credentials)) => credentials,
        // Another scheme passes by: never one of ours that could not be read.
        Ok(None) => return assert!(!is_ours),
        Err(_) => return,
    };
    assert!(is_ours);
    let token = credentials.token.as_str();
    assert!(!token.is_empty() && token.len() <= AccessToken::MAX_BYTES);
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)));
    // Nothing stands between or behind scheme and token.
    let rest = &bytes[first_word.len()..];
    assert!(rest.ends_with(token.as_bytes()));
    assert!(rest[..rest.len() - token.len()].iter().all(|byte| *byte == b' '));
    let again = format!("{} {token}", credentials.scheme);
    assert_eq!(Credentials::parse(again.as_bytes()), Ok(Some(credentials.clone())));
    assert!(token.len() < 16 || !format!("{credentials:?}").contains(token), "the token is shown");
}
