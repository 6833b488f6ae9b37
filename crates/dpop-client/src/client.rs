//! A client that sends: the session's proofs over an [`HttpClient`], with the one retry that a server may ask for.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header::AUTHORIZATION};
use jose::UnixTime;
use oauth::AccessToken;
use thiserror::Error;

use crate::{
    client_authentication::ClientAuthentication,
    form::Parameters,
    grant::{
        AuthorizationRequest, DeviceAuthorization, DeviceAuthorizationError, Grant, PushedRequestError,
        RequestError, form_request, form_request_without_proof, read_request_uri,
    },
    http_client::{HttpClient, HttpError},
    session::{Attempt, Next, Session, SessionError},
    token_set::{Binding, TokenError, TokenSet},
};

/// The client's clock.
pub type Clock = fn() -> UnixTime;

/// One key, its session, and a way to the network.
pub struct DpopClient {
    session: Arc<Session>,
    http: Arc<dyn HttpClient>,
    clock: Clock,
}

/// Why a request of the client did not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The request could not be made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No proof for the request.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The token endpoint gave no usable token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The authorization server did not take the pushed request.
    #[error(transparent)]
    PushedRequest(#[from] PushedRequestError),
    /// The device can not be authorized.
    #[error(transparent)]
    DeviceAuthorization(#[from] DeviceAuthorizationError),
    /// The access token does not fit into a header.
    #[error("the access token does not fit into a header")]
    Header(#[from] http::header::InvalidHeaderValue),
}

impl DpopClient {
    /// A client for one key.
    #[must_use]
    pub fn new(session: impl Into<Arc<Session>>, http: Arc<dyn HttpClient>, clock: Clock) -> Self {
        Self { session: session.into(), http, clock }
    }

    /// The time by the client's own clock.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// What is remembered between requests.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Asks a token endpoint.
    ///
    /// # Errors
    ///
    /// [`ClientError`], also when the server answers without a token that is bound to the session's key (see
    /// [`Binding`]).
    pub async fn token(
        &self,
        endpoint: &Uri,
        grant: &dyn Grant,
        client: &ClientAuthentication,
        binding: Binding,
    ) -> Result<TokenSet, ClientError> {
        let response = self.post_form(endpoint, client, || grant.parameters()).await?;
        let now = (self.clock)();
        Ok(TokenSet::from_response(&response, self.session.thumbprint(), binding, now)?)
    }

    /// Pushes an authorization request (RFC 9126); the answer is where to send the browser.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when the server does not take it.
    pub async fn push(
        &self,
        pushed_authorization_request_endpoint: &Uri,
        authorization_endpoint: &str,
        request: &AuthorizationRequest,
        client: &ClientAuthentication,
    ) -> Result<String, ClientError> {
        let parameters = || request.pushed_parameters();
        let response = self.post_form(pushed_authorization_request_endpoint, client, parameters).await?;
        Ok(request.pushed_url(authorization_endpoint, &read_request_uri(&response)?))
    }

    /// Asks for a code that a user confirms on another device (RFC 8628 §3.1). Tokens then come from
    /// [`token`](Self::token) with the [grant](DeviceAuthorization::grant) of the answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when the server gives none.
    pub async fn authorize_device(
        &self,
        endpoint: &Uri,
        scope: Option<&str>,
        client: &ClientAuthentication,
    ) -> Result<DeviceAuthorization, ClientError> {
        let parameters = scope.map(|scope| ("scope", scope.into())).into_iter().collect();
        let now = (self.clock)();
        let request = form_request_without_proof(endpoint, parameters, client, now)
            .await
            .map_err(RequestError::from)?;
        let response = self.http.send(request).await?;
        Ok(DeviceAuthorization::from_response(&response, now)?)
    }

    async fn post_form<'a>(
        &self,
        endpoint: &Uri,
        client: &'a ClientAuthentication,
        parameters: impl Fn() -> Parameters<'a> + Send,
    ) -> Result<Response<Bytes>, ClientError> {
        let mut attempt = Attempt::FIRST;
        loop {
            let now = (self.clock)();
            let request = form_request(endpoint, parameters(), client, &self.session, now).await?;
            let response = self.http.send(request).await?;
            match self.session.token_response(endpoint, attempt, &response, (self.clock)()) {
                Next::Done => return Ok(response),
                Next::Retry(next) => attempt = next,
            }
        }
    }

    /// Sends a request to a protected resource, with `token` and a proof. Whatever `Authorization` and `DPoP` fields
    /// the request has are replaced. Redirects are not followed (C5), and the token is sent with the scheme `DPoP`
    /// only, whatever the server would like instead (C21).
    ///
    /// # Errors
    ///
    /// [`ClientError`] when there is no answer. A refusal is an answer.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        token: &AccessToken,
    ) -> Result<Response<Bytes>, ClientError> {
        let mut credentials = HeaderValue::try_from(format!("DPoP {}", token.as_str()))?;
        credentials.set_sensitive(true);
        let uri = request.uri().clone();
        let mut attempt = Attempt::FIRST;
        loop {
            let now = (self.clock)();
            let proof = self.session.resource_request_proof(request.method(), &uri, token, now).await?;
            let mut request = request.clone();
            request.headers_mut().insert(AUTHORIZATION, credentials.clone());
            request.headers_mut().insert(dpop::DPOP, proof);
            let response = self.http.send(request).await?;
            let (status, headers) = (response.status(), response.headers());
            match self.session.resource_response(&uri, attempt, status, headers, (self.clock)()) {
                Next::Done => return Ok(response),
                Next::Retry(next) => attempt = next,
            }
        }
    }
}

