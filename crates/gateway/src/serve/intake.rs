//! From the HTTP request on a socket to the [`Request`] that rules and mechanisms see. All modes share every line behind
//! this one.

use std::net::IpAddr;

use gateway_core::request::{Request, RequestUri};
use http::request::Parts;

use super::{
    connection::Connection,
    http_checks::{self, HttpRefusal, Target},
    trusted_proxies::{self, TrustedProxies},
};

/// What is fixed about a listener.
#[derive(Debug)]
pub(crate) struct Intake {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Peers whose forwarding headers count.
    pub(crate) trusted_proxies: TrustedProxies,
    /// The largest body, where one is configured.
    pub(crate) max_body_bytes: Option<u64>,
}

impl Intake {
    /// Checks the HTTP and reads what the client asked for.
    ///
    /// # Errors
    ///
    /// If the HTTP is not acceptable; see [`HttpRefusal`].
    pub(crate) fn request(&self, parts: &Parts, connection: &Connection) -> Result<Request, HttpRefusal> {
        let target = http_checks::check(parts, self.scheme, self.max_body_bytes)?;
        let mut headers = parts.headers.clone();
        let peer = unmapped(connection.peer.ip());
        if !self.trusted_proxies.trusts(peer) {
            trusted_proxies::remove_forwarding_headers(&mut headers);
        }
        let forwarded =
            trusted_proxies::effective(parts.method.clone(), self.scheme, target, &headers, peer)?;
        let Target { host, path, query } = forwarded.target;
        let mut request =
            Request::new(forwarded.method, RequestUri::new(&forwarded.scheme, &host, path, query));
        request.headers = headers;
        request.client_addresses = forwarded.client_addresses;
        Ok(request)
    }
}

/// `::ffff:10.0.0.1`, as dual-stack sockets report IPv4 peers, is `10.0.0.1`.
fn unmapped(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
