//! `generic`: asks an endpoint whom a session, an opaque token or any other credential belongs to.
//!
//! ```yaml
//! - id: session
//!   type: generic
//!   config:
//!     identity_info_endpoint:
//!       url: https://sessions.example.com/whoami
//!       method: GET
//!     authentication_data_source:
//!       - {cookie: session}
//!     forward_cookies: [session]
//!     principal: {id: identity.id}
//!     session_lifespan: {active: active, not_after: expires_at, time_format: "2006-01-02T15:04:05Z07:00"}
//!     cache_ttl: 10s
//! ```
//!
//! The answer may be kept for a while; whether the session is still good is asked of it on every request.

mod config;
mod data_source;
mod session_lifespan;

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use jose::json;
use resource_server::Claims;
use serde_json::{Map, Value};

pub use self::config::{GenericConfig, GenericOverride};
use self::{
    data_source::{DataSources, Found},
    session_lifespan::SessionLifespan,
};
use super::access_token::principal::PrincipalMapping;
use crate::{
    denial::DenialKind,
    document::{Diagnostics, Spanned},
    endpoint::{Endpoint, KeptAnswers, outbound_failure},
    mechanisms::{
        BuildContext, Mechanism,
        authenticators::{Authenticate, Authenticated, Authentication, ChainEffect, Refused},
        forwarded_fields::ForwardedFields,
        step::{Failure, StepFuture, StepInput},
    },
    offered,
    published_keys::PublishedKey,
    subject::Principal,
    template::{BoundTemplate, TemplateData, TemplatePlace},
};

/// How the log names the endpoint.
const ENDPOINT: &str = "identity_info_endpoint";

/// Asks an endpoint who it is.
#[derive(Debug, Clone)]
pub struct Generic {
    endpoint: Endpoint,
    sources: DataSources,
    forwarded: ForwardedFields,
    payload: Option<BoundTemplate>,
    principal: PrincipalMapping,
    lifespan: Option<SessionLifespan>,
    ttl: Duration,
    answers: Arc<KeptAnswers>,
}

impl Mechanism for Generic {
    const TYPE: &'static str = "generic";
    const OVERRIDABLE: &'static [&'static str] = &["cache_ttl"];
    type Config = GenericConfig;
    type Override = GenericOverride;

    fn build(
        config: GenericConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let endpoint_context = context.endpoint("identity_info_endpoint", offered::AUTHENTICATION_DATA);
        let endpoint = Endpoint::build(&config.endpoint, &endpoint_context, diagnostics);
        let forwarded = ForwardedFields::build(
            &config.forward_headers,
            &config.forward_cookies,
            &context.path,
            diagnostics,
        );
        let payload = compile_payload(config.payload.as_ref(), context, diagnostics);
        Some(Self {
            endpoint: endpoint?,
            sources: config.sources,
            forwarded: forwarded?,
            payload: payload?,
            principal: config.principal,
            lifespan: config.lifespan,
            ttl: config.ttl,
            answers: Arc::new(KeptAnswers::new(&context.dependencies.cache)),
        })
    }

    fn with_override(
        &self,
        change: GenericOverride,
        _: &BuildContext<'_>,
        _: &mut Diagnostics,
    ) -> Option<Self> {
        Some(Self { ttl: change.ttl.unwrap_or(self.ttl), ..self.clone() })
    }

    fn published_keys(&self) -> &[PublishedKey] {
        self.endpoint.published_keys()
    }
}

/// `Some(None)` without template; `None` after an error.
fn compile_payload(
    payload: Option<&Spanned<String>>,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Option<BoundTemplate>> {
    let Some(payload) = payload else { return Some(None) };
    let place = TemplatePlace {
        used_for: "`payload`",
        offered: offered::AUTHENTICATION_DATA,
        secrets: &context.dependencies.secrets,
        in_rule: context.in_rule,
    };
    BoundTemplate::compile(payload, &place, diagnostics).map(Some)
}

impl Generic {
    async fn find_out(&self, input: &StepInput<'_>) -> Authentication {
        let data = match self.sources.find(input.request).await {
            Found::Nothing => {
                return refused("no_credentials", "there is no authentication data", false);
            }
            Found::Several => {
                let detail = "there is authentication data twice in one place";
                return refused("malformed_credentials", detail, true);
            }
            Found::Failed(failure) => return fault(failure),
            Found::Data(data) => data,
        };
        match self.ask(&data, input).await {
            Ok(principal) => Authentication::Authenticated(Box::new(Authenticated::without_token(principal))),
            Err(failure) if failure.kind == DenialKind::Authentication => {
                Authentication::Refused(Box::new(Refused {
                    failure,
                    chain: ChainEffect::Continue,
                    saw_credentials: true,
                }))
            }
            Err(failure) => fault(failure),
        }
    }

    async fn ask(&self, data: &str, input: &StepInput<'_>) -> Result<Principal, Failure> {
        let data = TemplateData::of_text("AuthenticationData", data);
        let mut call = self.endpoint.call_for_step(input, &data, ENDPOINT)?;
        self.forwarded.copy(input.request, &mut call.request);
        if let Some(payload) = &self.payload {
            *call.request.body_mut() = input.render(payload, &data, "`payload`")?.into();
        }
        let answer = self
            .answers
            .get(&self.endpoint, call, self.ttl, input.now, |body| object(body).is_ok())
            .await
            .map_err(|error| outbound_failure(&error, ENDPOINT))?;
        match answer.status() {
            status if status.is_success() => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                let detail = format!("{ENDPOINT} answered {}", status.as_u16());
                return Err(not_accepted("identity_refused", detail));
            }
            status => {
                return Err(Failure::new(
                    DenialKind::Communication,
                    "endpoint_failed",
                    "a dependency does not answer as it should",
                    format!("{ENDPOINT} answered {}", status.as_u16()),
                ));
            }
        }
        let members = object(answer.body()).map_err(|error| {
            Failure::new(
                DenialKind::Communication,
                "endpoint_answer_malformed",
                "a dependency does not answer as it should",
                format!("the answer of {ENDPOINT} is no JSON object: {error}"),
            )
        })?;
        let claims = Claims::new(members);
        if let Some(lifespan) = &self.lifespan {
            lifespan
                .check(&claims.to_value(), input.now)
                .map_err(|error| not_accepted("session_not_valid", error.to_string()))?;
        }
        Ok(self.principal.principal(&claims)?)
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, json::JsonError> {
    json::parse_object(body, json::MAX_DEPTH)
}

fn not_accepted(reason: &'static str, detail: String) -> Failure {
    Failure::new(DenialKind::Authentication, reason, "the credentials are not accepted", detail)
}

fn refused(reason: &'static str, detail: &str, saw_credentials: bool) -> Authentication {
    let public = if saw_credentials { "the credentials are not accepted" } else { "credentials are missing" };
    let failure = Failure::new(DenialKind::Authentication, reason, public, detail);
    Authentication::Refused(Box::new(Refused { failure, chain: ChainEffect::Continue, saw_credentials }))
}

fn fault(failure: Failure) -> Authentication {
    Authentication::Refused(Box::new(Refused { failure, chain: ChainEffect::End, saw_credentials: true }))
}

impl Authenticate for Generic {
    fn authenticate<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Authentication> {
        Box::pin(self.find_out(input))
    }
}
