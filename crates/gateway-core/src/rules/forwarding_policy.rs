//! What proxy mode and the enforcement of TLS ask of the rules.

use super::rule::{RuleDefinition, RuleSet, Scheme};
use crate::document::{Code, Diagnostic, Diagnostics};

/// What the rules must fulfil beside being well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardingPolicy {
    /// Every rule must say where it forwards: proxy mode.
    pub requires_upstream: bool,
    /// `rewrite.scheme: http` is allowed (`--insecure-skip-upstream-tls-enforcement`).
    pub allows_plain_http_upstream: bool,
}

impl ForwardingPolicy {
    /// Reports every rule of the set that does not fulfil the policy.
    pub fn check(self, rule_set: &RuleSet, diagnostics: &mut Diagnostics) {
        for rule in &rule_set.rules {
            self.check_rule(rule, diagnostics);
        }
    }

    fn check_rule(self, rule: &RuleDefinition, diagnostics: &mut Diagnostics) {
        let Some(forward_to) = &rule.forward_to else {
            if self.requires_upstream {
                diagnostics.push(
                    Diagnostic::error(
                        Code::MissingForwardTo,
                        format!("rule `{}` has no `forward_to`, which proxy mode needs", rule.id.value),
                        &rule.place,
                    )
                    .expected("`forward_to: {host: NAME:PORT}`")
                    .hint("add it, or start with `serve decision`"),
                );
            }
            return;
        };
        if let Some(scheme) = &forward_to.rewrite.scheme
            && scheme.value == Scheme::Http
            && !self.allows_plain_http_upstream
        {
            diagnostics.push(
                Diagnostic::error(
                    Code::PlainHttpUpstream,
                    format!("rule `{}` would forward over plain http", rule.id.value),
                    &scheme.place,
                )
                .found("scheme: http")
                .expected("https")
                .hint("for local tests only: `--insecure-skip-upstream-tls-enforcement`"),
            );
        }
    }
}
