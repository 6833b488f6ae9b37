//! `jwt`: access tokens in JWT form, checked against the issuer's keys, with DPoP (RFC 9449).
//!
//! ```yaml
//! - id: dpop_jwt
//!   type: jwt
//!   config:
//!     jwks_endpoint: https://idp.example.com/realms/shop/protocol/openid-connect/certs
//!     assertions:
//!       issuers: [https://idp.example.com/realms/shop]
//!       allowed_algorithms: [RS256, ES256]
//!       proof_of_possession:
//!         type: dpop
//!         config: {max_age: 1m, nonce_required: true, replay_allowed: false}
//! ```
//!
//! This file configures [`resource_server::Verifier`] and maps its refusals; every check of token and proof is made there.

mod assertions;
mod error_signaling;
mod principal;
mod proof_of_possession;
mod refusal;
mod token_source;

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Uri, header};
use jose::Algorithm;
use resource_server::{JwksCache, KeySource, Mode, ProtectedRequest, Verifier, VerifierConfig};

use self::{
    assertions::Assertions, error_signaling::ErrorSignalingConfig, principal::PrincipalMapping,
    token_source::TokenSources,
};
use crate::{
    document::{
        Code, ConfigDuration, Decode, Diagnostic, Diagnostics, Endpoint, EndpointFeature, KeyPath, MapReader,
        MetadataEndpoint, Node, Place, SecretReference, Spanned,
    },
    mechanisms::{
        BuildContext, Mechanism,
        authenticators::{Authenticate, Authenticated, Authentication},
        step::{StepFuture, StepInput},
    },
};

/// heimdall's default life of fetched keys.
const DEFAULT_KEYS_TTL: Duration = Duration::from_secs(600);

/// Accepts access tokens in JWT form.
#[derive(Debug, Clone)]
pub struct Jwt {
    endpoint: Uri,
    settings: Settings,
    keys: Arc<dyn KeySource>,
    verifier: Verifier,
    allowed_proof_algorithms: Option<jose::AlgorithmSet>,
}

/// What the verifier is made from, kept for steps that change single fields.
#[derive(Debug, Clone)]
struct Settings {
    assertions: Assertions,
    sources: TokenSources,
    principal: PrincipalMapping,
    error_signaling: ErrorSignalingConfig,
    keys_ttl: Duration,
}

/// Settings of `jwt` in the catalogue.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    endpoint: Endpoint,
    settings: Settings,
}

/// What a step may change: `assertions` field by field, `cache_ttl`, `error_signaling`.
#[derive(Debug, Clone)]
pub struct JwtOverride {
    assertions: Option<Assertions>,
    keys_ttl: Option<Duration>,
    error_signaling: Option<ErrorSignalingConfig>,
}

impl Decode for JwtConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let endpoint = reader.optional::<Endpoint>("jwks_endpoint");
        let has_endpoint = reader.has("jwks_endpoint");
        read_metadata_endpoint(&mut reader);
        let assertions = reader.optional_with("assertions", |node, path, diagnostics| {
            Assertions::decode(node, path, false, has_endpoint, diagnostics)
        });
        if !reader.has("assertions") && has_endpoint {
            reader.report_missing("assertions");
        }
        let sources = reader.or("jwt_source", TokenSources::default());
        let principal = reader.optional::<PrincipalMapping>("principal");
        let has_principal = reader.has("principal");
        let keys_ttl = reader.optional::<ConfigDuration>("cache_ttl").map(ConfigDuration::as_duration);
        read_key_validation(&mut reader);
        let error_signaling = reader.optional("error_signaling");
        reader.finish();
        let principal = if has_principal { principal? } else { PrincipalMapping::standard().ok()? };
        Some(Self {
            endpoint: endpoint?,
            settings: Settings {
                assertions: assertions?,
                sources,
                principal,
                error_signaling: error_signaling.unwrap_or_default(),
                keys_ttl: keys_ttl.unwrap_or(DEFAULT_KEYS_TTL),
            },
        })
    }
}

