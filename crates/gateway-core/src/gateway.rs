//! The engine: finds the rule for a request and runs its pipeline.
//!
//! A [`Gateway`] never changes. New rules make a new one, [`Gateway::with_rules`], that shares the catalogue with its keys
//! and memories; whoever serves requests swaps the whole.

use std::{collections::BTreeMap, sync::Arc};

use dpop::{NonceRing, ReplayStore};
use http::{HeaderMap, HeaderValue};
use jose::UnixTime;
use resource_server::KeySource;

use crate::{
    cache::Cache,
    certificates::CertificateTrust,
    decision::Decision,
    denial::{Denial, DenialKind},
    document::{Code, Diagnostic, Diagnostics, SecretReference},
    explanation::{AcceptedCredentials, Explanation, Found, NearbyRule, PipelineSummary},
    mechanisms::{
        Dependencies,
        catalogue::{Catalogue, MechanismDefinition},
    },
    outbound::OutboundClients,
    pipeline::{Pipeline, Surroundings, compile},
    published_keys::PublishedKey,
    request::Request,
    respond::{RefusalText, RespondSettings},
    rules::{
        DefaultRuleDefinition, Lookup, RuleIndex, RuleSet, forwarding_policy::ForwardingPolicy,
        index::BadRequest,
    },
    secrets::SecretStore,
    step_observer::StepObserver,
};

/// What a gateway is made of.
#[derive(Clone)]
pub struct GatewaySettings {
    /// The entries under `mechanisms`.
    pub mechanisms: Vec<MechanismDefinition>,
    /// The default rule.
    pub default_rule: Option<DefaultRuleDefinition>,
    /// The key of DPoP nonces.
    pub master_key: Option<SecretReference>,
    /// What `secret_management` gives.
    pub secrets: SecretStore,
    /// `serve.respond`.
    pub respond: RespondSettings,
    /// What mode and flags ask of rules.
    pub forwarding: ForwardingPolicy,
    /// Whether endpoints may be `http` (`--insecure-skip-egress-tls-enforcement`).
    pub plain_http_endpoints: bool,
    /// Where used proofs are remembered.
    pub replay_store: Arc<dyn ReplayStore>,
    /// Makes the clients that endpoints are called with.
    pub outbound: Arc<dyn OutboundClients>,
    /// Where answers of other systems are kept.
    pub cache: Arc<dyn Cache>,
    /// Who watches the steps of rules, if anybody does.
    pub observer: Option<Arc<dyn StepObserver>>,
    /// Judges the certificates that issuers publish with their keys.
    pub certificates: Arc<dyn CertificateTrust>,
}

/// Decides about requests. Immutable; cheap to rebuild with other rules.
pub struct Gateway {
    fixed: Arc<Fixed>,
    index: RuleIndex,
    rules: Vec<Pipeline>,
    /// The name of each rule's set, in the order of `rules`.
    sets: Vec<Arc<str>>,
}

/// What stays when rules change.
struct Fixed {
    catalogue: Catalogue,
    dependencies: Dependencies,
    default_rule: Option<Pipeline>,
    default_challenge: HeaderValue,
    respond: RespondSettings,
    forwarding: ForwardingPolicy,
    observer: Option<Arc<dyn StepObserver>>,
}

impl Gateway {
    /// Builds the catalogue, the default rule and the rules. All errors and warnings are added to `diagnostics`; `None` if
    /// there was an error.
    #[must_use]
    pub fn build(
        settings: GatewaySettings,
        rule_sets: &[RuleSet],
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let mut found = Diagnostics::new();
        let secrets = settings.secrets.unused();
        let nonce_ring =
            settings.master_key.as_ref().and_then(|reference| nonce_ring(&secrets, reference, &mut found));
        // With a master key that does not resolve, mechanisms would only complain about its absence.
        let has_broken_master_key = settings.master_key.is_some() && nonce_ring.is_none();
        let dependencies = Dependencies {
            secrets,
            nonce_ring,
            replay_store: settings.replay_store,
            outbound: settings.outbound,
            cache: settings.cache,
            certificates: settings.certificates,
            plain_http_endpoints: settings.plain_http_endpoints,
        };
        let mut of_mechanisms = Diagnostics::new();
        let catalogue = Catalogue::build(&settings.mechanisms, &dependencies, &mut of_mechanisms);
        let default_rule = settings.default_rule.as_ref().and_then(|definition| {
            let compiled = compile::default_rule(definition, &catalogue, &dependencies, &mut of_mechanisms)?;
            warn_about_default_rule(definition, &compiled, settings.forwarding, &mut of_mechanisms);
            Some(compiled)
        });
        let has_broken_default_rule = settings.default_rule.is_some() && default_rule.is_none();
        let fixed = Arc::new(Fixed {
            default_challenge: catalogue.default_challenge(),
            catalogue,
            dependencies,
            default_rule,
            respond: settings.respond,
            forwarding: settings.forwarding,
            observer: settings.observer,
        });
        // Rules that would inherit from a broken default rule can not be judged.
        let gateway = match has_broken_default_rule {
            true => None,
            false => Self::compile(fixed, rule_sets, &mut of_mechanisms),
        };
        for diagnostic in of_mechanisms {
            if !(has_broken_master_key && diagnostic.code == Code::MissingMasterKey) {
                found.push(diagnostic);
            }
        }
        let has_failed = found.has_errors();
        diagnostics.extend(found);
        gateway.filter(|_| !has_failed && !has_broken_master_key)
    }

