//! Decision mode: a proxy in front asks about a request, and forwards it itself if the answer is good.
//!
//! What finalizers set becomes the headers and cookies of the answer; the proxy in front copies them to the forwarded
//! request. The body, if one is sent along, is not looked at.

use std::sync::Arc;

use gateway_core::{
    decision::{Permit, UpstreamChanges},
    denial::DenialKind,
    respond::RefusalText,
};
use http::{HeaderMap, HeaderValue, Response, header};

use super::{
    body::ResponseBody,
    error_response, forward,
    gate::{Arrived, OnPermit},
};
use crate::{reload::Engine, telemetry::watch::RequestWatch};

/// What `keybound serve decision` does with permitted requests.
pub(crate) struct Decision {
    /// Shapes the answer when a cookie can not be written.
    pub(crate) engine: Arc<Engine>,
}

impl OnPermit for Decision {
    const NAME: &'static str = "decision";
    const READS_BODIES: bool = false;

    async fn answer(
        &self,
        permit: Box<Permit>,
        _: Arrived<'_>,
        watch: &mut RequestWatch,
    ) -> Response<ResponseBody> {
        match headers(&permit.changes, &permit.response_headers) {
            Ok(headers) => {
                let mut response = Response::new(ResponseBody::empty());
                *response.status_mut() = permit.accepted_status;
                *response.headers_mut() = headers;
                response
            }
            Err(error) => {
                watch.event.failed("bad_cookie");
                tracing::error!(rule = watch.event.rule(), %error, "decision not told");
                let text = RefusalText {
                    kind: DenialKind::Internal,
                    reason: "bad_cookie",
                    public: "internal error",
                    detail: String::new(),
                };
                error_response::denial(self.engine.refuse(watch.event.rule(), text, &permit.request.headers))
            }
        }
    }
}

/// A finalizer made a cookie that does not fit into a header line. Names nothing of it: it may be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cookie that a finalizer set is no cookie (RFC 6265 §4.1.1)")]
struct BadCookie;

/// What finalizers set, then what the decision demands, a due `DPoP-Nonce` for example, which nothing can replace.
fn headers(changes: &UpstreamChanges, demanded: &HeaderMap) -> Result<HeaderMap, BadCookie> {
    let mut headers = changes.headers().clone();
    for (name, value) in changes.cookies() {
        headers.append(header::SET_COOKIE, cookie(name, value)?);
    }
    forward::client_headers(&mut headers, demanded);
    Ok(headers)
}

/// `name=value` without attributes: a semicolon would begin one.
fn cookie(name: &str, value: &str) -> Result<HeaderValue, BadCookie> {
    if name.is_empty() || name.contains(['=', ';']) || value.contains(';') {
        return Err(BadCookie);
    }
    HeaderValue::from_str(&format!("{name}={value}")).map_err(|_| BadCookie)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn answers_with_what_finalizers_set() {
        let mut changes = UpstreamChanges::default();
        let roles = [HeaderValue::from_static("a"), HeaderValue::from_static("b")];
        changes.set_header(&HeaderName::from_static("x-role"), roles);
        changes.set_cookie("user", "alice");
        changes.set_cookie("tenant", "acme");
        let headers = headers(&changes, &HeaderMap::new()).unwrap();
        assert_eq!(headers.get_all("x-role").iter().collect::<Vec<_>>(), ["a", "b"]);
        let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["tenant=acme", "user=alice"]);
    }

    #[test]
    fn the_nonce_is_that_of_the_decision() {
        let mut changes = UpstreamChanges::default();
        changes.set_header(&HeaderName::from_static("dpop-nonce"), [HeaderValue::from_static("other")]);
        let mut demanded = HeaderMap::new();
        demanded.insert("dpop-nonce", HeaderValue::from_static("ours"));
        demanded.insert("cache-control", HeaderValue::from_static("no-store"));
        let headers = headers(&changes, &demanded).unwrap();
        assert_eq!(headers.get_all("dpop-nonce").iter().collect::<Vec<_>>(), ["ours"]);
        assert_eq!(headers["cache-control"], "no-store");
    }

    #[test]
    fn a_cookie_can_not_smuggle_attributes_or_lines() {
        for (name, value) in [("a", "b; Domain=evil.example"), ("a", "b\r\nx: y"), ("", "b"), ("a=b", "c")] {
            assert_eq!(cookie(name, value), Err(BadCookie), "{name}={value}");
        }
    }
}
