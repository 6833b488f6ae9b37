//! A replay store that is down.

use std::future::ready;

use dpop::{Claim, ClaimFuture, ReplayKey, ReplayStore};
use jose::UnixTime;

/// A [`ReplayStore`] that can never answer: the request must be refused with 503.
///
/// ```
/// use testkit::UnavailableReplayStore;
///
/// // Give it to the server under test: whatever is sent then is answered with 503.
/// let store: Box<dyn dpop::ReplayStore> = Box::new(UnavailableReplayStore);
/// # let _ = store;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct UnavailableReplayStore;

impl ReplayStore for UnavailableReplayStore {
    fn claim(&self, _key: ReplayKey, _expires_at: UnixTime, _now: UnixTime) -> ClaimFuture<'_> {
        Box::pin(ready(Claim::Unavailable))
    }

    fn remembers_since(&self) -> Option<UnixTime> {
        None
    }
}
