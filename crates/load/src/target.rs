//! What is called.

use bytes::Bytes;
use dpop::{Htu, HtuError};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, USER_AGENT},
};
use thiserror::Error;

/// The request that is sent again and again, without its credentials.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) method: Method,
    /// As it was given, absolute.
    pub(crate) uri: Uri,
    /// The part that HTTP/1.1 puts into its first line.
    pub(crate) path_and_query: Uri,
    pub(crate) host: HeaderValue,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The URI in the normal form that stands in proofs.
    pub(crate) htu: String,
}

/// Why this can not be called.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The URI can not stand in a proof.
    #[error("the URL can not be called: {0}")]
    Htu(#[from] HtuError),
    /// The authority can not stand in a header.
    #[error("the host of the URL can not be sent")]
    Host,
    /// Credentials and framing are made here.
    #[error("the header {0} can not be set")]
    OwnHeader(HeaderName),
}

impl Target {
    /// Calls `uri` (absolute, `http` or `https`) with this method, these headers and this body.
    ///
    /// # Errors
    ///
    /// [`TargetError`] for a URI that is not absolute, and for headers that every request has of its own.
    pub fn new(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Result<Self, TargetError> {
        let htu = Htu::parse(&uri.to_string())?.to_string();
        for own in [HOST, AUTHORIZATION, CONTENT_LENGTH, TRANSFER_ENCODING, HeaderName::from_static("dpop")] {
            if headers.contains_key(&own) {
                return Err(TargetError::OwnHeader(own));
            }
        }
        let authority = uri.authority().ok_or(TargetError::Host)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| TargetError::Host)?;
        let path_and_query =
            uri.path_and_query().map_or(Ok(Uri::from_static("/")), |path| Uri::try_from(path.as_str()));
        let mut headers = headers;
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(concat!("keybound-load/", env!("CARGO_PKG_VERSION"))));
        Ok(Self {
            path_and_query: path_and_query.map_err(|_| TargetError::Host)?,
            method,
            uri,
            host,
            headers,
            body,
            htu,
        })
    }

    /// What is called.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &'static str, headers: HeaderMap) -> Result<Target, TargetError> {
        Target::new(Method::GET, Uri::from_static(uri), headers, Bytes::new())
    }

    #[test]
    fn proofs_have_the_normal_form_and_requests_what_was_given() {
        let target = target("http://API.example.com:80/a/./%62?x=1", HeaderMap::new()).unwrap();
        assert_eq!(target.htu, "http://api.example.com/a/b");
        assert_eq!(target.path_and_query, "/a/./%62?x=1");
        assert_eq!(target.host, "API.example.com:80");
    }

    #[test]
    fn refuses_what_is_made_here_and_what_can_not_be_called() {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Basic eA=="))]);
        assert!(matches!(target("http://a/", headers), Err(TargetError::OwnHeader(AUTHORIZATION))));
        assert!(matches!(target("/relative", HeaderMap::new()), Err(TargetError::Htu(_))));
    }
}
