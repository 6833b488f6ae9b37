//! `error_signaling`: the extras in challenges. Scheme, `error`, `algs` and `DPoP-Nonce` are always sent, whatever is set
//! here; `include_dpop_algorithms` is read and has nothing left to decide.

use resource_server::ErrorSignaling;

use crate::document::{Decode, Diagnostics, KeyPath, MapReader, Node};

/// What challenges say beside scheme, `error`, `algs` and nonce. A step changes single keys.
#[derive(Debug, Clone, Default, schemars::JsonSchema)]
#[schemars(rename = "ErrorSignaling")]
pub(in crate::mechanisms::authenticators) struct ErrorSignalingConfig {
    /// Whether the extras below are sent. Scheme, `error`, `algs` and nonce are sent in any case.
    #[schemars(extend("default" = false))]
    enabled: Option<bool>,
    /// The `realm` of challenges.
    realm: Option<String>,
    /// The `error_uri` of challenges: a page that explains errors.
    error_uri: Option<String>,
    /// Whether challenges say in words what is wrong.
    #[schemars(extend("default" = false))]
    include_error_description: Option<bool>,
    /// Whether a refusal for want of scopes names those that are required.
    #[schemars(extend("default" = false))]
    include_required_scope: Option<bool>,
    /// Read and without effect: `algs` is always sent (RFC 9449 §5.1).
    include_dpop_algorithms: Option<bool>,
}

impl Decode for ErrorSignalingConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let config = Self {
            enabled: reader.optional("enabled"),
            realm: reader.optional("realm"),
            error_uri: reader.optional("error_uri"),
            include_error_description: reader.optional("include_error_description"),
            include_required_scope: reader.optional("include_required_scope"),
            include_dpop_algorithms: reader.optional("include_dpop_algorithms"),
        };
        reader.finish();
        Some(config)
    }
}

impl ErrorSignalingConfig {
    /// What a step sets, over what the catalogue sets.
    pub(in crate::mechanisms::authenticators) fn overridden_by(self, change: Self) -> Self {
        Self {
            enabled: change.enabled.or(self.enabled),
            realm: change.realm.or(self.realm),
            error_uri: change.error_uri.or(self.error_uri),
            include_error_description: change.include_error_description.or(self.include_error_description),
            include_required_scope: change.include_required_scope.or(self.include_required_scope),
            include_dpop_algorithms: change.include_dpop_algorithms.or(self.include_dpop_algorithms),
        }
    }

    /// The extras; none unless enabled.
    pub(in crate::mechanisms::authenticators) fn extras(&self) -> ErrorSignaling {
        if !self.enabled.unwrap_or(false) {
            return ErrorSignaling::default();
        }
        ErrorSignaling {
            realm: self.realm.clone(),
            error_uri: self.error_uri.clone(),
            description: self.include_error_description.unwrap_or(false),
            required_scope: self.include_required_scope.unwrap_or(false),
            resource_metadata: None,
        }
    }
}