impl std::fmt::Debug for DpopClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DpopClient").field("session", &self.session).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{HashSet, VecDeque},
        sync::Mutex,
    };

    use futures_util::future::BoxFuture;
    use http::{HeaderMap, StatusCode};
    use jose::{Algorithm, KeyPair, jwt::UnverifiedJwt};

    use super::*;
    use crate::{form, grant::ClientCredentialsGrant};

    /// Gives the prepared answers in order and keeps the requests.
    #[derive(Default)]
    struct Fake {
        answers: Mutex<VecDeque<Response<Bytes>>>,
        requests: Mutex<Vec<Request<Bytes>>>,
    }

    impl HttpClient for Fake {
        fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, HttpError>> {
            self.requests.lock().unwrap().push(request);
            let answer = self.answers.lock().unwrap().pop_front().expect("one answer for each request");
            Box::pin(async { Ok(answer) })
        }
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response<Bytes> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn client(answers: impl IntoIterator<Item = Response<Bytes>>) -> (DpopClient, Arc<Fake>) {
        let fake = Arc::new(Fake { answers: Mutex::new(answers.into_iter().collect()), ..Fake::default() });
        let session = Session::new(Arc::new(KeyPair::generate(Algorithm::Es256).unwrap()));
        (DpopClient::new(session, fake.clone(), || UnixTime::from_seconds(1_784_444_400)), fake)
    }

    fn proof_claim(headers: &HeaderMap, name: &str) -> String {
        let proof = headers[dpop::DPOP].to_str().unwrap();
        UnverifiedJwt::parse(proof).unwrap().claims.get(name).map(ToString::to_string).unwrap_or_default()
    }

    const NONCE_WANTED: &str = r#"{"error":"use_dpop_nonce"}"#;
    const TOKEN: &str = r#"{"access_token":"t","token_type":"DPoP","expires_in":300}"#;

    fn service() -> ClientAuthentication {
        ClientAuthentication::SecretPost { client_id: "service".into(), secret: "s3cret".to_owned().into() }
    }

    fn endpoint() -> Uri {
        Uri::from_static("https://as.example.com/token")
    }

    #[tokio::test]
    async fn c1_every_token_request_carries_a_proof() {
        let (client, fake) = client([answer(200, &[], TOKEN)]);
        let grant = ClientCredentialsGrant::default();
        client.token(&endpoint(), &grant, &service(), Binding::Required).await.unwrap();
        let requests = fake.requests.lock().unwrap();
        assert_eq!(proof_claim(requests[0].headers(), "htm"), "\"POST\"");
        assert_eq!(proof_claim(requests[0].headers(), "htu"), "\"https://as.example.com/token\"");
        assert_eq!(proof_claim(requests[0].headers(), "ath"), "");
    }

    #[tokio::test]
    async fn c20_the_code_is_sent_again_on_the_nonce_retry() {
        let (client, fake) = client([
            answer(400, &[("dpop-nonce", "n1")], NONCE_WANTED),
            answer(200, &[("dpop-nonce", "n2")], TOKEN),
        ]);
        let login =
            AuthorizationRequest::new("app", "http://127.0.0.1/cb", "openid", client.session().thumbprint());
        let state = form::decode(login.url("https://as/auth").split_once('?').unwrap().1)
            .into_iter()
            .find_map(|(name, value)| (name == "state").then_some(value))
            .unwrap();
        let grant = login.callback(&format!("code=the-code&state={state}")).unwrap();
        let public = ClientAuthentication::Public { client_id: "app".into() };
        client.token(&endpoint(), &grant, &public, Binding::Required).await.unwrap();
        let requests = fake.requests.lock().unwrap();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].body(), requests[1].body());
        assert_ne!(proof_claim(requests[0].headers(), "jti"), proof_claim(requests[1].headers(), "jti"));
        assert_eq!(proof_claim(requests[1].headers(), "nonce"), "\"n1\"");
    }

    #[tokio::test]
    async fn c8_a_second_demand_for_a_nonce_surfaces() {
        let wanted = || answer(400, &[("dpop-nonce", "n")], NONCE_WANTED);
        let (client, fake) = client([wanted(), wanted()]);
        let grant = ClientCredentialsGrant::default();
        let error = client.token(&endpoint(), &grant, &service(), Binding::Required).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Token(TokenError::Refused { error, .. }) if error == "use_dpop_nonce")
        );
        assert_eq!(fake.requests.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn c8_a_resource_request_is_repeated_with_body_and_nonce() {
        let challenge = [("www-authenticate", r#"DPoP error="use_dpop_nonce""#), ("dpop-nonce", "n1")];
        let (client, fake) = client([answer(401, &challenge, ""), answer(200, &[], "fine")]);
        let request =
            Request::post("https://api.example.com/a?b").body(Bytes::from_static(b"payload")).unwrap();
        let token = AccessToken::parse("the.access.token").unwrap();
        let response = client.send(request, &token).await.unwrap();
        assert_eq!(response.body().as_ref(), b"fine");
        let requests = fake.requests.lock().unwrap();
        let jtis: HashSet<_> = requests.iter().map(|request| proof_claim(request.headers(), "jti")).collect();
        assert_eq!((requests.len(), jtis.len()), (2, 2));
        assert!(requests.iter().all(|request| request.body().as_ref() == b"payload"));
        assert_eq!(requests[1].headers()[AUTHORIZATION], "DPoP the.access.token");
        assert!(requests[1].headers()[AUTHORIZATION].is_sensitive());
    }

    #[tokio::test]
    async fn c5_redirects_are_returned_not_followed() {
        let (client, fake) = client([answer(302, &[("location", "https://evil.example.com/")], "")]);
        let token = AccessToken::parse("t").unwrap();
        let request = Request::get("https://api.example.com/").body(Bytes::new()).unwrap();
        assert_eq!(client.send(request, &token).await.unwrap().status(), StatusCode::FOUND);
        assert_eq!(fake.requests.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn c21_the_token_is_never_sent_as_bearer() {
        let (client, fake) = client([answer(401, &[("www-authenticate", "Bearer")], "")]);
        let token = AccessToken::parse("t").unwrap();
        let request = Request::get("https://api.example.com/").header(AUTHORIZATION, "Bearer t");
        let answer = client.send(request.body(Bytes::new()).unwrap(), &token).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let requests = fake.requests.lock().unwrap();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].headers().get_all(AUTHORIZATION).iter().count(), 1);
        assert_eq!(requests[0].headers()[AUTHORIZATION], "DPoP t");
    }

    #[tokio::test]
    async fn c22_opening_a_stream_again_takes_a_new_proof() {
        let opened = || answer(200, &[("content-type", "text/event-stream")], "data: 1\n\n");
        let (client, fake) = client([opened(), opened()]);
        let token = AccessToken::parse("t").unwrap();
        for _ in 0..2 {
            let request = Request::get("https://api.example.com/events").body(Bytes::new()).unwrap();
            client.send(request, &token).await.unwrap();
        }
        let requests = fake.requests.lock().unwrap();
        assert_ne!(proof_claim(requests[0].headers(), "jti"), proof_claim(requests[1].headers(), "jti"));
    }

    #[tokio::test]
    async fn c13_a_pushed_request_has_a_proof_for_its_endpoint() {
        let (client, fake) = client([answer(201, &[], r#"{"request_uri":"urn:x","expires_in":60}"#)]);
        let login =
            AuthorizationRequest::new("app", "http://127.0.0.1/cb", "openid", client.session().thumbprint());
        let public = ClientAuthentication::Public { client_id: "app".into() };
        let par = Uri::from_static("https://as.example.com/par");
        let url = client.push(&par, "https://as.example.com/auth", &login, &public).await.unwrap();
        assert_eq!(url, "https://as.example.com/auth?client_id=app&request_uri=urn%3Ax");
        let requests = fake.requests.lock().unwrap();
        assert_eq!(proof_claim(requests[0].headers(), "htu"), "\"https://as.example.com/par\"");
        let body = String::from_utf8(requests[0].body().to_vec()).unwrap();
        assert!(body.contains(&format!("dpop_jkt={}", client.session().thumbprint())));
    }
}
