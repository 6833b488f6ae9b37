//! What a safe configuration must have, and the flags that lift each demand.

use std::sync::Arc;

use gateway_core::document::{Code, Diagnostic, Diagnostics, Place, covers_every_address};
use gateway_core::rules::StepKind;

use super::settings::{CacheSettings, Settings};

/// Which demands are lifted; every one is made unless its `--insecure…` flag is given. For local tests only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// `--insecure-skip-ingress-tls-enforcement`: listeners may be without TLS.
    pub skip_ingress_tls: bool,
    /// `--insecure-skip-egress-tls-enforcement`: endpoints may be `http`.
    pub skip_egress_tls: bool,
    /// `--insecure-skip-upstream-tls-enforcement`: upstreams may be `http`.
    pub skip_upstream_tls: bool,
    /// `--insecure-skip-secure-trusted-proxies-enforcement`: everybody may be a trusted proxy.
    pub skip_secure_trusted_proxies: bool,
    /// `--insecure-skip-secure-default-rule-enforcement`: the default rule may let everybody pass.
    pub skip_secure_default_rule: bool,
}

impl Enforcement {
    /// Nothing is lifted.
    #[must_use]
    pub fn full() -> Self {
        Self::default()
    }

    /// `--insecure`: everything is lifted.
    #[must_use]
    pub fn none() -> Self {
        Self {
            skip_ingress_tls: true,
            skip_egress_tls: true,
            skip_upstream_tls: true,
            skip_secure_trusted_proxies: true,
            skip_secure_default_rule: true,
        }
    }

    /// Lifts everything about TLS as well: `--insecure-skip-all-tls-enforcement`.
    #[must_use]
    pub fn without_tls(self) -> Self {
        Self { skip_ingress_tls: true, skip_egress_tls: true, skip_upstream_tls: true, ..self }
    }

    /// The flags in force with what each of them gives up, for a warning at start.
    pub fn lifted(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            (
                self.skip_ingress_tls,
                INGRESS,
                "the listeners may be without TLS: tokens can be read on the way",
            ),
            (
                self.skip_egress_tls,
                EGRESS,
                "keys and answers may be fetched over plain http: others can replace them",
            ),
            (self.skip_upstream_tls, UPSTREAM, "requests may be forwarded over plain http"),
            (
                self.skip_secure_trusted_proxies,
                PROXIES,
                "everybody may be trusted to say where a request came from",
            ),
            (self.skip_secure_default_rule, DEFAULT_RULE, "the default rule may let everybody pass"),
        ]
        .into_iter()
        .filter_map(|(is_lifted, flag, consequence)| is_lifted.then_some((flag, consequence)))
    }
}

const INGRESS: &str = "--insecure-skip-ingress-tls-enforcement";
const EGRESS: &str = "--insecure-skip-egress-tls-enforcement";
const UPSTREAM: &str = "--insecure-skip-upstream-tls-enforcement";
const PROXIES: &str = "--insecure-skip-secure-trusted-proxies-enforcement";
const DEFAULT_RULE: &str = "--insecure-skip-secure-default-rule-enforcement";

/// Adds one `enforcement_skipped` warning for each lifted demand.
pub(super) fn warn_about_lifted(enforcement: &Enforcement, diagnostics: &mut Diagnostics) {
    let place = &Place::whole_file(Arc::from("command line"));
    for (flag, consequence) in enforcement.lifted() {
        diagnostics.push(
            Diagnostic::warning(Code::EnforcementSkipped, format!("`{flag}`: {consequence}"), place)
                .hint("for local tests only"),
        );
    }
}

/// Checks the demands on listeners, proxies and the default rule. Endpoints and upstreams are checked where they are read.
pub(crate) fn check(settings: &Settings, enforcement: &Enforcement, diagnostics: &mut Diagnostics) {
    if !enforcement.skip_ingress_tls {
        check_tls(settings, diagnostics);
    }
    if !enforcement.skip_egress_tls {
        check_redis_tls(settings, diagnostics);
    }
    if !enforcement.skip_secure_trusted_proxies {
        check_trusted_proxies(settings, diagnostics);
    }
    if !enforcement.skip_secure_default_rule {
        check_default_rule(settings, diagnostics);
    }
}

fn lift(flag: &str) -> String {
    format!("for local tests only: `{flag}`")
}

fn check_tls(settings: &Settings, diagnostics: &mut Diagnostics) {
    let listeners = [
        ("serve", settings.serve.tls.is_none(), &settings.serve.place),
        ("management", settings.management.tls.is_none(), &settings.management.place),
    ];
    for (name, is_missing, place) in listeners {
        if is_missing {
            diagnostics.push(
                Diagnostic::error(Code::MissingTls, format!("`{name}.tls` is missing"), place)
                    .expected("`tls: {secret: {source: …}}`")
                    .hint(lift(INGRESS)),
            );
        }
    }
}

fn check_redis_tls(settings: &Settings, diagnostics: &mut Diagnostics) {
    let CacheSettings::Redis(redis) = &settings.cache else { return };
    if redis.tls.is_none() {
        diagnostics.push(
            Diagnostic::error(Code::MissingTls, "`cache.config.tls` is disabled", &redis.place)
                .expected("TLS, which is on when `tls` is missing")
                .hint(lift(EGRESS)),
        );
    }
}

fn check_trusted_proxies(settings: &Settings, diagnostics: &mut Diagnostics) {
    let proxies = &settings.serve.trusted_proxies;
    if !covers_every_address(proxies.iter().map(|proxy| &proxy.value)) {
        return;
    }
    // The network that does it alone, else the list as a whole.
    let alone = proxies.iter().find(|proxy| covers_every_address([&proxy.value]));
    let Some(proxy) = alone.or(proxies.first()) else { return };
    diagnostics.push(
        Diagnostic::error(
            Code::InsecureTrustedProxies,
            "`serve.trusted_proxies` holds every address",
            &proxy.place,
        )
        .found(proxy.value.0.to_string())
        .expected("the addresses of the proxies in front of the gateway")
        .hint(lift(PROXIES)),
    );
}

fn check_default_rule(settings: &Settings, diagnostics: &mut Diagnostics) {
    let Some(rule) = &settings.default_rule else { return };
    let first = rule.execute.iter().find(|step| step.kind == StepKind::Authenticator);
    let Some(first) = first else { return };
    let is_anonymous = settings.mechanisms.iter().any(|definition| {
        definition.kind == StepKind::Authenticator
            && definition.id.value == first.mechanism.value
            && definition.type_name.value == "anonymous"
    });
    if is_anonymous {
        diagnostics.push(
            Diagnostic::error(
                Code::InsecureDefaultRule,
                "the default rule lets everybody pass",
                &first.mechanism.place,
            )
            .found(first.mechanism.value.as_str())
            .expected("a first authenticator that is not of type anonymous, such as one of type unauthorized")
            .hint(lift(DEFAULT_RULE)),
        );
    }
}
