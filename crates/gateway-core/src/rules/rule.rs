//! Rules in the one form into which all dialects are read.

use std::sync::Arc;

use http::HeaderName;

use super::{condition::Condition, host::HostPattern, method_set::MethodSet, path_pattern::PathPattern};
use crate::{
    document::{KeyPath, Node, Place, Spanned},
    public_origin::PublicOrigin,
};

/// The rules of one file, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet {
    /// The set's name, if it has one.
    pub name: Option<String>,
    /// The file, as messages name it.
    pub source: Arc<str>,
    /// The rules; those at the same place are asked in this order.
    pub rules: Vec<RuleDefinition>,
}

/// One rule as written, its pipeline not yet put together with the catalogue's mechanisms.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDefinition {
    /// Unique in one provider.
    pub id: Spanned<String>,
    /// Where the rule starts.
    pub place: Place,
    /// What requests it is for.
    pub matching: RuleMatch,
    /// Where requests go in proxy mode.
    pub forward_to: Option<ForwardTo>,
    /// What `%2F` in a path means.
    pub allow_encoded_slashes: EncodedSlashes,
    /// The origin that clients use to reach this rule; else that of `serve`.
    pub public_origin: Option<PublicOrigin>,
    /// Where the key `execute` stands.
    pub execute_place: Place,
    /// Authenticators, then authorizers and contextualizers, then finalizers; at least one step.
    pub execute: Vec<StepDefinition>,
    /// Error handlers only.
    pub on_error: Vec<StepDefinition>,
}

/// What requests a rule is for.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleMatch {
    /// Any of these; at least one, but for those left out because no request can have them.
    pub paths: Vec<RulePath>,
    /// Any of these, or a host that fulfils one of `host_conditions`. Empty only if there are conditions.
    pub hosts: Vec<HostPattern>,
    /// Globs and regular expressions on the host, which only the oldest dialect can write.
    pub host_conditions: Vec<Condition>,
    /// The methods.
    pub methods: MethodSet,
    /// The methods as written.
    pub written_methods: Vec<String>,
    /// The scheme; any if it is left out.
    pub scheme: Option<Scheme>,
}

/// One path of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RulePath {
    /// What requests are compared with.
    pub pattern: PathPattern,
    /// The path in the present spelling.
    pub written: String,
    /// Where it stands.
    pub place: Place,
    /// What captured values must look like; each name is one of the path's.
    pub captures: Vec<CaptureCondition>,
}

/// What one captured value must look like.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureCondition {
    /// The wildcard's name.
    pub name: String,
    /// The condition on its decoded value.
    pub condition: Condition,
}

/// `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// In lower case, as URIs write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What a rule does with `%2F` in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EncodedSlashes {
    /// Refuses the request with 400.
    #[default]
    Off,
    /// Takes it as part of one segment; captured and forwarded as `/`.
    On,
    /// Takes it as part of one segment; captured and forwarded as sent.
    NoDecode,
}

impl EncodedSlashes {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Off, Self::On, Self::NoDecode];

    /// As rule files spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::NoDecode => "no_decode",
        }
    }
}

/// Where requests of a rule go in proxy mode.
#[derive(Debug, Clone, PartialEq)]
pub struct ForwardTo {
    /// Host, and port if it is not the scheme's default.
    pub host: Spanned<String>,
    /// Whether the upstream gets the client's `Host` (the default), not its own name.
    pub forward_host_header: bool,
    /// Changes of the URI.
    pub rewrite: Rewrite,
    /// What the upstream gets of the client's credentials.
    pub credentials: ForwardedCredentials,
    /// Carries the thumbprint of the proven key; a client's header of this name is always removed.
    pub thumbprint_header: Option<HeaderName>,
}

/// Changes of the URI on its way to the upstream, in this order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rewrite {
    /// Replaces the scheme; else the one that the client used.
    pub scheme: Option<Spanned<Scheme>>,
    /// Taken away from the start of the path, whole segments only.
    pub strip_path_prefix: Option<String>,
    /// Put in front of the path.
    pub add_path_prefix: Option<String>,
    /// Names of query parameters that are taken away.
    pub strip_query_parameters: Vec<String>,
}

/// What the upstream gets of the client's credentials if no finalizer replaces `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedCredentials {
    /// `Authorization` and `DPoP` as sent.
    #[default]
    Keep,
    /// Neither.
    Strip,
    /// The token as `Bearer`, without the proof.
    Bearer,
}

impl ForwardedCredentials {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Strip, Self::Bearer];

    /// As rule files spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Strip => "strip",
            Self::Bearer => "bearer",
        }
    }
}

/// The pipeline of the default rule, whose stages other rules inherit. It matches every path and forwards nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultRuleDefinition {
    /// Where it starts.
    pub place: Place,
    /// Where the key `execute` stands.
    pub execute_place: Place,
    /// As in a rule.
    pub execute: Vec<StepDefinition>,
    /// As in a rule.
    pub on_error: Vec<StepDefinition>,
}

/// One step of a pipeline: a mechanism of the catalogue and what is different about it here.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDefinition {
    /// Which kind of mechanism.
    pub kind: StepKind,
    /// Its id in the catalogue.
    pub mechanism: Spanned<String>,
    /// The step's own id, if it was given one.
    pub id: Option<Spanned<String>>,
    /// The principal that an authenticator feeds; `default` if it is left out. `None` for other kinds.
    pub principal: Option<Spanned<String>>,
    /// The condition `if`, if it was given one.
    pub condition: Option<Spanned<String>>,
    /// What is different from the catalogue.
    pub config: Option<Node>,
    /// The way to the step in its file, for messages about `config`.
    pub path: KeyPath,
    /// Where the step starts.
    pub place: Place,
}

impl StepDefinition {
    /// The principal's name, for authenticators.
    #[must_use]
    pub fn principal_name(&self) -> &str {
        self.principal.as_ref().map_or(DEFAULT_PRINCIPAL, |principal| principal.value.as_str())
    }
}

/// The principal that every pipeline needs.
pub const DEFAULT_PRINCIPAL: &str = "default";

/// The kinds of mechanisms, in the order in which stages run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// Says who the request comes from.
    Authenticator,
    /// Says whether it may pass.
    Authorizer,
    /// Adds what is known about it.
    Contextualizer,
    /// Changes what the upstream gets.
    Finalizer,
    /// Shapes a refusal.
    ErrorHandler,
}

impl StepKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Authenticator, Self::Authorizer, Self::Contextualizer, Self::Finalizer, Self::ErrorHandler];

    /// The key that names the mechanism in a step.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authenticator => "authenticator",
            Self::Authorizer => "authorizer",
            Self::Contextualizer => "contextualizer",
            Self::Finalizer => "finalizer",
            Self::ErrorHandler => "error_handler",
        }
    }
}