    /// The same gateway with other rules. All errors and warnings are added to `diagnostics`; `None` if there was an error:
    /// keep the old one then.
    #[must_use]
    pub fn with_rules(&self, rule_sets: &[RuleSet], diagnostics: &mut Diagnostics) -> Option<Self> {
        Self::compile(Arc::clone(&self.fixed), rule_sets, diagnostics)
    }

    fn compile(fixed: Arc<Fixed>, rule_sets: &[RuleSet], diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut found = Diagnostics::new();
        let default_rule = fixed.default_rule.as_ref();
        let (mut rules, mut sets) = (Vec::new(), Vec::new());
        for rule_set in rule_sets {
            fixed.forwarding.check(rule_set, &mut found);
            let name: Arc<str> =
                rule_set.name.as_deref().map_or_else(|| Arc::clone(&rule_set.source), Arc::from);
            for definition in &rule_set.rules {
                let compiled = compile::rule(
                    definition,
                    default_rule,
                    &fixed.catalogue,
                    &fixed.dependencies,
                    &mut found,
                );
                rules.extend(compiled);
                sets.push(Arc::clone(&name));
            }
        }
        let index = RuleIndex::build(rule_sets, default_rule.is_some(), &mut found);
        // Positions in the index and in the list of pipelines agree only if every rule was compiled. A rule may fail without
        // an error here: its mechanism's error was reported before.
        let definitions: usize = rule_sets.iter().map(|rule_set| rule_set.rules.len()).sum();
        let has_failed = found.has_errors() || rules.len() != definitions;
        diagnostics.extend(found);
        Some(Self { fixed, index: index?, rules, sets }).filter(|_| !has_failed)
    }

    /// Decides about a request. `now` is the server's wall clock.
    ///
    /// In proxy mode a [`Decision::Permit`] without upstream has nowhere to go: answer it with [`Gateway::refuse`].
    pub async fn decide(&self, mut request: Request, now: UnixTime) -> Decision {
        let mut rule_set = None;
        let pipeline = match self.index.find(&request) {
            Lookup::Rule { rule, captures } => {
                request.captures = captures;
                rule_set = self.sets.get(rule).cloned();
                self.rules.get(rule)
            }
            Lookup::DefaultRule => self.fixed.default_rule.as_ref(),
            Lookup::NoRule => {
                let text = RefusalText {
                    kind: DenialKind::NoRule,
                    reason: "no_rule",
                    public: "no rule matches",
                    detail: "no rule matches, and there is no default rule".to_owned(),
                };
                return self.denial(text, &request.headers);
            }
            Lookup::BadRequest(error) => return self.bad_request(&error, &request.headers),
        };
        let Some(pipeline) = pipeline else {
            let text = RefusalText {
                kind: DenialKind::Internal,
                reason: "rule_without_pipeline",
                public: "internal error",
                detail: "the rule that matched has no pipeline".to_owned(),
            };
            return self.denial(text, &request.headers);
        };
        let surroundings = Surroundings {
            respond: &self.fixed.respond,
            default_challenge: &self.fixed.default_challenge,
            now,
            observer: self.fixed.observer.as_ref(),
        };
        let mut decision = pipeline.run(request, &surroundings).await;
        match &mut decision {
            Decision::Permit(permit) => permit.rule_set = rule_set,
            Decision::Denial(denial) => denial.rule_set = rule_set,
        }
        decision
    }

    /// Says which rule a request meets and why the `nearest` others do not get it, what would run, and what a proof must be
    /// like. Nothing runs.
    #[must_use]
    pub fn explain(&self, request: &Request, nearest: usize) -> Explanation {
        let mut request = request.clone();
        let (found, pipeline) = match self.index.find(&request) {
            Lookup::Rule { rule, captures } => {
                request.captures.clone_from(&captures);
                let pipeline = self.rules.get(rule);
                let id = pipeline.map(Pipeline::rule_id).unwrap_or_default().to_owned();
                (Found::Rule { id, set: self.sets.get(rule).cloned(), captures }, pipeline)
            }
            Lookup::DefaultRule => (Found::DefaultRule, self.fixed.default_rule.as_ref()),
            Lookup::NoRule => (Found::NoRule, None),
            Lookup::BadRequest(error) => (Found::BadRequest(error.to_string()), None),
        };
        let nearest = self.index.nearest(&request, nearest).into_iter().map(|near| NearbyRule {
            id: self.rules.get(near.rule).map(Pipeline::rule_id).unwrap_or_default().to_owned(),
            set: self.sets.get(near.rule).cloned(),
            path: near.path,
            host: near.host,
            mismatches: near.mismatches,
        });
        Explanation {
            nearest: nearest.collect(),
            pipeline: pipeline.map(|pipeline| PipelineSummary {
                steps: pipeline.steps(),
                target_uri: pipeline.target_uri(&request).to_string(),
                proof: pipeline.proof_policy().cloned(),
                upstream: pipeline.upstream_of(&request),
            }),
            found,
        }
    }

