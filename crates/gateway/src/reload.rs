//! The engine of the moment: decisions with the newest good rules and secrets.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gateway_core::{
    decision::Decision,
    denial::Denial,
    document::Diagnostics,
    gateway::{Gateway, GatewaySettings},
    published_keys::PublishedKey,
    request::Request,
    respond::RefusalText,
    rules::RuleSet,
    secrets::SecretStore,
};
use http::HeaderMap;
use jose::UnixTime;
use parking_lot::Mutex;
use resource_server::KeySource;

use crate::telemetry::metrics::{Metrics, Reload, certificates};

/// Decides with the rules and secrets of the moment.
pub(crate) struct Engine {
    gateway: ArcSwap<Gateway>,
    made_of: Mutex<MadeOf>,
    metrics: Arc<Metrics>,
}

/// What the gateway of the moment was made of, for the next one.
struct MadeOf {
    settings: GatewaySettings,
    rule_sets: Vec<RuleSet>,
    /// Whether a secret changed that the gateway did not use: rules that use it now need another gateway.
    has_other_secrets: bool,
    /// Grows with every change of a secret.
    generation: u64,
}

impl Engine {
    /// Starts with these settings and rules. All errors and warnings are added to `diagnostics`; `None` if there was an
    /// error.
    pub(crate) fn build(
        settings: GatewaySettings,
        rule_sets: Vec<RuleSet>,
        metrics: Arc<Metrics>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let gateway = Gateway::build(settings.clone(), &rule_sets, diagnostics)?;
        metrics.rules_in_force(&gateway.rule_sets());
        metrics.certificates(certificates::of(&settings.secrets));
        let made_of = Mutex::new(MadeOf { settings, rule_sets, has_other_secrets: false, generation: 0 });
        Some(Self { gateway: ArcSwap::from_pointee(gateway), made_of, metrics })
    }

    /// Decides about one request. Rules that arrive meanwhile count for the next one.
    pub(crate) async fn decide(&self, request: Request, now: UnixTime) -> Decision {
        let gateway = self.gateway.load_full();
        gateway.decide(request, now).await
    }

    /// The answer to a permitted request that did not get through.
    pub(crate) fn refuse(&self, rule_id: &str, text: RefusalText<'_>, request_headers: &HeaderMap) -> Denial {
        self.gateway.load().refuse(Some(rule_id), text, request_headers)
    }

    /// The public keys with which upstreams check the gateway's tokens.
    pub(crate) fn published_keys(&self) -> Vec<PublishedKey> {
        self.gateway.load().published_keys()
    }

    /// What the gateway of the moment is made of, its rules apart, and a number that changes when a secret does.
    pub(crate) fn settings(&self) -> (u64, GatewaySettings) {
        let made_of = self.made_of.lock();
        (made_of.generation, made_of.settings.clone())
    }

    /// The rule sets of the moment.
    pub(crate) fn rule_sets(&self) -> Vec<RuleSet> {
        self.made_of.lock().rule_sets.clone()
    }

    /// How many rules there are.
    pub(crate) fn rule_count(&self) -> usize {
        self.gateway.load().rule_count()
    }

    /// Where the keys come from that tokens are checked with, by the id of the authenticator.
    pub(crate) fn key_sources(&self) -> Vec<(String, Arc<dyn KeySource>)> {
        self.gateway.load().key_sources()
    }

    /// Changed rules can not be had: the old ones stay.
    pub(crate) fn rules_unreadable(&self) {
        self.metrics.rules_reloaded(Reload::Unreadable);
    }

    /// A secret changed, and this came of it.
    pub(crate) fn secret_reloaded(&self, reload: Reload) {
        self.metrics.secret_reloaded(reload);
    }

    /// Decides with other rules from now on. With an error among them the old ones stay, all of them: half a reload would
    /// be a set of rules that nobody wrote.
    pub(crate) fn replace_rules(&self, rule_sets: &[RuleSet], diagnostics: &mut Diagnostics) -> bool {
        let replaced = !diagnostics.has_errors() && self.try_rules(rule_sets, diagnostics);
        self.metrics.rules_reloaded(if replaced { Reload::Loaded } else { Reload::Refused });
        replaced
    }

    fn try_rules(&self, rule_sets: &[RuleSet], diagnostics: &mut Diagnostics) -> bool {
        let mut made_of = self.made_of.lock();
        let gateway = match made_of.has_other_secrets {
            true => Gateway::build(made_of.settings.clone(), rule_sets, diagnostics),
            false => self.gateway.load().with_rules(rule_sets, diagnostics),
        };
        let Some(gateway) = gateway else { return false };
        self.metrics.rules_in_force(&gateway.rule_sets());
        self.gateway.store(gateway.into());
        made_of.rule_sets = rule_sets.to_vec();
        made_of.has_other_secrets = false;
        true
    }

    /// Decides with other secrets from now on, of which the source `changed` is another one. If a mechanism or rule can not
    /// use them the old ones stay. A source that nobody uses costs nothing; otherwise the gateway is built anew, and what its
    /// mechanisms remembered is fetched again. Used proofs stay remembered.
    pub(crate) fn replace_secrets(
        &self,
        changed: &str,
        secrets: SecretStore,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let certificates = certificates::of(&secrets);
        let mut made_of = self.made_of.lock();
        let settings = GatewaySettings { secrets, ..made_of.settings.clone() };
        if !self.gateway.load().uses_secret(changed) {
            made_of.settings = settings;
            made_of.has_other_secrets = true;
            self.metrics.certificates(certificates);
            made_of.generation += 1;
            return true;
        }
        let Some(gateway) = Gateway::build(settings.clone(), &made_of.rule_sets, diagnostics) else {
            return false;
        };
        self.gateway.store(gateway.into());
        made_of.settings = settings;
        made_of.has_other_secrets = false;
        self.metrics.certificates(certificates);
        made_of.generation += 1;
        true
    }
}
