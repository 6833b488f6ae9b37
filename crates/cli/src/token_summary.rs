//! The stored token as the guide prints it: its type and the claims that matter, never the token.

use anyhow::{Context, Result};
use jose::jwt::UnverifiedJwt;
use oauth::TokenResponse;
use serde::Serialize;
use serde_json::Value;

use crate::output;

/// The claims that the guide shows, in its order.
#[derive(Serialize)]
struct SelectedClaims<'a> {
    iss: Option<&'a Value>,
    aud: Option<&'a Value>,
    sub: Option<&'a Value>,
    azp: Option<&'a Value>,
    preferred_username: Option<&'a Value>,
    cnf: Option<&'a Value>,
}

/// Prints the guide's lines.
pub(crate) fn print(response: &TokenResponse) -> Result<()> {
    output::line(format_args!("token_type: {}", output::harmless(&response.token_type)))?;
    let Ok(token) = UnverifiedJwt::parse(response.access_token.as_str()) else {
        return output::line("the access token is opaque");
    };
    let claim = |name: &str| token.claims.get(name);
    let selected = SelectedClaims {
        iss: claim("iss"),
        aud: claim("aud"),
        sub: claim("sub"),
        azp: claim("azp"),
        preferred_username: claim("preferred_username"),
        cnf: claim("cnf"),
    };
    output::line("selected access token claims:")?;
    output::line(output::harmless(&serde_json::to_string_pretty(&selected).context("print the claims")?))
}
