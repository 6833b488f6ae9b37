//! What the pipeline decided about one request.
//!
//! Only this crate makes a [`Permit`] (`#[non_exhaustive]` keeps others from it), and forwarding takes a `Permit`: no
//! request reaches an upstream without a decision behind it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{audit::Audit, denial::Denial, request::Request, rules::rule::Scheme};

/// The outcome for one request.
#[derive(Debug)]
pub enum Decision {
    /// The request may pass.
    Permit(Box<Permit>),
    /// The request is refused; the denial is the answer to the client.
    Denial(Box<Denial>),
}

/// A request that passed every authenticator and authorizer of its rule.
#[derive(Debug)]
#[non_exhaustive]
pub struct Permit {
    /// The id of the rule that matched, `default` for the default rule.
    pub rule_id: Arc<str>,
    /// The set that the rule belongs to: its name, else its file. `None` for the default rule.
    pub rule_set: Option<Arc<str>>,
    /// Who asked, and how it went with the proof.
    pub audit: Audit,
    /// The request as it came in, with the captures of the rule's path.
    pub request: Request,
    /// Where to forward it. `None` for the default rule and for rules without `forward_to`: in proxy mode such a request
    /// has nowhere to go and is answered with 500.
    pub upstream: Option<Upstream>,
    /// What changes about the request's headers on its way to the upstream: what finalizers set, and the removal of
    /// credentials that must not pass.
    pub changes: UpstreamChanges,
    /// Headers that the answer to the client must carry, replacing the upstream's of the same name: a fresh `DPoP-Nonce`
    /// with `Cache-Control: no-store` when one is due (RFC 9449 §8.2). Usually empty.
    pub response_headers: HeaderMap,
    /// Lines for the log at level `warn`: what would have been refused where proofs are only observed, templates that
    /// printed a value that is not there (once each).
    pub notices: Vec<String>,
    /// The status of an accepted request in decision mode (`respond.with.accepted`).
    pub accepted_status: http::StatusCode,
}

/// The target of a forwarded request, rewritten as the rule's `forward_to` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Whether it is asked over http or https.
    pub scheme: Scheme,
    /// Host and port to connect to, as configured.
    pub authority: String,
    /// Path and query of the forwarded request line.
    pub path_and_query: String,
    /// The value of `Host`.
    pub host_header: String,
}

/// What changes about a request's headers on its way to the upstream.
///
/// Fields that a finalizer sets can never come from the client: the client's fields of that name are removed first, and
/// so are its cookies of a name that a finalizer sets.
#[derive(Clone, Default)]
pub struct UpstreamChanges {
    set: HeaderMap,
    removed: Vec<HeaderName>,
    cookies: BTreeMap<String, String>,
}

impl UpstreamChanges {
    /// Sets a header field to these values, replacing what an earlier finalizer set under this name. No value at all
    /// changes nothing.
    pub fn set_header(&mut self, name: &HeaderName, values: impl IntoIterator<Item = HeaderValue>) {
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return };
        self.removed.retain(|removed| removed != name);
        self.set.insert(name.clone(), first);
        for value in values {
            self.set.append(name.clone(), value);
        }
    }

    /// Takes a header field away, also one that was set before.
    pub fn remove_header(&mut self, name: HeaderName) {
        self.set.remove(&name);
        if !self.removed.contains(&name) {
            self.removed.push(name);
        }
    }

    /// Sets a cookie, replacing the client's cookie of that name.
    pub fn set_cookie(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.cookies.insert(name.into(), value.into());
    }

    /// The header fields that were set. In decision mode these are the headers of the answer.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.set
    }

    /// The header fields that the upstream must not see, beside those of the client that are replaced.
    #[must_use]
    pub fn removed(&self) -> &[HeaderName] {
        &self.removed
    }

    /// The cookies that were set. In decision mode each is a `Set-Cookie` of the answer.
    #[must_use]
    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// Whether a finalizer gave the header field a value.
    #[must_use]
    pub fn sets(&self, name: &HeaderName) -> bool {
        self.set.contains_key(name)
    }

    /// Carries the changes out on the headers that go to the upstream. `Host` is left to the caller, which knows the
    /// target: read it from [`Upstream::host_header`].
    pub fn apply_to(&self, headers: &mut HeaderMap) {
        for name in &self.removed {
            headers.remove(name);
        }
        for name in self.set.keys().filter(|name| *name != header::HOST) {
            headers.remove(name);
            for value in self.set.get_all(name) {
                headers.append(name.clone(), value.clone());
            }
        }
        if !self.cookies.is_empty() {
            self.replace_cookies(headers);
        }
    }

    /// One `Cookie` line: the client's other cookies as sent, then ours.
    fn replace_cookies(&self, headers: &mut HeaderMap) {
        let mut pairs: Vec<Vec<u8>> = Vec::new();
        for line in headers.get_all(header::COOKIE) {
            for pair in line.as_bytes().split(|byte| *byte == b';') {
                let pair = pair.trim_ascii();
                let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
                let replaced = self.cookies.keys().any(|ours| ours.as_bytes() == name);
                if !pair.is_empty() && !replaced {
                    pairs.push(pair.to_vec());
                }
            }
        }
        pairs.extend(self.cookies.iter().map(|(name, value)| format!("{name}={value}").into_bytes()));
        headers.remove(header::COOKIE);
        if let Ok(line) = HeaderValue::from_bytes(&pairs.join(&b"; "[..])) {
            headers.insert(header::COOKIE, line);
        }
    }
}

impl fmt::Debug for UpstreamChanges {
    /// Names only: the values may be tokens.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UpstreamChanges")
            .field("set", &self.set.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("removed", &self.removed)
            .field("cookies", &self.cookies.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_header_a_finalizer_sets_never_comes_from_the_client() {
        let mut sent = headers(&[("x-user", "evil"), ("x-user", "worse"), ("x-other", "kept")]);
        let mut changes = UpstreamChanges::default();
        changes.set_header(&HeaderName::from_static("x-user"), [HeaderValue::from_static("alice")]);
        changes.apply_to(&mut sent);
        assert_eq!(sent.get_all("x-user").iter().collect::<Vec<_>>(), ["alice"]);
        assert_eq!(sent["x-other"], "kept");
    }

    #[test]
    fn the_last_word_on_a_header_counts() {
        let name = HeaderName::from_static("dpop");
        let mut changes = UpstreamChanges::default();
        changes.set_header(&name, [HeaderValue::from_static("x")]);
        changes.remove_header(name.clone());
        let mut sent = headers(&[("dpop", "proof")]);
        changes.apply_to(&mut sent);
        assert!(sent.is_empty());
        changes.set_header(&name, [HeaderValue::from_static("y")]);
        changes.apply_to(&mut sent);
        assert_eq!(sent["dpop"], "y");
    }

    #[test]
    fn a_cookie_a_finalizer_sets_replaces_the_clients() {
        let mut sent = headers(&[("cookie", "user=evil; o=1"), ("cookie", "user =worse;p=2;")]);
        let mut changes = UpstreamChanges::default();
        changes.set_cookie("user", "alice");
        changes.apply_to(&mut sent);
        assert_eq!(sent.get_all("cookie").iter().collect::<Vec<_>>(), ["o=1; p=2; user=alice"]);
    }

    #[test]
    fn debug_shows_no_value() {
        let mut changes = UpstreamChanges::default();
        changes.set_header(&header::AUTHORIZATION, [HeaderValue::from_static("Bearer secret")]);
        changes.set_cookie("session", "secret");
        assert!(!format!("{changes:?}").contains("secret"));
    }
}
