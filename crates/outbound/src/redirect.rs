//! Redirects within an origin. All others are answers, and no good ones: credentials never follow to somebody else.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};

/// Redirects that one call follows.
pub(crate) const MAX_REDIRECTS: usize = 3;

/// Where a redirect leads, if we follow it: a GET that stays within its origin.
pub(crate) fn redirect_target(request: &Request<Bytes>, response: &Response<Bytes>) -> Option<Uri> {
    let follows = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    if !follows || request.method() != Method::GET {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let from = request.uri();
    if location.starts_with('/') && !location.starts_with("//") {
        let mut parts = from.clone().into_parts();
        parts.path_and_query = Some(location.parse().ok()?);
        return Uri::from_parts(parts).ok();
    }
    let target: Uri = location.parse().ok()?;
    let same_origin = target.scheme() == from.scheme() && target.authority() == from.authority();
    (same_origin && target.authority().is_some()).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_redirects_within_the_origin_only() {
        let check = |method: Method, location: &str, expected: Option<&str>| {
            let request = Request::builder().method(method).uri("http://a:1/x").body(Bytes::new()).unwrap();
            let response =
                Response::builder().status(302).header("location", location).body(Bytes::new()).unwrap();
            let target = redirect_target(&request, &response).map(|uri| uri.to_string());
            assert_eq!(target.as_deref(), expected, "{location}");
        };
        check(Method::GET, "/y?z", Some("http://a:1/y?z"));
        check(Method::GET, "http://a:1/y", Some("http://a:1/y"));
        check(Method::GET, "//b/y", None);
        check(Method::GET, "http://a:2/y", None);
        check(Method::GET, "https://a:1/y", None);
        check(Method::GET, "y", None);
        check(Method::POST, "/y", None);
    }
}
