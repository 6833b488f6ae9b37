//! Tokens that are always good: kept as long as they live, renewed once for everybody who waits.

use std::{error::Error as StdError, sync::Arc};

use futures_util::{future::BoxFuture, lock::Mutex};
use http::Uri;
use jose::UnixTime;
use oauth::AccessToken;
use thiserror::Error;

use crate::{
    client::{ClientError, DpopClient},
    client_authentication::ClientAuthentication,
    grant::{ClientCredentialsGrant, RefreshTokenGrant},
    token_set::{Binding, TokenError, TokenSet},
};

/// A token with less than this left is renewed before it is used, in seconds: the request has to arrive, too.
const MARGIN_SECONDS: i64 = 10;

/// Where the middlewares take the access token for a request from.
pub trait AccessTokenSource: Send + Sync {
    /// The token to send now.
    fn access_token(&self) -> BoxFuture<'_, Result<AccessToken, Box<dyn StdError + Send + Sync>>>;
}

impl AccessTokenSource for AccessToken {
    fn access_token(&self) -> BoxFuture<'_, Result<AccessToken, Box<dyn StdError + Send + Sync>>> {
        Box::pin(async { Ok(self.clone()) })
    }
}

impl AccessTokenSource for TokenKeeper {
    fn access_token(&self) -> BoxFuture<'_, Result<AccessToken, Box<dyn StdError + Send + Sync>>> {
        Box::pin(async { Ok(self.access_token().await?) })
    }
}

/// Called with every new set of tokens, to store it.
pub type OnRenewal = Box<dyn Fn(&TokenSet) + Send + Sync>;

/// Keeps tokens for one key at one authorization server.
///
/// However many requests need a token at the same moment, the authorization server is asked once; that matters most for
/// refresh tokens that rotate, of which a second use ends the login (RFC 9700 §4.14.2). A future that is dropped while
/// it renews may lose the new refresh token: let it finish.
pub struct TokenKeeper {
    client: Arc<DpopClient>,
    endpoint: Uri,
    authentication: ClientAuthentication,
    binding: Binding,
    /// What asks for tokens without a user, if the client may.
    service: Option<ClientCredentialsGrant>,
    on_renewal: Option<OnRenewal>,
    tokens: Mutex<Option<TokenSet>>,
}

