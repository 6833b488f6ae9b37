//! Real proxies in front of `keybound serve decision`, each with the configuration of its page in `docs/integrations/`, word
//! for word but for addresses and files.
//!
//! Every front passes the same calls ([`calls`]); a front says only how it is started and what differs in its answers.

mod caddy;
mod calls;
mod client;
mod envoy;
mod haproxy;
pub(crate) mod nginx;
pub(crate) mod page;
mod site;
mod upstream;

use std::path::Path;

use anyhow::{Context, Result};

use self::page::Page;
use self::site::Site;
use crate::run::Server;

/// A proxy that asks the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// With `auth_request`.
    Nginx,
    /// With Lua and the HTTP client that HAProxy has.
    Haproxy,
    /// With what `forward_auth` stands for, written out.
    Caddy,
    /// With `ext_authz` over HTTP.
    Envoy,
}

impl Front {
    /// The version; an error, with how to install it, when the program is missing.
    pub(crate) fn version(self) -> Result<String> {
        match self {
            Self::Nginx => nginx::version(),
            Self::Haproxy => haproxy::version(),
            Self::Caddy => caddy::version(),
            Self::Envoy => envoy::version(),
        }
    }

    /// Its folder below `target/interop/` and its page.
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
        }
    }

    fn start(self, page: &Page, site: &Site) -> Result<Server> {
        match self {
            Self::Nginx => nginx::start(page, site),
            Self::Haproxy => haproxy::start(page, site),
            Self::Caddy => caddy::start(page, site),
            Self::Envoy => envoy::start(page, site),
        }
        .with_context(|| format!("start {}", self.name()))
    }
}

/// Starts the authorization server, the API, the gateway and the front, and calls the API through it.
pub(crate) fn run(keybound: &Path, front: Front) -> Result<()> {
    let site = Site::start(keybound, front.name(), false)?;
    let page = Page::read(front.name())?;
    let running = front.start(&page, &site)?;
    calls::run(&site, front)?;
    drop(running);
    if front == Front::Haproxy {
        let _broken = haproxy::start_with_a_failing_action(&page, &site)?;
        calls::nothing_passes(&site).context("with an action that fails")?;
    }
    drop(site);

    let site = Site::start(keybound, front.name(), true)?;
    let page = page.in_full();
    let running = front.start(&page, &site)?;
    calls::cookies(&site, front).context("with cookies, and TLS to the gateway")?;
    drop(running);
    std::fs::copy(site.file("stranger.pem"), site.file("gateway-ca.pem"))?;
    let _suspicious = front.start(&page, &site)?;
    calls::nothing_passes(&site).context("with a gateway whose certificate is not trusted")
}
