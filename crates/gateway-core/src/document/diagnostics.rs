//! Mistakes and warnings, collected over all documents so that one run reports all of them.

use std::fmt;

use super::node::Place;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)+) => {
        /// The stable code of a diagnostic: what tools and tests match, never the text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// The code as printed in brackets, in snake case.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

codes! {
    /// A key nobody reads at this place.
    UnknownKey => "unknown_key",
    /// A value of another type than the key wants.
    WrongType => "wrong_type",
    /// Text that is not a duration.
    BadDuration => "bad_duration",
    /// Text that is not a byte size.
    BadByteSize => "bad_byte_size",
    /// A mandatory key is not there.
    MissingKey => "missing_key",
    /// Two keys of which only one may be set.
    MutuallyExclusive => "mutually_exclusive",
    /// A word outside a closed list.
    NotOneOf => "not_one_of",
    /// A number, duration or size outside its range.
    OutOfRange => "out_of_range",
    /// Text that is neither YAML nor JSON.
    UnreadableYaml => "unreadable_yaml",
    /// A key twice in one map.
    DuplicateKey => "duplicate_key",
    /// No such configuration file.
    MissingFile => "missing_file",
    /// A file that a setting names can not be read or has the wrong content.
    UnreadableFile => "unreadable_file",
    /// A variable substitution that does not parse.
    BadSubstitution => "bad_substitution",
    /// Text that is neither an address nor a network.
    BadNetwork => "bad_network",
    /// An algorithm that is unknown or must never be accepted.
    BadAlgorithm => "bad_algorithm",
    /// A reference to a secret source nobody defines.
    UnknownSecretSource => "unknown_secret_source",
    /// The source exists, the selected entry does not.
    UnknownSecret => "unknown_secret",
    /// The secret has another shape than its user needs.
    WrongSecretKind => "wrong_secret_kind",
    /// A rule uses a source that is not released for rules.
    SecretNotAllowedInRules => "secret_not_allowed_in_rules",
    /// DPoP nonces are required and there is no key for them.
    MissingMasterKey => "missing_master_key",
    /// A step names a mechanism that is not in the catalogue.
    UnknownMechanism => "unknown_mechanism",
    /// One mechanism id twice in one kind.
    DuplicateMechanismId => "duplicate_mechanism_id",
    /// One step id twice in one pipeline.
    DuplicateStepId => "duplicate_step_id",
    /// A step sets a key that only the catalogue may set.
    OverrideNotAllowed => "override_not_allowed",
    /// Two mechanisms in one step.
    SeveralMechanismsInStep => "several_mechanisms_in_step",
    /// Steps in an order in which they can not run.
    StageOrder => "stage_order",
    /// A condition on an authenticator.
    IfOnAuthenticator => "if_on_authenticator",
    /// A pipeline without an authenticator.
    MissingAuthenticator => "missing_authenticator",
    /// No authenticator feeds the principal `default`.
    NoDefaultPrincipal => "no_default_principal",
    /// Proxy mode needs to know where to forward.
    MissingForwardTo => "missing_forward_to",
    /// One rule id twice.
    DuplicateRuleId => "duplicate_rule_id",
    /// Rules of different rule sets overlap, or name one wildcard differently.
    ConflictingRules => "conflicting_rules",
    /// An upstream over plain http under enforcement.
    PlainHttpUpstream => "plain_http_upstream",
    /// An endpoint over plain http under enforcement.
    PlainHttpEndpoint => "plain_http_endpoint",
    /// The default rule lets everyone pass, under enforcement.
    InsecureDefaultRule => "insecure_default_rule",
    /// Every peer is a trusted proxy, under enforcement.
    InsecureTrustedProxies => "insecure_trusted_proxies",
    /// A key for TLS without a certificate that fits and is valid now.
    UnusableCertificate => "unusable_certificate",
    /// A listener without TLS, under enforcement.
    MissingTls => "missing_tls",
    /// A template that does not compile.
    BadTemplate => "bad_template",
    /// An expression that does not compile.
    BadCel => "bad_cel",
    /// A rule set version nobody knows.
    UnknownVersion => "unknown_version",
    /// Keys of two rule dialects in one rule.
    MixedDialects => "mixed_dialects",
    /// Something that the wanted dialect can not say.
    NoEquivalent => "no_equivalent",
    /// A path pattern that is not one.
    BadPath => "bad_path",
    /// A host pattern that is not one.
    BadHost => "bad_host",
    /// A regular expression that does not compile.
    BadRegex => "bad_regex",
    /// A condition on a capture that does not exist.
    BadCapture => "bad_capture",
    /// A method without a name.
    EmptyMethod => "empty_method",
    /// A requirement that can not be enforced.
    Unenforceable => "unenforceable",
    /// A known key of a later stage.
    NotSupportedYet => "not_supported_yet",
    /// Warning: an old rule dialect.
    OldDialect => "old_dialect",
    /// Warning: a rule set without version.
    MissingVersion => "missing_version",
    /// Warning: version and shape of a rule set disagree.
    VersionMismatch => "version_mismatch",
    /// Warning: more than one document in a file.
    FurtherDocumentsIgnored => "further_documents_ignored",
    /// Warning: the old wildcard spelling in a path.
    OldWildcard => "old_wildcard",
    /// Warning: a signer with the secret reference in it, not under `secret`.
    FlatSigner => "flat_signer",
    /// Warning: a rule that can never match.
    DeadRule => "dead_rule",
    /// Warning: a list of methods that matches all of them.
    MethodsMatchAll => "methods_match_all",
    /// Warning: the default rule has nowhere to forward to.
    DefaultRuleWithoutUpstream => "default_rule_without_upstream",
    /// Warning: a variable without value and without default.
    UnsetVariable => "unset_variable",
    /// Warning: an environment variable that sets nothing.
    UnknownEnvironment => "unknown_environment",
    /// Warning: a safety check that a flag skips.
    EnforcementSkipped => "enforcement_skipped",
    /// Warning: a template reads what its place does not offer.
    TemplateReadsUnknown => "template_reads_unknown",
    /// Warning: an error handler that answers a refusal with success.
    SuccessForRefusal => "success_for_refusal",
    /// Warning: something in a template that is allowed, but probably not meant.
    SuspiciousTemplate => "suspicious_template",
    /// Warning: an older spelling.
    Deprecated => "deprecated",
    /// Warning: telemetry that is accepted and does nothing yet.
    TelemetryIgnored => "telemetry_ignored",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Whether a diagnostic stops the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Nothing is started.
    Error,
    /// Worth a look, nothing more.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One mistake: what is wrong, where, what stood there, what should, and what to do.
///
/// No part of it may hold a secret: describe credentials by their type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong and in which key; lower case, no full stop.
    pub headline: String,
    /// The offending token first; a second place where two things collide.
    pub places: Vec<Place>,
    /// The value as written, cut at 80 characters.
    pub found: Option<String>,
    /// Grammar, range or the list of allowed words.
    pub expected: Option<String>,
    /// One action.
    pub hint: Option<String>,
}

/// Longest text of a value that a message shows, in characters.
const MAX_FOUND: usize = 80;

impl Diagnostic {
    /// An error at `place`.
    #[must_use]
    pub fn error(code: Code, headline: impl Into<String>, place: &Place) -> Self {
        Self::new(code, Severity::Error, headline.into(), place)
    }

    /// A warning at `place`.
    #[must_use]
    pub fn warning(code: Code, headline: impl Into<String>, place: &Place) -> Self {
        Self::new(code, Severity::Warning, headline.into(), place)
    }

    fn new(code: Code, severity: Severity, headline: String, place: &Place) -> Self {
        Self {
            code,
            severity,
            headline,
            places: vec![place.clone()],
            found: None,
            expected: None,
            hint: None,
        }
    }

    /// Adds the second place of a collision.
    #[must_use]
    pub fn and_place(mut self, place: &Place) -> Self {
        self.places.push(place.clone());
        self
    }

    /// Says what stood there; cut at 80 characters. Never a secret.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        let found = found.into();
        self.found = Some(match found.char_indices().nth(MAX_FOUND) {
            Some((cut, _)) => format!("{}…", found.get(..cut).unwrap_or_default()),
            None => found,
        });
        self
    }

    /// Says what would be right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds `did you mean …?` when there is a near word; an existing hint stays.
    #[must_use]
    pub fn did_you_mean(self, suggestion: Option<&str>) -> Self {
        match suggestion {
            Some(word) if self.hint.is_none() => self.hint(format!("did you mean `{word}`?")),
            Some(_) | None => self,
        }
    }
}

