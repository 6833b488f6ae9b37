//! Whether requests may be sent here: files and secrets are read before the listeners are there, so what is waited for is
//! the first answer of each key endpoint and each rule server, and the first connection to Redis; the end is when shutdown
//! begins.
//!
//! Once an endpoint has answered, a later outage does not make the gateway unready: the keys it has go on counting, and
//! every instance would be taken out of service at the same moment.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use resource_server::KeySource;
use tokio::time::sleep;

use crate::{
    clock::Clock, providers::rule_book::RuleBook, serve::connection::Shutdown, telemetry::metrics::Metrics,
};

/// The first pause before an endpoint is asked again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is still missing.
pub(crate) struct Readiness {
    missing: Mutex<BTreeSet<String>>,
    shutdown: Shutdown,
    metrics: Arc<Metrics>,
    rules: Arc<RuleBook>,
}

impl Readiness {
    /// Ready, until something is waited for or shutdown begins.
    pub(crate) fn new(shutdown: Shutdown, metrics: Arc<Metrics>, rules: Arc<RuleBook>) -> Arc<Self> {
        let readiness = Arc::new(Self { missing: Mutex::default(), shutdown, metrics, rules });
        let read = Arc::downgrade(&readiness);
        readiness.metrics.read_each_time(move || {
            if let Some(readiness) = read.upgrade() {
                readiness.metrics.ready(readiness.missing().is_empty());
            }
        });
        readiness
    }

    /// What is missing, in words that may be told to anybody who reaches the management port; empty when ready.
    pub(crate) fn missing(&self) -> Vec<String> {
        if self.shutdown.is_stopping() {
            return vec!["the gateway is stopping".to_owned()];
        }
        let rules = self.rules.missing().into_iter().map(|source| format!("rules of {source}"));
        self.missing.lock().iter().cloned().chain(rules).collect()
    }

    /// Asks key endpoints until each has answered once, which also spares the first requests the wait.
    pub(crate) fn wait_for_keys(self: &Arc<Self>, sources: Vec<(String, Arc<dyn KeySource>)>, clock: &Clock) {
        for (authenticator, source) in sources {
            let clock = clock.clone();
            let what = format!("keys of the authenticator `{authenticator}`");
            self.wait_for(what, async move { until_there(&authenticator, source.as_ref(), &clock).await });
        }
    }

    /// Not ready before this is over.
    pub(crate) fn wait_for(self: &Arc<Self>, what: String, there: impl Future<Output = ()> + Send + 'static) {
        self.missing.lock().insert(what.clone());
        let readiness = Arc::clone(self);
        self.shutdown.spawn(async move {
            tokio::select! {
                () = readiness.shutdown.stopping() => {}
                () = there => {
                    readiness.missing.lock().remove(&what);
                }
            }
        });
    }
}

async fn until_there(authenticator: &str, source: &dyn KeySource, clock: &Clock) {
    let mut pause = FIRST_PAUSE;
    loop {
        match source.keys(None, clock.now()).await {
            Ok(_) => return,
            Err(error) => {
                let error = gateway_core::mechanisms::step::chain_of_causes(&error);
                tracing::warn!(authenticator, error, "keys not reachable yet, not ready");
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
