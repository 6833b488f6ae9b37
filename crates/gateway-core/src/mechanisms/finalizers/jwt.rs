//! `jwt`: a token of the gateway's own, so that upstreams need to trust one issuer only.
//!
//! ```yaml
//! - id: internal_token
//!   type: jwt
//!   config:
//!     signer: {name: gateway.example, secret: {source: signing_keys}}
//!     ttl: 1m
//!     claims: '{"url": {{ quote .Request.URL.String }}}'
//! ```
//!
//! `exp`, `iat`, `nbf`, `iss`, `sub` and `jti` are set over whatever the template renders.

mod config;
mod issued_tokens;

use std::{future::ready, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue};
use jose::{UnixTime, crypto, json, jws};
use serde_json::{Map, Value, json};

pub use self::config::{JwtConfig, JwtOverride};
use self::issued_tokens::IssuedTokens;
use crate::{
    decision::UpstreamChanges,
    document::{Code, Diagnostic, Diagnostics, Spanned},
    mechanisms::{
        BuildContext, Mechanism,
        finalizers::{Finalize, header::header_name},
        step::{Failure, StepFuture, StepInput},
        values::Values,
    },
    offered,
    published_keys::PublishedKey,
    secrets::SigningKey,
    template::{BoundTemplate, TemplatePlace},
};

/// Tokens are not reused in the last seconds of their life.
const REUSE_MARGIN: Duration = Duration::from_secs(5);

/// Puts a token of the gateway's own into a header.
#[derive(Debug, Clone)]
pub struct Jwt {
    issuer: String,
    key: SigningKey,
    published: Vec<PublishedKey>,
    ttl: Duration,
    claims: Option<BoundTemplate>,
    values: Values,
    header: HeaderName,
    scheme: Option<String>,
    issued: Arc<IssuedTokens>,
}

impl Mechanism for Jwt {
    const TYPE: &'static str = "jwt";
    const OVERRIDABLE: &'static [&'static str] = &["claims", "ttl", "values"];
    type Config = JwtConfig;
    type Override = JwtOverride;

    fn build(config: JwtConfig, context: &BuildContext<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let reference = &config.signer.secret;
        let (source, selector) = (&reference.source.value, reference.selector.as_ref());
        let user = context.path.key("signer").to_string();
        let key = context
            .dependencies
            .secrets
            .signing_key(source, selector.map(|selector| selector.value.as_str()))
            .map_err(|error| error.report(reference, &user, diagnostics))
            .ok();
        // A signer that is not there was reported; its source then has nothing to publish.
        let published = context.dependencies.secrets.signing_keys(source).unwrap_or_default();
        let claims = compile_claims(config.claims.as_ref(), context, diagnostics);
        let values = Values::compile(&config.values, offered::VALUES, context, diagnostics);
        let header = header_name(&config.header.name, &context.path.key("header").key("name"), diagnostics);
        Some(Self {
            issuer: config.signer.name,
            key: key?,
            published: published.iter().map(PublishedKey::of).collect(),
            ttl: config.ttl,
            claims: claims?,
            values: values?,
            header: header?,
            scheme: config.header.scheme,
            issued: Arc::new(IssuedTokens::default()),
        })
    }

    fn with_override(
        &self,
        change: JwtOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let claims = compile_claims(change.claims.as_ref(), context, diagnostics);
        let values = Values::compile(&change.values, offered::VALUES, context, diagnostics);
        let mut changed = self.clone();
        changed.ttl = change.ttl.unwrap_or(self.ttl);
        if let Some(claims) = claims? {
            changed.claims = Some(claims);
        }
        changed.values = self.values.merged_with(values?);
        changed.issued = Arc::new(IssuedTokens::default());
        Some(changed)
    }

    fn published_keys(&self) -> &[PublishedKey] {
        &self.published
    }
}

