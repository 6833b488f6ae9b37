//! The engine of the moment: decisions with the newest good rules.

use arc_swap::ArcSwap;
use gateway_core::{
    decision::Decision, denial::Denial, document::Diagnostics, gateway::Gateway, request::Request,
    respond::RefusalText, rules::RuleSet,
};
use http::HeaderMap;
use jose::UnixTime;

/// Decides with the rules of the moment.
pub(crate) struct Engine {
    gateway: ArcSwap<Gateway>,
}

impl Engine {
    /// Starts with these rules.
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self { gateway: ArcSwap::from_pointee(gateway) }
    }

    /// Decides about one request. Rules that arrive meanwhile count for the next one.
    pub(crate) async fn decide(&self, request: Request, now: UnixTime) -> Decision {
        let gateway = self.gateway.load_full();
        gateway.decide(request, now).await
    }

    /// The answer to a permitted request that did not get through.
    pub(crate) fn refuse(&self, rule_id: &str, text: RefusalText, request_headers: &HeaderMap) -> Denial {
        self.gateway.load().refuse(Some(rule_id), text, request_headers)
    }

    /// Decides with other rules from now on. With an error among them the old ones stay, all of them: half a reload would
    /// be a set of rules that nobody wrote.
    pub(crate) fn replace_rules(&self, rule_sets: &[RuleSet], diagnostics: &mut Diagnostics) -> bool {
        if diagnostics.has_errors() {
            return false;
        }
        match self.gateway.load().with_rules(rule_sets, diagnostics) {
            Some(gateway) => {
                self.gateway.store(gateway.into());
                true
            }
            None => false,
        }
    }
}
