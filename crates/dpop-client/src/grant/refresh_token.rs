//! The refresh token grant (RFC 6749 §6, RFC 9449 §5).

use std::borrow::Cow;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    client_authentication::ClientAuthentication, form::Parameters, grant::Grant, session::Session,
    token_set::TokenSet,
};

/// A refresh token and the scope wanted this time.
#[derive(Clone)]
pub struct RefreshTokenGrant {
    refresh_token: Zeroizing<String>,
    scope: Option<String>,
}

/// Why tokens can not be refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The server gave none.
    #[error("there is no refresh token")]
    NoRefreshToken,
    /// A public client's refresh token works with the key it was issued to only: after a change of key the user has to
    /// log in again (C3).
    #[error("the refresh token is bound to another key: log in again")]
    KeyChanged,
}

impl RefreshTokenGrant {
    /// Refreshes `tokens` in `session`.
    ///
    /// # Errors
    ///
    /// [`RefreshError::KeyChanged`] for a public client with another key than the tokens were issued to. Confidential
    /// clients may change keys.
    pub fn new(
        tokens: &TokenSet,
        client: &ClientAuthentication,
        session: &Session,
    ) -> Result<Self, RefreshError> {
        let refresh_token = tokens.response.refresh_token.clone().ok_or(RefreshError::NoRefreshToken)?;
        if !client.is_confidential() && tokens.bound_to != session.thumbprint() {
            return Err(RefreshError::KeyChanged);
        }
        Ok(Self { refresh_token: Zeroizing::new(refresh_token), scope: None })
    }

    /// Asks for less than was granted.
    #[must_use]
    pub fn scope(self, scope: String) -> Self {
        Self { scope: Some(scope), ..self }
    }
}

impl Grant for RefreshTokenGrant {
    fn parameters(&self) -> Parameters<'_> {
        let mut parameters = vec![
            ("grant_type", Cow::from("refresh_token")),
            ("refresh_token", Cow::from(self.refresh_token.as_str())),
        ];
        parameters.extend(self.scope.as_deref().map(|scope| ("scope", Cow::from(scope))));
        parameters
    }
}

impl std::fmt::Debug for RefreshTokenGrant {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RefreshTokenGrant").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::Response;
    use jose::{Algorithm, KeyPair, UnixTime};

    use super::*;
    use crate::token_set::Binding;

    fn session() -> Session {
        Session::new(Arc::new(KeyPair::generate(Algorithm::Es256).unwrap()))
    }

    fn tokens(session: &Session, body: &'static str) -> TokenSet {
        let now = UnixTime::from_seconds(1_784_444_400);
        let response = Response::new(Bytes::from_static(body.as_bytes()));
        TokenSet::from_response(&response, session.thumbprint(), Binding::Required, now).unwrap()
    }

    const BODY: &str = r#"{"access_token":"a","token_type":"DPoP","refresh_token":"r-1"}"#;

    #[test]
    fn c3_a_public_client_refreshes_with_the_same_key_only() {
        let (session, other) = (session(), session());
        let tokens = tokens(&session, BODY);
        let client = ClientAuthentication::Public { client_id: "app".into() };
        let grant = RefreshTokenGrant::new(&tokens, &client, &session).unwrap();
        assert!(grant.parameters().contains(&("refresh_token", Cow::from("r-1"))));
        assert!(!format!("{grant:?}").contains("r-1"));
        assert_eq!(RefreshTokenGrant::new(&tokens, &client, &other).unwrap_err(), RefreshError::KeyChanged);
    }

    #[test]
    fn c3_a_confidential_client_may_change_its_key() {
        let (session, other) = (session(), session());
        let client =
            ClientAuthentication::SecretBasic { client_id: "app".into(), secret: "s".to_owned().into() };
        assert!(RefreshTokenGrant::new(&tokens(&session, BODY), &client, &other).is_ok());
    }

    #[test]
    fn says_when_there_is_nothing_to_refresh_with() {
        let session = session();
        let tokens = tokens(&session, r#"{"access_token":"a","token_type":"DPoP"}"#);
        let client = ClientAuthentication::Public { client_id: "app".into() };
        assert_eq!(
            RefreshTokenGrant::new(&tokens, &client, &session).unwrap_err(),
            RefreshError::NoRefreshToken
        );
    }
}