/// Exactly one of `jwks_endpoint` and `metadata_endpoint`; the second belongs to a later stage.
fn read_metadata_endpoint(reader: &mut MapReader<'_, '_>) {
    let has_keys = reader.has("jwks_endpoint");
    reader.optional::<MetadataEndpoint>("metadata_endpoint");
    match (has_keys, reader.key_place("metadata_endpoint")) {
        (true, Some(place)) => {
            let mut diagnostic = Diagnostic::error(
                Code::MutuallyExclusive,
                format!("`{}` has both `jwks_endpoint` and `metadata_endpoint`", reader.path()),
                place,
            )
            .expected("one of the two")
            .hint("remove `metadata_endpoint`");
            if let Some(other) = reader.key_place("jwks_endpoint") {
                diagnostic = diagnostic.and_place(other);
            }
            reader.diagnostics().push(diagnostic);
        }
        (false, Some(_)) => {
            reader.not_supported_yet(
                "metadata_endpoint",
                "name the issuer's key endpoint in `jwks_endpoint` and the issuer in `assertions.issuers`",
            );
        }
        (false, None) => reader.report_missing("jwks_endpoint"),
        (true, None) => {}
    }
}

/// `x5c` chains are not validated yet: leaving the key out is silent, since issuers publish self-signed certificates, but
/// asking for it must not pass unheard.
fn read_key_validation(reader: &mut MapReader<'_, '_>) {
    let validate = reader.optional::<Spanned<bool>>("validate_jwk");
    reader.optional::<SecretReference>("trust_anchors");
    if let Some(validate) = validate.filter(|validate| validate.value) {
        let headline = format!("`{}` is known but not supported yet", reader.path().key("validate_jwk"));
        reader.diagnostics().push(
            Diagnostic::warning(Code::NotSupportedYet, headline, &validate.place)
                .hint("keys are accepted as the key endpoint publishes them; serve it over https"),
        );
    }
    reader.not_supported_yet(
        "trust_anchors",
        "keys are accepted as the key endpoint publishes them; serve it over https",
    );
}

impl Decode for JwtOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let assertions = reader.optional_with("assertions", |node, path, diagnostics| {
            Assertions::decode(node, path, true, false, diagnostics)
        });
        let keys_ttl = reader.optional::<ConfigDuration>("cache_ttl").map(ConfigDuration::as_duration);
        let error_signaling = reader.optional("error_signaling");
        reader.finish();
        Some(Self { assertions, keys_ttl, error_signaling })
    }
}

impl Mechanism for Jwt {
    const TYPE: &'static str = "jwt";
    const OVERRIDABLE: &'static [&'static str] = &["assertions", "cache_ttl", "error_signaling"];
    type Config = JwtConfig;
    type Override = JwtOverride;

    fn build(config: JwtConfig, context: &BuildContext<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let endpoint = key_endpoint(&config.endpoint, context, diagnostics);
        let settings = config.settings;
        // Errors of the assertions are reported beside those of the endpoint.
        let verifier_parts = settings.verifier_parts(context, diagnostics);
        let (endpoint, (token, proof)) = (endpoint?, verifier_parts?);
        let keys: Arc<dyn KeySource> = Arc::new(JwksCache::new(
            endpoint.clone(),
            Arc::clone(&context.dependencies.outbound),
            settings.keys_ttl,
        ));
        Some(Self::assemble(endpoint, keys, settings, token, proof))
    }

    fn with_override(
        &self,
        change: JwtOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let mut settings = self.settings.clone();
        if let Some(assertions) = change.assertions {
            settings.assertions = settings.assertions.overridden_by(assertions);
        }
        if let Some(error_signaling) = change.error_signaling {
            settings.error_signaling = settings.error_signaling.overridden_by(error_signaling);
        }
        let keys: Arc<dyn KeySource> = match change.keys_ttl {
            Some(ttl) if ttl != settings.keys_ttl => {
                settings.keys_ttl = ttl;
                Arc::new(JwksCache::new(
                    self.endpoint.clone(),
                    Arc::clone(&context.dependencies.outbound),
                    ttl,
                ))
            }
            Some(_) | None => Arc::clone(&self.keys),
        };
        let (token, proof) = settings.verifier_parts(context, diagnostics)?;
        Some(Self::assemble(self.endpoint.clone(), keys, settings, token, proof))
    }
}

