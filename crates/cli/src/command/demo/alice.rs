//! Alice: logs in with a fresh key and calls the API, as the client library does it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use dpop_client::{Attempt, HttpClient, HyperClient, Next, Session};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use jose::{Algorithm, KeyPair, base64url, crypto};
use oauth::AccessToken;
use oauth::pkce::CodeVerifier;

use super::browser;
use super::files::Addresses;
use crate::clock::now;

const CLIENT_ID: &str = "heimdall-dpop-client";

/// A logged-in client.
pub(super) struct Alice {
    pub(super) key: Arc<KeyPair>,
    pub(super) session: Session,
    pub(super) token: AccessToken,
    /// `token_type` as answered.
    pub(super) token_type: String,
}

/// A request that was sent, and its answer.
pub(super) struct Exchange {
    pub(super) proof: HeaderValue,
    pub(super) response: Response<Bytes>,
}

impl Alice {
    /// Authorization code with PKCE and `dpop_jkt`, then the token request with a proof.
    pub(super) async fn log_in(http: &HyperClient, addresses: &Addresses) -> Result<Self> {
        let issuer = format!("http://{}/realms/dpop/protocol/openid-connect", addresses.authorization_server);
        let key = Arc::new(KeyPair::generate(Algorithm::Es256)?);
        let session = Session::new(key.clone());
        let redirect_uri = format!("http://{}/callback", addresses.callback);
        let verifier = CodeVerifier::generate();
        let state = base64url::encode(crypto::random::<16>());
        let query = browser::form(&owned([
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", &redirect_uri),
            ("scope", "openid profile email"),
            ("state", &state),
            ("code_challenge", &verifier.challenge().to_string()),
            ("code_challenge_method", "S256"),
            ("dpop_jkt", &session.thumbprint().to_string()),
        ]));
        let answer = browser::log_in(http, &format!("{issuer}/auth?{query}"), "alice", "alice").await?;
        let parameter =
            |name| answer.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        ensure!(parameter("state") == Some(state.as_str()), "the redirect has another state");
        let code = parameter("code").context("the redirect has no code")?;

        let token_endpoint: Uri = format!("{issuer}/token").parse()?;
        let mut request = Request::new(Bytes::from(browser::form(&owned([
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", verifier.as_str()),
        ]))));
        *request.method_mut() = Method::POST;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        let proof = session.token_request_proof(&Method::POST, &token_endpoint, now()).await?;
        request.headers_mut().insert("dpop", proof);
        *request.uri_mut() = token_endpoint;
        let response = http.send(request).await?;
        ensure!(response.status() == StatusCode::OK, "the token endpoint answered {}", response.status());
        let tokens: oauth::TokenResponse =
            serde_json::from_slice(response.body()).context("token response")?;
        Ok(Self { token: tokens.access_token, token_type: tokens.token_type, key, session })
    }

    /// One attempt to call `uri`; what the answer teaches is kept in the session.
    pub(super) async fn call(&self, http: &HyperClient, uri: &Uri) -> Result<(Exchange, Next)> {
        let proof = self.session.resource_request_proof(&Method::GET, uri, &self.token, now()).await?;
        let response = http.send(request(Method::GET, uri, "DPoP", &self.token, Some(&proof))?).await?;
        let (status, headers) = (response.status(), response.headers());
        let next = self.session.resource_response(uri, Attempt::FIRST, status, headers, now());
        Ok((Exchange { proof, response }, next))
    }
}

/// A request with a token and, maybe, a proof.
pub(super) fn request(
    method: Method,
    uri: &Uri,
    scheme: &str,
    token: &AccessToken,
    proof: Option<&HeaderValue>,
) -> Result<Request<Bytes>> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("{scheme} {}", token.as_str()))?);
    if let Some(proof) = proof {
        headers.insert("dpop", proof.clone());
    }
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers;
    Ok(request)
}

fn owned<const N: usize>(fields: [(&str, &str); N]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
