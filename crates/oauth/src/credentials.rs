//! The `Authorization` field of a request for a protected resource (RFC 9449, section 7.1; RFC 6750, section 2.1).

use std::fmt;
use std::str::FromStr;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{AccessToken, AccessTokenRef};

/// How an access token is presented. Names are compared without case (RFC 9110, section 11.1; decision D8).
///
/// ```
/// use oauth::Scheme;
///
/// assert_eq!("dpop".parse(), Ok(Scheme::Dpop));
/// assert_eq!(Scheme::Dpop.as_str(), "DPoP");
/// assert!("Basic".parse::<Scheme>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `DPoP` (RFC 9449).
    Dpop,
    /// `Bearer` (RFC 6750).
    Bearer,
}

/// The name is neither `DPoP` nor `Bearer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither DPoP nor Bearer")]
pub struct UnknownScheme;

impl Scheme {
    /// The registered spelling, also as `token_type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dpop => "DPoP",
            Self::Bearer => "Bearer",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, UnknownScheme> {
        [Self::Dpop, Self::Bearer]
            .into_iter()
            .find(|scheme| name.eq_ignore_ascii_case(scheme.as_str()))
            .ok_or(UnknownScheme)
    }
}

impl Serialize for Scheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scheme {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An access token and the scheme it came with.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
/// use oauth::{Credentials, Scheme};
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(Credentials::from_headers(&headers), Ok(None));
/// headers.insert(AUTHORIZATION, HeaderValue::from_static("DPoP eyJhbGciOiJFUzI1NiJ9.e30.c2ln"));
/// let credentials = Credentials::from_headers(&headers)?.ok_or("no credentials")?;
/// assert_eq!(credentials.scheme, Scheme::Dpop);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The scheme.
    pub scheme: Scheme,
    /// The token.
    pub token: AccessToken,
}

/// The request is malformed: 400 `invalid_request` (RFC 6750, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// More than one `Authorization` field line (item R26).
    #[error("several Authorization fields")]
    Several,
    /// `DPoP` or `Bearer` not followed by spaces and one access token; or no scheme at all.
    #[error("malformed Authorization field")]
    Malformed,
}

/// Credentials where they stand in a request: checked as [`Credentials`] are, and not copied.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
/// use oauth::CredentialsRef;
///
/// let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer c2VjcmV0"))]);
/// let credentials = CredentialsRef::from_headers(&headers)?.ok_or("no credentials")?;
/// assert_eq!(credentials.token.as_str(), "c2VjcmV0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialsRef<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The token.
    pub token: AccessTokenRef<'a>,
}

impl Credentials {
    /// Reads the `Authorization` field; `None` without one, or when it has another scheme (such as `Basic`).
    ///
    /// # Errors
    ///
    /// A [`CredentialsError`] when there are several lines, or the line is not `scheme 1*SP token68`.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, CredentialsError> {
        Ok(CredentialsRef::from_headers(headers)?.map(CredentialsRef::to_owned))
    }

    /// Reads the value of one `Authorization` field; as [`from_headers`](Self::from_headers).
    ///
    /// # Errors
    ///
    /// [`CredentialsError::Malformed`].
    pub fn parse(value: &[u8]) -> Result<Option<Self>, CredentialsError> {
        Ok(CredentialsRef::parse(value)?.map(CredentialsRef::to_owned))
    }
}

