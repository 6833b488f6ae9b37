//! The engine of the moment: decisions with the newest good rules.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gateway_core::{decision::Decision, request::Request};
use jose::UnixTime;

/// Decides.
pub(crate) trait Decide: Send + Sync {
    /// Decides about one request.
    fn decide(
        &self,
        request: Request,
        now: UnixTime,
    ) -> std::pin::Pin<Box<dyn Future<Output = Decision> + Send + '_>>;
}

/// The engine of the moment.
pub(crate) struct Engine {
    gateway: ArcSwap<Box<dyn Decide>>,
}

impl Engine {
    /// Decides about one request. Rules that arrive meanwhile count for the next one.
    pub(crate) async fn decide(&self, request: Request, now: UnixTime) -> Decision {
        let gateway = self.gateway.load_full();
        gateway.decide(request, now).await
    }
}
