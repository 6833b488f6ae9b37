//! Settings of the `jwt` authenticator in the catalogue and in a step.

use std::time::Duration;

use crate::{
    document::{
        Code, ConfigDuration, Decode, Diagnostic, Diagnostics, Endpoint, KeyPath, MapReader,
        MetadataEndpoint, Node, SecretReference, Spanned,
    },
    mechanisms::authenticators::access_token::{
        assertions::Assertions, error_signaling::ErrorSignalingConfig, principal::PrincipalMapping,
        token_source::TokenSources,
    },
};

/// heimdall's default life of fetched keys.
const DEFAULT_KEYS_TTL: Duration = Duration::from_secs(600);

/// What the verifier is made from, kept for steps that change single fields.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) assertions: Assertions,
    pub(super) sources: TokenSources,
    pub(super) principal: PrincipalMapping,
    pub(super) error_signaling: ErrorSignalingConfig,
    pub(super) keys_ttl: Duration,
}

/// Settings of `jwt` in the catalogue.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    pub(super) endpoint: Endpoint,
    pub(super) settings: Settings,
}

/// What a step may change: `assertions` field by field, `cache_ttl`, `error_signaling`.
#[derive(Debug, Clone)]
pub struct JwtOverride {
    pub(super) assertions: Option<Assertions>,
    pub(super) keys_ttl: Option<Duration>,
    pub(super) error_signaling: Option<ErrorSignalingConfig>,
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