    /// Asks the authenticators of the rule that a request meets, and nobody else; `None` if it meets none. A proof that
    /// they accept is spent in the replay store.
    pub async fn try_credentials(
        &self,
        mut request: Request,
        now: UnixTime,
    ) -> Option<Result<AcceptedCredentials, Box<Denial>>> {
        let pipeline = match self.index.find(&request) {
            Lookup::Rule { rule, captures } => {
                request.captures = captures;
                self.rules.get(rule)
            }
            Lookup::DefaultRule => self.fixed.default_rule.as_ref(),
            Lookup::NoRule | Lookup::BadRequest(_) => None,
        }?;
        let surroundings = Surroundings {
            respond: &self.fixed.respond,
            default_challenge: &self.fixed.default_challenge,
            now,
            observer: None,
        };
        Some(pipeline.try_credentials(request, &surroundings).await.map_err(Box::new))
    }

    /// A bad host is answered without a body, whatever is configured; a bad path as `precondition_error`.
    fn bad_request(&self, error: &BadRequest, headers: &HeaderMap) -> Decision {
        let (kind, reason) = match error {
            BadRequest::Host(_) => (DenialKind::BadRequest, "bad_host"),
            BadRequest::Path(_) => (DenialKind::Precondition, "bad_path"),
        };
        let public = "the request can not be read";
        self.denial(RefusalText { kind, reason, public, detail: error.to_string() }, headers)
    }

    fn denial(&self, text: RefusalText<'_>, headers: &HeaderMap) -> Decision {
        Decision::Denial(Box::new(self.refuse(None, text, headers)))
    }

    /// The answer to a request that failed behind the decision: upstream unreachable, too slow, or none configured.
    #[must_use]
    pub fn refuse(
        &self,
        rule_id: Option<&str>,
        text: RefusalText<'_>,
        request_headers: &HeaderMap,
    ) -> Denial {
        self.fixed.respond.denial(rule_id, text, request_headers)
    }

    /// The public keys with which upstreams check the gateway's tokens: what `/.well-known/jwks` publishes.
    #[must_use]
    pub fn published_keys(&self) -> Vec<PublishedKey> {
        self.fixed.catalogue.published_keys()
    }

    /// Where the keys come from that tokens are checked with, by the id of the authenticator.
    #[must_use]
    pub fn key_sources(&self) -> Vec<(String, Arc<dyn KeySource>)> {
        self.fixed.catalogue.key_sources()
    }

    /// The rule sets by name (else file), each with the number of its rules.
    #[must_use]
    pub fn rule_sets(&self) -> BTreeMap<Arc<str>, usize> {
        let mut counts = BTreeMap::new();
        for set in &self.sets {
            *counts.entry(Arc::clone(set)).or_default() += 1;
        }
        counts
    }

    /// Whether the master key, a mechanism or a rule uses this secret source: then another content needs another gateway.
    #[must_use]
    pub fn uses_secret(&self, source: &str) -> bool {
        self.fixed.dependencies.secrets.was_used(source)
    }

    /// How many rules there are, without the default rule.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }
}

fn nonce_ring(
    secrets: &SecretStore,
    reference: &SecretReference,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<NonceRing>> {
    let selector = reference.selector.as_ref().map(|selector| selector.value.as_str());
    let keys = match secrets.symmetric_keys(&reference.source.value, selector) {
        Ok(keys) => keys,
        Err(error) => {
            error.report(reference, "master_key", diagnostics);
            return None;
        }
    };
    match NonceRing::new(keys.selected, keys.others) {
        Ok(ring) => Some(Arc::new(ring)),
        Err(error) => {
            diagnostics.push(Diagnostic::error(
                Code::WrongSecretKind,
                format!("`master_key`: {error}"),
                &reference.place,
            ));
            None
        }
    }
}

/// In proxy mode a default rule that lets a request pass has nowhere to send it.
fn warn_about_default_rule(
    definition: &DefaultRuleDefinition,
    compiled: &Pipeline,
    forwarding: ForwardingPolicy,
    diagnostics: &mut Diagnostics,
) {
    if forwarding.requires_upstream && !compiled.denies_at_once() {
        diagnostics.push(
            Diagnostic::warning(
                Code::DefaultRuleWithoutUpstream,
                "the default rule can let requests pass, but has nowhere to forward them in proxy mode",
                &definition.execute_place,
            )
            .expected("an authenticator of type `unauthorized` first")
            .hint("such requests are answered with 500"),
        );
    }
}
