//! Grants: what a client shows a token endpoint to get tokens (RFC 6749 §4).

mod authorization_code;
mod client_credentials;
mod device_code;
mod refresh_token;
mod token_exchange;

pub use authorization_code::{
    AuthorizationCodeGrant, AuthorizationRequest, CallbackError, PushedRequestError, read_request_uri,
};
pub use client_credentials::ClientCredentialsGrant;
pub use device_code::{DeviceAuthorization, DeviceAuthorizationError, DeviceCodeGrant};
pub use refresh_token::{RefreshError, RefreshTokenGrant};
pub use token_exchange::{TokenExchangeGrant, TokenType};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use jose::UnixTime;
use thiserror::Error;

use crate::{
    client_authentication::{ClientAuthentication, ClientAuthenticationError},
    form::{self, Parameters},
    session::{Session, SessionError},
};

/// The parameters of one grant type.
pub trait Grant: Sync {
    /// `grant_type` and what goes with it. The client's identity is added elsewhere.
    fn parameters(&self) -> Parameters<'_>;
}

/// Why a request to an authorization server can not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No proof.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// No client authentication.
    #[error(transparent)]
    ClientAuthentication(#[from] ClientAuthenticationError),
}

/// One attempt at an endpoint of an authorization server: a form with a new proof (C1, C6) and, where the client signs
/// one, a new assertion (C19). What the grant holds, a code for instance, is the same in every attempt (C20).
///
/// # Errors
///
/// [`RequestError`] when a proof or an assertion can not be made.
pub async fn form_request<'a>(
    endpoint: &Uri,
    parameters: Parameters<'a>,
    client: &'a ClientAuthentication,
    session: &Session,
    now: UnixTime,
) -> Result<Request<Bytes>, RequestError> {
    let mut request = form_request_without_proof(endpoint, parameters, client, now).await?;
    let proof = session.token_request_proof(&Method::POST, endpoint, now).await?;
    request.headers_mut().insert(dpop::DPOP, proof);
    Ok(request)
}

/// As [`form_request`], for endpoints that issue nothing bound to a key: device authorization (RFC 8628 §3.1) and
/// revocation (RFC 7009).
///
/// # Errors
///
/// [`ClientAuthenticationError`] when an assertion can not be made.
pub async fn form_request_without_proof<'a>(
    endpoint: &Uri,
    mut parameters: Parameters<'a>,
    client: &'a ClientAuthentication,
    now: UnixTime,
) -> Result<Request<Bytes>, ClientAuthenticationError> {
    let mut headers = HeaderMap::new();
    client.apply(&mut parameters, &mut headers, now).await?;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let mut request = Request::new(Bytes::from(form::encode(&parameters)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.clone();
    *request.headers_mut() = headers;
    Ok(request)
}
