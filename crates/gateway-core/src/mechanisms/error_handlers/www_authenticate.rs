//! `www_authenticate`: 401 with a challenge on which browsers ask for user and password (RFC 7617).
//!
//! ```yaml
//! - id: ask_for_password
//!   type: www_authenticate
//!   config:
//!     realm: staff
//! ```

use http::{HeaderValue, StatusCode, header};

use crate::{
    denial::Denial,
    document::{Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned},
    mechanisms::{
        BuildContext, Mechanism,
        error_handlers::{HandleError, RefusalInput, plain},
        step::Failure,
    },
};

/// heimdall's default for `realm`.
const DEFAULT_REALM: &str = "Please authenticate";

/// Asks for user and password.
#[derive(Debug, Clone)]
pub struct WwwAuthenticate {
    challenge: HeaderValue,
}

/// Settings of `www_authenticate`, in the catalogue and in a step alike.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "WwwAuthenticateErrorHandler")]
pub struct WwwAuthenticateConfig {
    /// The `realm` of the challenge, which browsers may show.
    #[schemars(with = "Option<String>", extend("default" = "Please authenticate"))]
    pub realm: Option<Spanned<String>>,
}

impl Decode for WwwAuthenticateConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let realm = reader.optional("realm");
        reader.finish();
        Some(Self { realm })
    }
}

impl Mechanism for WwwAuthenticate {
    const TYPE: &'static str = "www_authenticate";
    const OVERRIDABLE: &'static [&'static str] = &["realm"];
    type Config = WwwAuthenticateConfig;
    type Override = WwwAuthenticateConfig;

    fn build(
        config: WwwAuthenticateConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let realm = config.realm.as_ref().map_or(DEFAULT_REALM, |realm| realm.value.as_str());
        let challenge = HeaderValue::from_str(&challenge(realm));
        if let (Err(_), Some(realm)) = (&challenge, &config.realm) {
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongType,
                    format!("`{}` has characters that a header can not hold", context.path.key("realm")),
                    &realm.place,
                )
                .expected("text without control characters"),
            );
        }
        Some(Self { challenge: challenge.ok()? })
    }

    fn with_override(
        &self,
        change: WwwAuthenticateConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        if change.realm.is_none() { Some(self.clone()) } else { Self::build(change, context, diagnostics) }
    }
}

/// A quoted string (RFC 9110 §5.6.4).
fn challenge(realm: &str) -> String {
    format!("Basic realm=\"{}\"", realm.replace('\\', "\\\\").replace('"', "\\\""))
}

impl HandleError for WwwAuthenticate {
    /// Other challenges of the refusal stay: whoever speaks DPoP gets its nonce.
    fn handle(&self, failure: &Failure, input: &RefusalInput<'_>) -> Result<Denial, Failure> {
        let mut denial = plain(failure, input);
        denial.headers.append(header::WWW_AUTHENTICATE, self.challenge.clone());
        denial.status = StatusCode::UNAUTHORIZED;
        Ok(denial)
    }
}
