//! What `-v` shows on standard error: requests and answers, without token and proof.

use bytes::Bytes;
use dpop_client::ResponseStream;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use jose::jwt::UnverifiedJwt;

use crate::output;

/// Tells, if wanted.
pub(super) struct Transcript {
    pub(super) is_wanted: bool,
}

impl Transcript {
    pub(super) fn note(&self, text: &str) {
        self.line("*", text);
    }

    pub(super) fn request(&self, request: &Request<Bytes>, proof: Option<&str>) {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        self.line(">", &format!("{} {target} HTTP/1.1", request.method()));
        if let Some(authority) = request.uri().authority() {
            self.line(">", &format!("host: {authority}"));
        }
        self.headers(">", request.headers());
        // What a proof says is no secret; its signature makes it one.
        if let Some(proof) = proof.and_then(|proof| UnverifiedJwt::parse(proof).ok()) {
            self.line("*", &format!("the proof says {}", serde_json::Value::Object(proof.claims)));
        }
        if !request.body().is_empty() {
            self.line("*", &format!("{} bytes of body", request.body().len()));
        }
    }

    pub(super) fn answer(&self, response: &Response<ResponseStream>) {
        self.line("<", &format!("{:?} {}", response.version(), response.status()));
        self.headers("<", response.headers());
    }

    fn headers(&self, mark: &str, headers: &HeaderMap) {
        for (name, value) in headers {
            let shown = match *name == AUTHORIZATION || *name == dpop::DPOP {
                true => {
                    let text = value.to_str().unwrap_or_default();
                    let scheme =
                        text.split_once(' ').map(|(scheme, _)| format!("{scheme} ")).unwrap_or_default();
                    format!("{scheme}[hidden]")
                }
                false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
            };
            self.line(mark, &format!("{name}: {shown}"));
        }
        self.line(mark, "");
    }

    fn line(&self, mark: &str, text: &str) {
        if self.is_wanted {
            output::note(format_args!("{}\n", format!("{mark} {}", output::harmless(text)).trim_end()));
        }
    }
}