impl Settings {
    fn verifier_parts(
        &self,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<(resource_server::TokenPolicy, resource_server::ProofPolicy)> {
        let proof = self.assertions.proof_policy(
            context.dependencies.nonce_ring.as_ref(),
            &context.dependencies.replay_store,
            diagnostics,
        )?;
        Some((self.assertions.token_policy(), proof))
    }
}

impl Jwt {
    fn assemble(
        endpoint: Uri,
        keys: Arc<dyn KeySource>,
        settings: Settings,
        token: resource_server::TokenPolicy,
        proof: resource_server::ProofPolicy,
    ) -> Self {
        let allowed_proof_algorithms = match proof.mode {
            Mode::Off => None,
            Mode::Observe | Mode::Permit | Mode::Require => Some(proof.policy.algorithms.clone()),
        };
        let verifier = Verifier::new(VerifierConfig {
            keys: Arc::clone(&keys),
            token,
            proof,
            error_signaling: settings.error_signaling.extras(),
        });
        Self { endpoint, settings, keys, verifier, allowed_proof_algorithms }
    }

    async fn verify(&self, input: &StepInput<'_>) -> Authentication {
        let headers = self.settings.sources.present(&input.request.headers);
        let request = ProtectedRequest {
            method: input.request.method.as_str(),
            target_uri: input.target_uri,
            headers: &headers,
        };
        let verified = match self.verifier.verify(&request, input.now).await {
            Ok(verified) => verified,
            Err(refused) => return refusal::authentication(&refused),
        };
        match self.settings.principal.principal(verified.claims) {
            Ok(principal) => Authentication::Authenticated(Box::new(Authenticated {
                principal,
                scheme: Some(verified.scheme),
                thumbprint: verified.thumbprint,
                fresh_nonce: verified.fresh_nonce,
                observed: verified.observed.map(|reason| crate::mechanisms::step::chain_of_causes(&reason)),
            })),
            Err(failure) => refusal::fault(failure),
        }
    }
}

impl Authenticate for Jwt {
    fn authenticate<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Authentication> {
        Box::pin(self.verify(input))
    }

    fn dpop_challenge(&self) -> Option<HeaderValue> {
        self.allowed_proof_algorithms.as_ref()?;
        self.verifier.no_credentials().headers().get(header::WWW_AUTHENTICATE).cloned()
    }

    fn allows_proof_algorithm(&self, algorithm: Algorithm) -> bool {
        self.allowed_proof_algorithms.as_ref().is_some_and(|algorithms| algorithms.contains(algorithm))
    }
}

/// The address of the keys; `None` after reporting what can not be done with the endpoint.
fn key_endpoint(
    endpoint: &Endpoint,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Uri> {
    let path = context.path.key("jwks_endpoint");
    endpoint.refuse_all_but(&[EndpointFeature::Method], &path, diagnostics);
    if let Some(method) = endpoint.method.as_ref().filter(|method| method.value != "GET") {
        report_unsupported(&path.key("method"), &method.place, "keys are fetched with GET", diagnostics);
    }
    if endpoint.timeout != Duration::from_secs(5) || endpoint.max_response_size != 1 << 20 {
        let hint = "every call is limited to 5 s and 1 MB; remove `timeout` and `max_response_size`";
        report_unsupported(&path, &endpoint.place, hint, diagnostics);
    }
    if !context.dependencies.plain_http_endpoints
        && endpoint.url.value.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("http:"))
    {
        diagnostics.push(
            Diagnostic::error(
                Code::PlainHttpEndpoint,
                format!("`{path}` is called over plain http"),
                &endpoint.url.place,
            )
            .found(endpoint.url.value.as_str())
            .expected("https")
            .hint("for local tests only: `--insecure-skip-egress-tls-enforcement`"),
        );
    }
    match endpoint.url.value.parse::<Uri>() {
        Ok(uri) => Some(uri),
        // A template in the URL was reported above.
        Err(_) if endpoint.url.value.contains("{{") => None,
        Err(_) => {
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongType,
                    format!("`{}` is not a URL", path.key("url")),
                    &endpoint.url.place,
                )
                .found(endpoint.url.value.as_str())
                .expected("an absolute URL"),
            );
            None
        }
    }
}

fn report_unsupported(path: &KeyPath, place: &Place, hint: &str, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(Code::NotSupportedYet, format!("`{path}` is known but not supported yet"), place)
            .hint(hint),
    );
}