/// Why there is no good token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenKeeperError {
    /// The token is over, and only the user can get another one.
    #[error("the token has expired and can not be renewed: log in again")]
    LoginNeeded,
    /// The refresh token was refused, so that only the user can get another token.
    #[error("the token can not be renewed: log in again")]
    Refused(#[source] ClientError),
    /// The authorization server could not be asked, or gave no usable answer.
    #[error("the token can not be renewed")]
    Renewal(#[source] ClientError),
}

impl TokenKeeper {
    /// Keeps the tokens of a login and refreshes them.
    #[must_use]
    pub fn of_login(
        client: Arc<DpopClient>,
        endpoint: Uri,
        authentication: ClientAuthentication,
        tokens: TokenSet,
    ) -> Self {
        Self {
            client,
            endpoint,
            authentication,
            binding: Binding::Required,
            service: None,
            on_renewal: None,
            tokens: Mutex::new(Some(tokens)),
        }
    }

    /// Gets tokens for the client itself, the first at the first request.
    #[must_use]
    pub fn of_service(
        client: Arc<DpopClient>,
        endpoint: Uri,
        authentication: ClientAuthentication,
        grant: ClientCredentialsGrant,
    ) -> Self {
        Self {
            client,
            endpoint,
            authentication,
            binding: Binding::Required,
            service: Some(grant),
            on_renewal: None,
            tokens: Mutex::new(None),
        }
    }

    /// Takes tokens that are not bound, too; see [`Binding::Optional`].
    #[must_use]
    pub fn with_binding(self, binding: Binding) -> Self {
        Self { binding, ..self }
    }

    /// Tells every new set of tokens.
    #[must_use]
    pub fn on_renewal(self, tell: OnRenewal) -> Self {
        Self { on_renewal: Some(tell), ..self }
    }

    /// An access token that is good for some seconds at least.
    ///
    /// # Errors
    ///
    /// [`TokenKeeperError`].
    pub async fn access_token(&self) -> Result<AccessToken, TokenKeeperError> {
        let mut tokens = self.tokens.lock().await;
        if let Some(tokens) = tokens.as_ref().filter(|tokens| is_fresh(tokens, self.client.now())) {
            return Ok(tokens.access_token().clone());
        }
        // The lock is held: who comes now waits for this answer and uses it.
        let renewed = self.renew(tokens.as_ref()).await?;
        if let Some(tell) = &self.on_renewal {
            tell(&renewed);
        }
        let access_token = renewed.access_token().clone();
        *tokens = Some(renewed);
        Ok(access_token)
    }

    async fn renew(&self, earlier: Option<&TokenSet>) -> Result<TokenSet, TokenKeeperError> {
        let refresh = earlier
            .and_then(|tokens| {
                RefreshTokenGrant::new(tokens, &self.authentication, self.client.session()).ok()
            })
            .zip(earlier);
        if let Some((grant, earlier)) = refresh {
            match self.client.token(&self.endpoint, &grant, &self.authentication, self.binding).await {
                Ok(tokens) => return Ok(tokens.after(earlier)),
                Err(error) if !is_refused_grant(&error) => return Err(TokenKeeperError::Renewal(error)),
                Err(error) if self.service.is_none() => return Err(TokenKeeperError::Refused(error)),
                // A service needs no refresh token to go on.
                Err(_) => {}
            }
        }
        let grant = self.service.as_ref().ok_or(TokenKeeperError::LoginNeeded)?;
        let asked = self.client.token(&self.endpoint, grant, &self.authentication, self.binding).await;
        asked.map_err(TokenKeeperError::Renewal)
    }
}

/// Without an end the token is good until a server says otherwise.
fn is_fresh(tokens: &TokenSet, now: UnixTime) -> bool {
    tokens.expires_at.is_none_or(|end| now.as_seconds().saturating_add(MARGIN_SECONDS) < end.as_seconds())
}

fn is_refused_grant(error: &ClientError) -> bool {
    matches!(error, ClientError::Token(TokenError::Refused { error, .. }) if error == "invalid_grant")
}

impl std::fmt::Debug for TokenKeeper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenKeeper").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use bytes::Bytes;
    use http::{Request, Response};
    use jose::{Algorithm, KeyPair};
    use serde_json::json;

    use super::*;
    use crate::{
        http_client::{HttpClient, HttpError},
        session::Session,
    };

    const START: i64 = 1_784_444_400;

    std::thread_local! {
        static NOW: AtomicI64 = const { AtomicI64::new(START) };
    }

    fn clock() -> UnixTime {
        NOW.with(|now| UnixTime::from_seconds(now.load(Ordering::Relaxed)))
    }

    fn set_clock(seconds: i64) {
        NOW.with(|now| now.store(START + seconds, Ordering::Relaxed));
    }

    /// Issues numbered tokens of 60 seconds. A refresh token works once; after that the login is over.
    #[derive(Default)]
    struct Rotating {
        issued: AtomicUsize,
    }

    impl HttpClient for Rotating {
        fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
            Box::pin(async move {
                // Others get their turn while this one waits for its answer.
                tokio::task::yield_now().await;
                let form = String::from_utf8(request.into_body().to_vec()).unwrap();
                let number = self.issued.fetch_add(1, Ordering::Relaxed);
                let is_good = form.contains("client_credentials")
                    || form.contains(&format!("refresh_token=r{number}&"))
                    || form.ends_with(&format!("refresh_token=r{number}"));
                let (status, body) = if is_good {
                    let next = number + 1;
                    let refresh_token = format!("r{next}");
                    (
                        200,
                        json!({"access_token": format!("a{next}"), "token_type": "DPoP", "expires_in": 60, "refresh_token": refresh_token}),
                    )
                } else {
                    (400, json!({"error": "invalid_grant"}))
                };
                Ok(Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap())
            })
        }
    }

    fn client(http: &Arc<Rotating>) -> Arc<DpopClient> {
        let session = Session::new(Arc::new(KeyPair::generate(Algorithm::Es256).unwrap()));
        Arc::new(DpopClient::new(session, http.clone(), clock))
    }

    fn endpoint() -> Uri {
        Uri::from_static("https://as.example.com/token")
    }

    fn public() -> ClientAuthentication {
        ClientAuthentication::Public { client_id: "app".into() }
    }

    fn login(http: &Arc<Rotating>, expires_at: i64) -> TokenKeeper {
        let client = client(http);
        let response = json!({"access_token": "a0", "token_type": "DPoP", "refresh_token": "r0"});
        let tokens = TokenSet::stored(
            serde_json::from_value(response).unwrap(),
            Some(UnixTime::from_seconds(START + expires_at)),
            client.session().thumbprint(),
        );
        TokenKeeper::of_login(client, endpoint(), public(), tokens)
    }

    #[tokio::test]
    async fn a_rotating_refresh_token_is_used_once_by_a_hundred_requests() {
        set_clock(0);
        let http = Arc::new(Rotating::default());
        let keeper = login(&http, 5);
        let asked = futures_util::future::join_all((0..100).map(|_| keeper.access_token())).await;
        assert!(asked.into_iter().all(|token| token.unwrap().as_str() == "a1"));
        assert_eq!(http.issued.load(Ordering::Relaxed), 1);
        set_clock(55);
        assert_eq!(keeper.access_token().await.unwrap().as_str(), "a2", "the new refresh token is used");
    }

    #[tokio::test]
    async fn a_good_token_is_used_until_shortly_before_its_end() {
        set_clock(0);
        let http = Arc::new(Rotating::default());
        let keeper = TokenKeeper::of_service(client(&http), endpoint(), public(), Default::default());
        for seconds in [0, 1, 30, 49] {
            set_clock(seconds);
            for _ in 0..250 {
                assert_eq!(keeper.access_token().await.unwrap().as_str(), "a1");
            }
        }
        assert_eq!(http.issued.load(Ordering::Relaxed), 1, "one token request in 1,000 calls");
        set_clock(50);
        assert_eq!(keeper.access_token().await.unwrap().as_str(), "a2");
    }

    #[tokio::test]
    async fn says_when_only_a_login_helps() {
        set_clock(0);
        let http = Arc::new(Rotating::default());
        http.issued.store(7, Ordering::Relaxed);
        assert!(matches!(login(&http, 5).access_token().await, Err(TokenKeeperError::Refused(_))));
        let client = client(&http);
        let response = serde_json::from_value(json!({"access_token": "a", "token_type": "DPoP"})).unwrap();
        let tokens =
            TokenSet::stored(response, Some(UnixTime::from_seconds(START)), client.session().thumbprint());
        let keeper = TokenKeeper::of_login(client, endpoint(), public(), tokens);
        assert!(matches!(keeper.access_token().await, Err(TokenKeeperError::LoginNeeded)));
    }

    #[tokio::test]
    async fn every_new_set_is_told_once() {
        set_clock(0);
        let http = Arc::new(Rotating::default());
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        let keeper = login(&http, 5).on_renewal(Box::new(move |tokens| {
            assert_eq!(tokens.response.refresh_token.as_deref(), Some("r1"));
            count.fetch_add(1, Ordering::Relaxed);
        }));
        keeper.access_token().await.unwrap();
        keeper.access_token().await.unwrap();
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