/// The errors and warnings of one run over all documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    entries: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. The same code at the same place with the same headline is kept once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.entries.contains(&diagnostic) {
            self.entries.push(diagnostic);
        }
    }

    /// Adds those of another run.
    pub fn extend(&mut self, others: Self) {
        for diagnostic in others.entries {
            self.push(diagnostic);
        }
    }

    /// Whether there is any error; nothing may be started then.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The errors, in order.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.entries.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The warnings, in order.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.entries.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.entries.iter()
    }

    /// Puts them in order of file, line and column; what has no line comes first in its file, files in the order in which
    /// they were first mentioned.
    pub fn sort(&mut self) {
        let mut sources: Vec<_> = Vec::new();
        for diagnostic in &self.entries {
            if let Some(place) = diagnostic.places.first()
                && !sources.contains(&place.source)
            {
                sources.push(place.source.clone());
            }
        }
        self.entries.sort_by_key(|diagnostic| {
            diagnostic.places.first().map_or((usize::MAX, 0, 0), |place| {
                let source = sources.iter().position(|source| *source == place.source).unwrap_or(usize::MAX);
                (source, place.line, place.column)
            })
        });
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// One line per diagnostic, for logs; the gateway crate prints the long form with the source line.
impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.entries.iter().enumerate() {
            if position > 0 {
                formatter.write_str("\n")?;
            }
            write!(
                formatter,
                "{}[{}]: {}",
                diagnostic.severity.as_str(),
                diagnostic.code,
                diagnostic.headline
            )?;
            if let Some(place) = diagnostic.places.first() {
                match &place.env {
                    Some(variable) => write!(formatter, " (environment variable {variable})")?,
                    None if place.line == 0 => write!(formatter, " ({})", place.source)?,
                    None => write!(formatter, " ({}:{}:{})", place.source, place.line, place.column)?,
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn keeps_files_in_order_of_mention_and_lines_in_order() {
        let place = |file: &str, line| Place::new(Arc::from(file), line, 1);
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(Diagnostic::error(Code::UnknownKey, "z", &place("main.yaml", 9)));
        diagnostics.push(Diagnostic::error(Code::UnknownKey, "r", &place("a.yaml", 1)));
        diagnostics.push(Diagnostic::warning(Code::Deprecated, "y", &place("main.yaml", 2)));
        diagnostics.push(Diagnostic::warning(Code::Deprecated, "y", &place("main.yaml", 2)));
        diagnostics.sort();
        let order: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.headline.as_str()).collect();
        assert_eq!(order, ["y", "z", "r"]);
        assert!(diagnostics.has_errors());
    }

    #[test]
    fn cuts_long_values() {
        let place = Place::whole_file(Arc::from("f"));
        let diagnostic = Diagnostic::error(Code::WrongType, "x", &place).found("é".repeat(200));
        assert_eq!(diagnostic.found.map(|found| found.chars().count()), Some(81));
    }
}