impl<'a> CredentialsRef<'a> {
    /// As [`Credentials::from_headers`].
    ///
    /// # Errors
    ///
    /// A [`CredentialsError`] when there are several lines, or the line is not `scheme 1*SP token68`.
    pub fn from_headers(headers: &'a HeaderMap) -> Result<Option<Self>, CredentialsError> {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some(line), None) => Self::parse(line.as_bytes()),
            (Some(_), Some(_)) => Err(CredentialsError::Several),
        }
    }

    /// As [`Credentials::parse`].
    ///
    /// # Errors
    ///
    /// [`CredentialsError::Malformed`].
    pub fn parse(value: &'a [u8]) -> Result<Option<Self>, CredentialsError> {
        let space = value.iter().position(|byte| *byte == b' ');
        let (scheme, rest) = space.and_then(|at| value.split_at_checked(at)).unwrap_or((value, &[]));
        if scheme.is_empty() || !scheme.iter().all(|byte| is_token_character(*byte)) {
            return Err(CredentialsError::Malformed);
        }
        let scheme = std::str::from_utf8(scheme).map_err(|_| CredentialsError::Malformed)?;
        let Ok(known) = scheme.parse() else {
            // "DPoPeyJ…", the space forgotten, is somebody's token and not another scheme.
            return if rest.is_empty() && begins_like_ours(scheme) {
                Err(CredentialsError::Malformed)
            } else {
                Ok(None)
            };
        };
        let token =
            std::str::from_utf8(rest).map_err(|_| CredentialsError::Malformed)?.trim_start_matches(' ');
        let token = AccessTokenRef::parse(token).map_err(|_| CredentialsError::Malformed)?;
        Ok(Some(Self { scheme: known, token }))
    }

    /// A copy.
    #[must_use]
    pub fn to_owned(self) -> Credentials {
        Credentials { scheme: self.scheme, token: self.token.to_owned() }
    }
}

impl<'a> From<&'a Credentials> for CredentialsRef<'a> {
    fn from(credentials: &'a Credentials) -> Self {
        Self { scheme: credentials.scheme, token: (&credentials.token).into() }
    }
}

fn begins_like_ours(text: &str) -> bool {
    ["dpop", "bearer"]
        .iter()
        .any(|name| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
}

/// `tchar` of RFC 9110, section 5.6.2.
pub(crate) fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: Result<Option<(Scheme, &str)>, CredentialsError>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, line.parse().unwrap());
        }
        let found = Credentials::from_headers(&headers);
        let found =
            found.as_ref().map(|found| found.as_ref().map(|found| (found.scheme, found.token.as_str())));
        assert_eq!(found, expected.as_ref().copied(), "{lines:?}");
    }

    #[test]
    fn r19_accepts_the_scheme_in_any_case_and_several_spaces() {
        for line in ["DPoP abc", "dpop abc", "DPOP abc", "dPoP   abc"] {
            check(&[line], Ok(Some((Scheme::Dpop, "abc"))));
        }
        check(&["bearer a.b-c_d~e+f/0=="], Ok(Some((Scheme::Bearer, "a.b-c_d~e+f/0=="))));
    }

    #[test]
    fn other_schemes_and_silence_are_no_credentials() {
        check(&[], Ok(None));
        for line in
            ["Basic YTpi", "Negotiate", "Digest a=\"b\", c=d", "Bear abc", "DPoPX abc", "Basic a, DPoP b"]
        {
            check(&[line], Ok(None));
        }
        let mut headers = HeaderMap::new();
        headers.insert("proxy-authorization", "DPoP abc".parse().unwrap());
        headers.insert("cookie", "DPoP=abc".parse().unwrap());
        assert_eq!(Credentials::from_headers(&headers), Ok(None));
    }

    #[test]
    fn malformed_credentials_are_a_bad_request() {
        for line in [
            "",
            "DPoP",
            "DPoP ",
            "DPoP\tabc",
            "DPoP \tabc",
            "DPoPabc",
            "Bearerabc",
            "DPoP a b",
            "DPoP a,b",
            "DPoP a, Bearer b",
            "Bearer a, DPoP b",
            "DPoP token=\"abc\"",
            "DPoP \"abc\"",
            "DPoP é",
            "é abc",
            ", DPoP a",
            " DPoP a",
            "DPoP =",
        ] {
            check(&[line], Err(CredentialsError::Malformed));
        }
    }

    #[test]
    fn r26_two_lines_are_a_bad_request() {
        for lines in [["DPoP a", "Bearer b"], ["DPoP a", "DPoP a"], ["Basic YTpi", "DPoP a"]] {
            check(&lines, Err(CredentialsError::Several));
        }
    }
}
