//! The client commands' way to the network.

use std::{error::Error, sync::Arc};

use anyhow::{Context, Result};
use dpop_client::{ClientError, HttpError, HyperClient, Origin, PlainHttp};
use http::Uri;

/// How client commands reach servers.
#[derive(Debug, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Send tokens over plain http to other machines too, for instance between containers. This machine is always
    /// allowed.
    #[arg(long, env = "KEYBOUND_INSECURE_PLAIN_HTTP")]
    insecure_plain_http: bool,
}

impl NetworkArgs {
    /// Whether tokens may be sent to `uri`, for commands that do not use the [`client`](Self::client).
    pub(crate) fn allow(&self, uri: &Uri) -> Result<()> {
        let origin = Origin::of(uri).map_err(|_| HttpError::NotAbsolute)?;
        if self.insecure_plain_http || origin.is_https() || origin.is_loopback() {
            return Ok(());
        }
        Err(HttpError::PlainHttp { host: uri.host().unwrap_or_default().to_owned() }.into())
    }

    pub(crate) fn client(&self) -> Result<Arc<HyperClient>> {
        let plain_http =
            if self.insecure_plain_http { PlainHttp::Everywhere } else { PlainHttp::LoopbackOnly };
        Ok(Arc::new(HyperClient::new(plain_http).context("set up the HTTP client")?))
    }
}

/// The way out of an error of the network, where there is one. Looks at one error of a chain.
pub(crate) fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let http =
        error.downcast_ref::<HttpError>().or_else(|| match error.downcast_ref::<ClientError>()? {
            ClientError::Http(http) => Some(http),
            _ => None,
        })?;
    match http {
        HttpError::PlainHttp { .. } => Some("use https or, for development, --insecure-plain-http"),
        _ => None,
    }
}
