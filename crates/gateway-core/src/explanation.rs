//! Which rule a request meets and why, what would run, and what the verifier expects: for people who wonder.
//!
//! Nothing is decided here. Everything comes from the lookup and the pipeline that decide.

use std::{collections::BTreeMap, sync::Arc};

use resource_server::ProofPolicy;

use crate::{
    decision::Upstream,
    rules::{StepKind, nearest::Mismatch},
};

/// What the gateway would do with a request.
#[derive(Debug)]
pub struct Explanation {
    /// The rule it meets.
    pub found: Found,
    /// The rules that come nearest without getting it, the nearest first.
    pub nearest: Vec<NearbyRule>,
    /// What would run; `None` if no rule is met.
    pub pipeline: Option<PipelineSummary>,
}

/// The rule that a request meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A rule.
    Rule {
        /// Its id.
        id: String,
        /// Its set: the name, else the file.
        set: Option<Arc<str>>,
        /// The values of the named wildcards of its path.
        captures: BTreeMap<String, String>,
    },
    /// None, so that the default rule applies.
    DefaultRule,
    /// None, and there is no default rule: 404.
    NoRule,
    /// The request can not be looked up, for this reason: 400.
    BadRequest(String),
}

/// A rule that does not get the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearbyRule {
    /// Its id.
    pub id: String,
    /// Its set: the name, else the file.
    pub set: Option<Arc<str>>,
    /// The path with which it comes nearest, as written.
    pub path: String,
    /// The host of that path; `*` for any.
    pub host: String,
    /// What does not fit.
    pub mismatches: Vec<Mismatch>,
}

/// What runs for a request.
#[derive(Debug, Clone)]
pub struct PipelineSummary {
    /// The steps in order, error handlers last.
    pub steps: Vec<StepSummary>,
    /// The URI that the `htu` of a proof must name (RFC 9449 §4.3 (9)).
    pub target_uri: String,
    /// What the first authenticator that looks at proofs demands of them.
    pub proof: Option<ProofPolicy>,
    /// Where the request would be forwarded to, before finalizers; `None` without `forward_to`.
    pub upstream: Option<Upstream>,
}

/// One step of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepSummary {
    /// Its kind.
    pub kind: StepKind,
    /// The mechanism's id in the catalogue.
    pub mechanism: String,
    /// The step's own id, the mechanism's if it has none.
    pub step_id: String,
    /// The mechanism's type.
    pub type_name: &'static str,
    /// The principal that an authenticator establishes.
    pub principal: Option<String>,
    /// The condition under which it runs; always without one.
    pub condition: Option<String>,
}

/// Credentials that the authenticators of a rule accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedCredentials {
    /// The principals and their ids.
    pub principals: Vec<(String, String)>,
    /// The thumbprint of the key whose possession was proven.
    pub thumbprint: Option<String>,
    /// What the log would hear although the request goes on.
    pub notices: Vec<String>,
}
