//! Settings of the `oauth2_introspection` authenticator in the catalogue and in a step.

use resource_server::VerdictLifetime;

use crate::{
    document::{ConfigDuration, Decode, Diagnostics, KeyPath, MapReader, Node},
    mechanisms::authenticators::{
        access_token::{
            assertions::Assertions,
            authenticator::TokenSettings,
            error_signaling::ErrorSignalingConfig,
            issuer_endpoint::{IssuerEndpointConfig, Wanted},
        },
        jwt::read_settings,
    },
};

/// Settings of `oauth2_introspection` in the catalogue.
#[derive(Debug, Clone)]
pub struct OAuth2IntrospectionConfig {
    /// `introspection_endpoint`: where tokens are asked about, with POST; or `metadata_endpoint`: where the issuer's
    /// metadata are, which name that endpoint. One of the two. In the URL `.TokenIssuer` stands for each of the issuers
    /// in `assertions.issuers`, and tokens must be JWTs then.
    pub(super) endpoint: IssuerEndpointConfig,
    /// `assertions`, `token_source`, `principal`, `error_signaling`. With `assertions.issuers` the answer must name one of
    /// them in `iss`; without, nothing is demanded of `iss` but that it is the issuer of the metadata, where there are any.
    pub(super) settings: TokenSettings,
    /// `cache_ttl`: how long the answer about an active token is used again, a duration; `0s` asks with every request
    /// (until 10 s before the token's `exp`).
    pub(super) lifetime: VerdictLifetime,
}

/// What a step may change.
#[derive(Debug, Clone)]
pub struct OAuth2IntrospectionOverride {
    /// `assertions`: field by field, over those of the catalogue.
    pub(super) assertions: Option<Assertions>,
    /// `cache_ttl`, as in the catalogue.
    pub(super) lifetime: Option<VerdictLifetime>,
    /// `error_signaling`: field by field, over that of the catalogue.
    pub(super) error_signaling: Option<ErrorSignalingConfig>,
}

impl Decode for OAuth2IntrospectionConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let endpoint = IssuerEndpointConfig::read(Wanted::Introspection, &mut reader);
        let settings = read_settings("token_source", false, &mut reader);
        let lifetime = read_lifetime(&mut reader);
        reader.finish();
        Some(Self {
            endpoint: endpoint?,
            settings: settings?,
            lifetime: lifetime.unwrap_or(VerdictLifetime::UntilExpiry),
        })
    }
}

impl Decode for OAuth2IntrospectionOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let assertions = reader.optional_with("assertions", |node, path, diagnostics| {
            Assertions::decode(node, path, true, false, diagnostics)
        });
        let lifetime = read_lifetime(&mut reader);
        let error_signaling = reader.optional("error_signaling");
        reader.finish();
        Some(Self { assertions, lifetime, error_signaling })
    }
}

fn read_lifetime(reader: &mut MapReader<'_, '_>) -> Option<VerdictLifetime> {
    let ttl = reader.optional::<ConfigDuration>("cache_ttl")?.as_duration();
    Some(if ttl.is_zero() { VerdictLifetime::OneRequest } else { VerdictLifetime::AtMost(ttl) })
}
