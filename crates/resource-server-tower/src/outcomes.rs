//! What became of the requests of a layer, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of requests since the layer was built. The numbers are read one after the other, while requests go on.
///
/// ```
/// # use resource_server_tower::DpopLayer;
/// fn report(layer: &DpopLayer) -> String {
///     let outcomes = layer.outcomes();
///     format!("{} would be refused, of {} that came in", outcomes.observed, outcomes.passed)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcomes {
    /// Came in, those that were only observed included.
    pub passed: u64,
    /// Came in although [`Mode::Require`](crate::Mode::Require) would have refused them: those of
    /// [`Mode::Observe`](crate::Mode::Observe).
    pub observed: u64,
    /// Were refused for what the caller sent.
    pub refused: u64,
    /// Were refused because a dependency failed, or because the peer's address was not told.
    pub faults: u64,
}

/// The counters behind [`Outcomes`].
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) passed: Counter,
    pub(crate) observed: Counter,
    pub(crate) refused: Counter,
    pub(crate) faults: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    pub(crate) fn read(&self) -> Outcomes {
        Outcomes {
            passed: self.passed.read(),
            observed: self.observed.read(),
            refused: self.refused.read(),
            faults: self.faults.read(),
        }
    }
}
