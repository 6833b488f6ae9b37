//! Settings of the `jwt` authenticator in the catalogue and in a step.

use std::time::Duration;

use crate::{
    document::{
        Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, SecretReference,
        Spanned,
    },
    mechanisms::authenticators::access_token::{
        assertions::Assertions,
        authenticator::TokenSettings,
        error_signaling::ErrorSignalingConfig,
        issuer_endpoint::{IssuerEndpointConfig, Wanted},
        principal::PrincipalMapping,
        token_source::TokenSources,
    },
};

/// heimdall's default life of fetched keys.
const DEFAULT_KEYS_TTL: Duration = Duration::from_secs(600);

/// Settings of `jwt` in the catalogue.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    /// `jwks_endpoint`: where the issuer's keys are; or `metadata_endpoint`: where its metadata are, which name the
    /// issuer and the place of its keys (RFC 8414, OpenID Connect Discovery). One of the two. In the URL `.TokenIssuer`
    /// stands for each of the issuers in `assertions.issuers`.
    pub(super) endpoint: IssuerEndpointConfig,
    /// `assertions`, `jwt_source`, `principal`, `error_signaling`.
    pub(super) settings: TokenSettings,
    /// `cache_ttl`: how long keys are used before they are fetched anew, a duration (10m). Keys that can not be fetched
    /// stay in use for an hour longer.
    pub(super) keys_ttl: Duration,
    /// `validate_jwk`, `trust_anchors`.
    pub(super) certificates: CertificateConfig,
}

/// Which certificates of keys are accepted.
#[derive(Debug, Clone)]
pub(super) struct CertificateConfig {
    /// `validate_jwk`: whether the chain in `x5c`, where a key has one, must lead to a trusted certificate and allow
    /// digital signatures, a boolean (true).
    pub(super) is_checked: bool,
    /// `trust_anchors`: a `pem` source with the certificates that are trusted, in place of the system's.
    pub(super) trust_anchors: Option<SecretReference>,
}

/// What a step may change.
#[derive(Debug, Clone)]
pub struct JwtOverride {
    /// `assertions`: field by field, over those of the catalogue.
    pub(super) assertions: Option<Assertions>,
    /// `cache_ttl`: another life of the keys; the step has its own memory of them then.
    pub(super) keys_ttl: Option<Duration>,
    /// `error_signaling`: field by field, over that of the catalogue.
    pub(super) error_signaling: Option<ErrorSignalingConfig>,
}

impl Decode for JwtConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let endpoint = IssuerEndpointConfig::read(Wanted::Keys, &mut reader);
        let has_key_endpoint = reader.has("jwks_endpoint");
        if !reader.has("assertions") && has_key_endpoint {
            reader.report_missing("assertions");
        }
        let settings = read_settings("jwt_source", has_key_endpoint, &mut reader);
        let keys_ttl = reader.optional::<ConfigDuration>("cache_ttl").map(ConfigDuration::as_duration);
        let certificates = read_certificates(&mut reader);
        reader.finish();
        Some(Self {
            endpoint: endpoint?,
            settings: settings?,
            keys_ttl: keys_ttl.unwrap_or(DEFAULT_KEYS_TTL),
            certificates: certificates?,
        })
    }
}

/// Takes the keys that all authenticators of access tokens have out of a map. `source_key` is what the list of token
/// sources is called.
pub(in crate::mechanisms::authenticators) fn read_settings(
    source_key: &'static str,
    needs_issuers: bool,
    reader: &mut MapReader<'_, '_>,
) -> Option<TokenSettings> {
    let has_assertions = reader.has("assertions");
    let assertions = reader.optional_with("assertions", |node, path, diagnostics| {
        Assertions::decode(node, path, false, needs_issuers, diagnostics)
    });
    let sources = reader.or(source_key, TokenSources::default());
    let has_principal = reader.has("principal");
    let principal = reader.optional::<PrincipalMapping>("principal");
    let error_signaling = reader.optional("error_signaling");
    Some(TokenSettings {
        assertions: if has_assertions || needs_issuers { assertions? } else { Assertions::default() },
        sources,
        principal: if has_principal { principal? } else { PrincipalMapping::standard().ok()? },
        error_signaling: error_signaling.unwrap_or_default(),
    })
}

/// `trust_anchors` without a check would trust nobody and everybody at once.
fn read_certificates(reader: &mut MapReader<'_, '_>) -> Option<CertificateConfig> {
    let validate = reader.optional::<Spanned<bool>>("validate_jwk");
    let trust_anchors = reader.optional::<SecretReference>("trust_anchors");
    let is_checked = validate.as_ref().is_none_or(|validate| validate.value);
    if let (Some(validate), Some(anchors)) = (validate.filter(|validate| !validate.value), &trust_anchors) {
        let headline =
            format!("`{}` has no effect with `validate_jwk: false`", reader.path().key("trust_anchors"));
        reader.diagnostics().push(
            Diagnostic::error(Code::MutuallyExclusive, headline, &anchors.place)
                .and_place(&validate.place)
                .expected("`validate_jwk: true`")
                .hint("remove one of the two"),
        );
        return None;
    }
    Some(CertificateConfig { is_checked, trust_anchors })
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
