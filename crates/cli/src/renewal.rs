//! The token to call with: the stored one while it is good, else a renewed one.

use std::sync::Arc;

use anyhow::{Context, Result};
use dpop_client::{
    DpopClient, Session, TokenKeeper, TokenKeeperError, TokenSet, grant::ClientCredentialsGrant,
};
use oauth::AccessToken;

use crate::{
    client_credentials::CredentialArgs,
    client_state::{Login, StateArgs, expiry},
    clock::now,
    network::NetworkArgs,
};

/// A token with less than this left is renewed, in seconds.
const MARGIN_SECONDS: i64 = 10;

/// What came of it.
pub(crate) struct CurrentToken {
    pub(crate) token: AccessToken,
    pub(crate) is_renewed: bool,
}

/// The token of the last login. Renewed where that is possible without a person; else as it is, so that the API says
/// what it thinks of it.
pub(crate) async fn current_token(
    state: &StateArgs,
    credentials: &CredentialArgs,
    network: &NetworkArgs,
) -> Result<CurrentToken> {
    if let Some(token) = good_token(state)? {
        return Ok(token);
    }
    let Some(login) = state.login()? else { return as_it_is(state) };
    let _lock = state.lock()?;
    // Somebody else may have renewed it meanwhile.
    if let Some(token) = good_token(state)? {
        return Ok(token);
    }
    match renew(state, &login, credentials, network).await? {
        Some(tokens) => {
            state.store_tokens(&tokens)?;
            Ok(CurrentToken { token: tokens.access_token().clone(), is_renewed: true })
        }
        None => as_it_is(state),
    }
}

fn as_it_is(state: &StateArgs) -> Result<CurrentToken> {
    Ok(CurrentToken { token: state.access_token()?, is_renewed: false })
}

fn good_token(state: &StateArgs) -> Result<Option<CurrentToken>> {
    let tokens = state.tokens()?;
    let is_good = expiry(&tokens)
        .is_none_or(|end| now().as_seconds().saturating_add(MARGIN_SECONDS) < end.as_seconds());
    Ok(is_good.then_some(CurrentToken { token: tokens.access_token, is_renewed: false }))
}

/// New tokens; `None` when only a person can get them.
async fn renew(
    state: &StateArgs,
    login: &Login,
    credentials: &CredentialArgs,
    network: &NetworkArgs,
) -> Result<Option<TokenSet>> {
    let stored = state.tokens()?;
    let is_service = login.is_service && credentials.is_confidential();
    if stored.refresh_token.is_none() && !is_service {
        return Ok(None);
    }
    let Some(key) = state.stored_key()? else { return Ok(None) };
    let client = Arc::new(DpopClient::new(Session::new(key), network.client()?, now));
    let endpoint = login.token_endpoint.parse().context("the token endpoint is no URL")?;
    let authentication = credentials.authentication(
        login.client_id.clone(),
        &login.assertion_audience,
        login.secret_in_form,
    )?;
    let renewed = Arc::new(std::sync::Mutex::new(None));
    let told = renewed.clone();
    let keep = Box::new(move |tokens: &TokenSet| {
        if let Ok(mut renewed) = told.lock() {
            *renewed = Some(TokenSet::stored(tokens.response.clone(), tokens.expires_at, tokens.bound_to));
        }
    });
    let keeper = match is_service {
        true => {
            let grant = ClientCredentialsGrant { scope: login.scope.clone() };
            TokenKeeper::of_service(client, endpoint, authentication, grant)
        }
        false => {
            let bound_to = client.session().thumbprint();
            let tokens = TokenSet::stored(stored.clone(), expiry(&stored), bound_to);
            TokenKeeper::of_login(client, endpoint, authentication, tokens)
        }
    };
    match keeper.on_renewal(keep).access_token().await {
        Ok(_) => {}
        Err(TokenKeeperError::LoginNeeded) => return Ok(None),
        Err(error) => return Err(error).context("renew the token"),
    }
    Ok(renewed.lock().ok().and_then(|mut renewed| renewed.take()))
}
