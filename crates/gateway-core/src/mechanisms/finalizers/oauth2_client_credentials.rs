//! `oauth2_client_credentials`: a token for the upstream from an authorization server (RFC 6749 §4.4).
//!
//! ```yaml
//! - id: machine_token
//!   type: oauth2_client_credentials
//!   config:
//!     token_url: https://idp.example.com/token
//!     credentials: {source: clients, selector: shop_client}
//!     scopes: [orders]
//! ```
//!
//! The token does not depend on the request: all requests share one until shortly before it expires.

use std::time::Duration;

use crate::{
    client_credentials::{ClientCredentials, TokenCarrier},
    decision::UpstreamChanges,
    document::{
        ConfigDuration, CredentialsGrant, Decode, Diagnostics, KeyPath, MapReader, Node, TokenHeader,
    },
    endpoint::outbound_failure,
    mechanisms::{
        BuildContext, Mechanism,
        finalizers::{Finalize, header::header_name},
        step::{Failure, StepFuture, StepInput},
    },
};

/// Puts a token of the authorization server into a header.
#[derive(Debug, Clone)]
pub struct OAuth2ClientCredentials {
    client: ClientCredentials,
    carrier: TokenCarrier,
}

/// What a step may change.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "CredentialsGrantInStep")]
pub struct OAuth2ClientCredentialsOverride {
    /// Scopes to ask for, instead of the catalogue's.
    pub scopes: Option<Vec<String>>,
    /// How long a token is used, instead of the catalogue's.
    #[schemars(with = "Option<ConfigDuration>")]
    pub cache_ttl: Option<Duration>,
    /// Where the token goes, instead of the catalogue's.
    pub header: Option<TokenHeader>,
}

impl Decode for OAuth2ClientCredentialsOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let change = Self {
            scopes: reader.optional("scopes"),
            cache_ttl: reader.optional::<ConfigDuration>("cache_ttl").map(Duration::from),
            header: reader.optional("header"),
        };
        reader.finish();
        Some(change)
    }
}

impl Mechanism for OAuth2ClientCredentials {
    const TYPE: &'static str = "oauth2_client_credentials";
    const OVERRIDABLE: &'static [&'static str] = &["scopes", "cache_ttl", "header"];
    type Config = CredentialsGrant;
    type Override = OAuth2ClientCredentialsOverride;

    fn build(
        config: CredentialsGrant,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let endpoint = context.endpoint("token_url", &[]);
        let client = ClientCredentials::build(&config, &context.path, &endpoint, diagnostics);
        let carrier = carrier(config.header.as_ref(), context, diagnostics);
        Some(Self { client: client?, carrier: carrier? })
    }

    fn with_override(
        &self,
        change: OAuth2ClientCredentialsOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let carrier = match &change.header {
            Some(header) => carrier(Some(header), context, diagnostics)?,
            None => self.carrier.clone(),
        };
        Some(Self { client: self.client.changed(change.scopes, change.cache_ttl), carrier })
    }
}

fn carrier(
    header: Option<&TokenHeader>,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<TokenCarrier> {
    let path = context.path.key("header");
    if let Some(header) = header {
        header_name(&header.name, &path.key("name"), diagnostics)?;
    }
    TokenCarrier::build(header, &path, diagnostics)
}

impl OAuth2ClientCredentials {
    async fn write(&self, input: &StepInput<'_>, changes: &mut UpstreamChanges) -> Result<(), Failure> {
        let token =
            self.client.token(input.now).await.map_err(|error| outbound_failure(&error, "token endpoint"))?;
        let value = self.carrier.value(&token).ok_or_else(|| {
            Failure::internal(
                "bad_header_value",
                "the scheme of the token's header can not stand in a header",
            )
        })?;
        changes.set_header(self.carrier.header(), [value]);
        Ok(())
    }
}

impl Finalize for OAuth2ClientCredentials {
    fn finalize<'a>(
        &'a self,
        input: &'a StepInput<'a>,
        changes: &'a mut UpstreamChanges,
    ) -> StepFuture<'a, Result<(), Failure>> {
        Box::pin(self.write(input, changes))
    }
}
