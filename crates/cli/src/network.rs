//! The client commands' way to the network.

use std::{error::Error, sync::Arc};

use anyhow::{Context, Result};
use dpop_client::{ClientError, HttpError, HyperClient, PlainHttp};

/// How client commands reach servers.
#[derive(Debug, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Send tokens over plain http to other machines too, for instance between containers. This machine is always
    /// allowed.
    #[arg(long, env = "KEYBOUND_INSECURE_PLAIN_HTTP")]
    insecure_plain_http: bool,
}

impl NetworkArgs {
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
