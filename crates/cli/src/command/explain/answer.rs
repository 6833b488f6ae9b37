//! The explanation in the form that is printed: the same for people and for programs. Holds no token and no proof.

use std::collections::BTreeMap;

use gateway::{
    Explained, Mismatch,
    explanation::{Explanation, Found, NearbyRule, StepSummary},
};
use serde::Serialize;

use crate::command::why::walk::{Outcome, Step};

/// Everything there is to say about one request.
#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) rule: FoundRule,
    pub(super) nearest: Vec<Near>,
    pub(super) steps: Vec<Run>,
    /// The URI that the `htu` of a proof must name.
    pub(super) expected_htu: Option<String>,
    pub(super) proof: Option<ExpectedProof>,
    pub(super) upstream: Option<String>,
    /// The checks of the proof, one after the other.
    pub(super) checks: Option<Vec<Step>>,
    pub(super) credentials: Option<Verdict>,
}

#[derive(Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub(super) enum FoundRule {
    Rule { id: String, set: Option<String>, captures: BTreeMap<String, String> },
    DefaultRule,
    NoRule { status: u16 },
    Refused { status: u16, reason: String },
}

/// A rule that does not get the request, and why.
#[derive(Serialize)]
pub(super) struct Near {
    pub(super) id: String,
    pub(super) set: Option<String>,
    pub(super) path: String,
    pub(super) host: String,
    pub(super) why: Vec<String>,
}

/// A step that would run.
#[derive(Serialize)]
pub(super) struct Run {
    pub(super) kind: &'static str,
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) type_name: &'static str,
    pub(super) principal: Option<String>,
    #[serde(rename = "if")]
    pub(super) condition: Option<String>,
}

/// What the rule's verifier demands of a proof.
#[derive(Serialize)]
pub(super) struct ExpectedProof {
    pub(super) mode: &'static str,
    pub(super) algorithms: Vec<&'static str>,
    pub(super) max_age_seconds: u64,
    pub(super) nonce_required: bool,
}

/// What the authenticators say.
#[derive(Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub(super) enum Verdict {
    Accepted {
        principals: BTreeMap<String, String>,
        thumbprint: Option<String>,
        notices: Vec<String>,
    },
    Refused {
        status: u16,
        kind: &'static str,
        reason: &'static str,
        detail: String,
        challenge: Option<String>,
    },
}

impl Answer {
    pub(super) fn of(explained: &Explained, checks: Option<Vec<Step>>) -> Self {
        let explanation = match &explained.explanation {
            Ok(explanation) => explanation,
            Err(problem) => return Self::refused(problem),
        };
        let pipeline = explanation.pipeline.as_ref();
        Self {
            rule: FoundRule::of(explanation),
            nearest: explanation.nearest.iter().map(Near::of).collect(),
            steps: pipeline.map(|pipeline| pipeline.steps.iter().map(Run::of).collect()).unwrap_or_default(),
            expected_htu: pipeline.map(|pipeline| pipeline.target_uri.clone()),
            proof: pipeline.and_then(|pipeline| pipeline.proof.as_ref()).map(|proof| ExpectedProof {
                mode: mode(proof.mode),
                algorithms: proof.policy.algorithms.iter().map(jose::Algorithm::as_str).collect(),
                max_age_seconds: proof.policy.max_age.as_secs(),
                nonce_required: proof.nonces.is_some(),
            }),
            upstream: pipeline.and_then(|pipeline| pipeline.upstream.as_ref()).map(|upstream| {
                format!("{}://{}{}", upstream.scheme.as_str(), upstream.authority, upstream.path_and_query)
            }),
            checks,
            credentials: explained.verdict.as_ref().map(Verdict::of),
        }
    }

    fn refused(problem: &gateway::HttpProblem) -> Self {
        let status = match problem {
            gateway::HttpProblem::NotAbsolute => 400,
            gateway::HttpProblem::Refused { status, .. } => *status,
        };
        Self {
            rule: FoundRule::Refused { status, reason: problem.to_string() },
            nearest: Vec::new(),
            steps: Vec::new(),
            expected_htu: None,
            proof: None,
            upstream: None,
            checks: None,
            credentials: None,
        }
    }

    /// Whether the request meets a rule and its credentials, if any were given, are accepted.
    pub(super) fn is_good(&self) -> bool {
        let meets_rule = matches!(self.rule, FoundRule::Rule { .. } | FoundRule::DefaultRule);
        let fails = |step: &Step| matches!(step.outcome, Outcome::Failed(_));
        match &self.credentials {
            Some(verdict) => meets_rule && matches!(verdict, Verdict::Accepted { .. }),
            None => meets_rule && !self.checks.iter().flatten().any(fails),
        }
    }
}

impl FoundRule {
    fn of(explanation: &Explanation) -> Self {
        match &explanation.found {
            Found::Rule { id, set, captures } => Self::Rule {
                id: id.clone(),
                set: set.as_ref().map(ToString::to_string),
                captures: captures.clone(),
            },
            Found::DefaultRule => Self::DefaultRule,
            Found::NoRule => Self::NoRule { status: 404 },
            Found::BadRequest(reason) => Self::Refused { status: 400, reason: reason.clone() },
        }
    }
}

impl Near {
    fn of(near: &NearbyRule) -> Self {
        Self {
            id: near.id.clone(),
            set: near.set.as_ref().map(ToString::to_string),
            path: near.path.clone(),
            host: near.host.clone(),
            why: near.mismatches.iter().map(|mismatch| reason(mismatch, near)).collect(),
        }
    }
}

fn reason(mismatch: &Mismatch, near: &NearbyRule) -> String {
    match mismatch {
        Mismatch::Host => format!("another host: `{}`", near.host),
        Mismatch::Path => format!("another path: `{}`", near.path),
        Mismatch::Method(methods) => format!("other methods: {}", methods.join(", ")),
        Mismatch::Scheme(scheme) => format!("another scheme: {scheme}"),
        Mismatch::Capture(name) => format!("the condition on `{name}` does not hold"),
        Mismatch::EncodedSlash => "the path has %2F, which the rule does not allow".to_owned(),
        Mismatch::Outranked => "it matches too, but a more special or an earlier rule wins".to_owned(),
    }
}

impl Run {
    fn of(step: &StepSummary) -> Self {
        Self {
            kind: step.kind.as_str(),
            id: step.step_id.clone(),
            type_name: step.type_name,
            principal: step.principal.clone(),
            condition: step.condition.clone(),
        }
    }
}

impl Verdict {
    fn of(verdict: &Result<gateway::explanation::AcceptedCredentials, Box<gateway::Denial>>) -> Self {
        match verdict {
            Ok(accepted) => Self::Accepted {
                principals: accepted.principals.iter().cloned().collect(),
                thumbprint: accepted.thumbprint.clone(),
                notices: accepted.notices.clone(),
            },
            Err(denial) => Self::Refused {
                status: denial.status.as_u16(),
                kind: denial.kind.as_str(),
                reason: denial.reason,
                detail: denial.detail.clone(),
                challenge: denial
                    .headers
                    .get(http::header::WWW_AUTHENTICATE)
                    .and_then(|challenge| challenge.to_str().ok())
                    .map(str::to_owned),
            },
        }
    }
}

fn mode(mode: gateway::ProofMode) -> &'static str {
    match mode {
        gateway::ProofMode::Off => "off",
        gateway::ProofMode::Observe => "observe",
        gateway::ProofMode::Permit => "permit",
        gateway::ProofMode::Require => "require",
    }
}