/// `Some(None)` without template; `None` after an error.
fn compile_claims(
    template: Option<&Spanned<String>>,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Option<BoundTemplate>> {
    let Some(template) = template else { return Some(None) };
    let place = TemplatePlace {
        used_for: "`claims`",
        offered: offered::CLAIMS,
        secrets: &context.dependencies.secrets,
        in_rule: context.in_rule,
    };
    BoundTemplate::compile(template, &place, diagnostics).map(Some)
}

impl Jwt {
    fn write(&self, input: &StepInput<'_>, changes: &mut UpstreamChanges) -> Result<(), Failure> {
        let subject = input.subject.default_principal().map_or("", |principal| principal.id.as_str());
        let rendered = self.render(input)?;
        let cache_key = self.cache_key(subject, &rendered);
        let token = match self.issued.find(&cache_key, input.now) {
            Some(token) => token,
            None => {
                let token: Arc<str> = self.issue(subject, &rendered, input.now)?.into();
                if let Some(reusable) =
                    self.ttl.checked_sub(REUSE_MARGIN).filter(|reusable| !reusable.is_zero())
                    && let Some(until) = input.now.checked_add(reusable)
                {
                    self.issued.remember(cache_key, Arc::clone(&token), until);
                }
                token
            }
        };
        let value = match &self.scheme {
            Some(scheme) => HeaderValue::from_str(&format!("{scheme} {token}")),
            None => HeaderValue::from_str(&token),
        };
        let mut value = value.map_err(|_| {
            Failure::internal(
                "bad_header_value",
                "the scheme of the token's header can not stand in a header",
            )
        })?;
        value.set_sensitive(true);
        changes.set_header(&self.header, [value]);
        Ok(())
    }

    /// The claims as text; empty without template.
    fn render(&self, input: &StepInput<'_>) -> Result<String, Failure> {
        let Some(claims) = &self.claims else { return Ok(String::new()) };
        let mut data = input.template_data();
        let values = self.values.render(|template, used_for| input.render(template, &data, used_for))?;
        data = data.with_values(&values);
        input.render(claims, &data, "`claims`")
    }

    /// Everything that tells one token from another, but for time and id. Key, issuer, life and header are those of this
    /// mechanism, to which the memory belongs.
    ///
    /// What the templates read of the request is in the rendered claims, and what they do not read is not: two requests share
    /// a token exactly if nothing that is read differs, and templates with `now` or random functions never share one.
    fn cache_key(&self, subject: &str, rendered: &str) -> [u8; 32] {
        let mut input = Vec::with_capacity(16 + subject.len() + rendered.len());
        for part in [subject, rendered] {
            input.extend_from_slice(&(part.len() as u64).to_be_bytes());
            input.extend_from_slice(part.as_bytes());
        }
        crypto::sha256(&input)
    }

    fn issue(&self, subject: &str, rendered: &str, now: UnixTime) -> Result<String, Failure> {
        let mut claims = parse_claims(rendered)?;
        let expires_at = now
            .checked_add(self.ttl)
            .ok_or_else(|| Failure::internal("clock", "the token would expire beyond the end of time"))?;
        let jti = uuid::Builder::from_random_bytes(crypto::random::<16>()).into_uuid();
        for (name, value) in [
            ("exp", json!(expires_at)),
            ("iat", json!(now)),
            ("nbf", json!(now)),
            ("iss", json!(self.issuer)),
            ("sub", json!(subject)),
            ("jti", json!(jti.to_string())),
        ] {
            claims.insert(name.to_owned(), value);
        }
        let algorithm = self.key.key.algorithm();
        let header = json!({"alg": algorithm.as_str(), "kid": self.key.id, "typ": "JWT"});
        jws::sign(&header, &claims, &self.key.key, algorithm).map_err(|error| {
            Failure::internal("signing_failed", format!("the token can not be signed: {error}"))
        })
    }
}

/// What the template rendered must be a JSON object; nothing at all is an empty one.
fn parse_claims(rendered: &str) -> Result<Map<String, Value>, Failure> {
    if rendered.trim().is_empty() {
        return Ok(Map::new());
    }
    json::parse_object(rendered.as_bytes(), json::MAX_DEPTH).map_err(|error| {
        // serde_json's message holds a position and no text of the claims.
        let position = serde_json::from_str::<Value>(rendered)
            .err()
            .map(|error| format!(" (line {}, column {})", error.line(), error.column()));
        let position = position.unwrap_or_default();
        Failure::internal("bad_claims", format!("`claims` rendered to no JSON object: {error}{position}"))
    })
}

impl Finalize for Jwt {
    fn finalize<'a>(
        &'a self,
        input: &'a StepInput<'a>,
        changes: &'a mut UpstreamChanges,
    ) -> StepFuture<'a, Result<(), Failure>> {
        Box::pin(ready(self.write(input, changes)))
    }

    fn reads_body(&self) -> bool {
        self.claims.as_ref().is_some_and(BoundTemplate::reads_body) || self.values.reads_body()
    }
}

/// A ttl must exceed one second: times in tokens are whole seconds.
fn check_ttl(ttl: &Spanned<Duration>, key: &str, diagnostics: &mut Diagnostics) -> bool {
    let is_long_enough = ttl.value > Duration::from_secs(1);
    if !is_long_enough {
        diagnostics.push(
            Diagnostic::error(Code::OutOfRange, format!("`{key}` is too short"), &ttl.place)
                .found(format!("{:?}", ttl.value))
                .expected("more than 1s: times in tokens are whole seconds")
                .hint("write for example `5m`"),
        );
    }
    is_long_enough
}
