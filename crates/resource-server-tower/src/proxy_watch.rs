//! A service that takes its host from requests, with a proxy in front that nobody has told it about: every `htu` differs,
//! and nothing but this says why.

use std::sync::atomic::{AtomicBool, Ordering};

use dpop::{Policy, ProofError, UnverifiedProof};
use http::Uri;
use http::request::Parts;
use resource_server::{Reason, Refusal};

/// Warns once, when a request shows that clients use another name than the one it came with.
#[derive(Debug)]
pub(crate) struct ProxyWatch {
    /// What the service is known by: resource identifier and audiences, where these are URLs.
    announced: Vec<String>,
    has_warned: AtomicBool,
}

impl ProxyWatch {
    pub(crate) fn new(announced: Vec<String>) -> Self {
        Self { announced, has_warned: AtomicBool::new(false) }
    }

    /// Looks at a request that was sent to `target`.
    pub(crate) fn look(&self, parts: &Parts, target: &str, refusal: Option<&Refusal>, policy: &Policy) {
        if self.has_warned.load(Ordering::Relaxed) {
            return;
        }
        let Some(seen) = origin(target) else { return };
        let Some((told, by)) = self.other_name(parts, &seen, refusal, policy) else { return };
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                seen = ?seen,
                told = ?told,
                by,
                "clients use another origin than the one that requests come with: call `public_origin`, or `trusted_proxies` if there are several"
            );
        }
    }

    /// The name that clients use, and who says so. What a request says is believed for this warning only.
    fn other_name(
        &self,
        parts: &Parts,
        seen: &str,
        refusal: Option<&Refusal>,
        policy: &Policy,
    ) -> Option<(String, &'static str)> {
        let announced = self.announced.iter().filter_map(|name| origin(name)).next();
        if let Some(announced) = announced.filter(|announced| announced != seen) {
            return Some((announced, "the resource identifier or the audience"));
        }
        let scheme = seen.split_once("://").map_or("", |(scheme, _)| scheme);
        let field = |name| parts.headers.get(name)?.to_str().ok();
        if let Some(host) = field("x-forwarded-host") {
            let told = origin(&format!("{}://{host}", field("x-forwarded-proto").unwrap_or(scheme)))?;
            return (told != seen).then_some((told, "X-Forwarded-Host"));
        }
        // The token was good and the key was the one it is bound to: this is no stranger who fills the log.
        match refusal?.reason() {
            Reason::Proof(ProofError::Target) => {
                let proof = UnverifiedProof::from_headers(&parts.headers, policy).ok()?;
                let told = origin(&proof.claims().htu)?;
                (told != seen).then_some((told, "the proof"))
            }
            _ => None,
        }
    }
}

/// Scheme, host and port in lower case, without the scheme's own port; `None` for what is no http or https URL.
fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, own_port) = match uri.scheme_str()? {
        "https" => ("https", 443),
        "http" => ("http", 80),
        _ => return None,
    };
    let host = uri.host()?.to_ascii_lowercase();
    match uri.port_u16().filter(|port| *port != own_port) {
        Some(port) => Some(format!("{scheme}://{host}:{port}")),
        None => Some(format!("{scheme}://{host}")),
    }
}
