//! An authorization request that is good: sent through the browser (RFC 6749 §4.1.1) or pushed (RFC 9126).

use jose::JwkThumbprint;
use oauth::{
    ErrorCode,
    pkce::{CodeChallenge, PkceError},
};

use crate::{
    parameters::Parameters,
    realm::{Client, GrantedScope, Realm},
};

/// What the client asks the user for. Every value was checked against the client's registration.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) response_mode: ResponseMode,
    pub(crate) state: Option<String>,
    pub(crate) scope: GrantedScope,
    /// OpenID Connect's `nonce`, which has nothing to do with DPoP nonces.
    pub(crate) openid_nonce: Option<String>,
    pub(crate) code_challenge: Option<CodeChallenge>,
    /// The key that the code is bound to (RFC 9449 §10).
    pub(crate) dpop_jkt: Option<JwkThumbprint>,
    pub(crate) login_hint: Option<String>,
}

/// Where the answer's parameters go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    Query,
    Fragment,
}

/// Why an authorization request is refused.
#[derive(Debug)]
pub(crate) enum RequestFault {
    /// It is not certain that the redirect URI belongs to the client: the user is told, nobody else (RFC 6749 §4.1.2.1).
    Untrusted(&'static str),
    /// The client is told, at its redirect URI.
    Told { destination: Destination, code: ErrorCode, description: &'static str },
}

/// Where a client gets the outcome of its request.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) redirect_uri: String,
    pub(crate) response_mode: ResponseMode,
    pub(crate) state: Option<String>,
}

impl Destination {
    /// The URI with these parameters, `state`, and `iss` (RFC 9207).
    pub(crate) fn with(&self, issuer: &str, parameters: &[(&str, &str)]) -> String {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(parameters);
        if let Some(state) = &self.state {
            encoded.append_pair("state", state);
        }
        encoded.append_pair("iss", issuer);
        let separator = match self.response_mode {
            ResponseMode::Fragment => '#',
            ResponseMode::Query if self.redirect_uri.contains('?') => '&',
            ResponseMode::Query => '?',
        };
        format!("{}{separator}{}", self.redirect_uri, encoded.finish())
    }
}

impl AuthorizationRequest {
    pub(crate) fn destination(&self) -> Destination {
        Destination {
            redirect_uri: self.redirect_uri.clone(),
            response_mode: self.response_mode,
            state: self.state.clone(),
        }
    }

    /// Checks the parameters against the client's registration.
    ///
    /// The caller has found the client already; whether a `request_uri` is there is his business as well.
    pub(crate) fn validate(client: &Client, parameters: &Parameters) -> Result<Self, RequestFault> {
        if !client.standard_flow {
            return Err(RequestFault::Untrusted("this client may not use the authorization code flow"));
        }
        let redirect_uri =
            parameters.get("redirect_uri").ok_or(RequestFault::Untrusted("redirect_uri is missing"))?;
        if redirect_uri.contains('#') || !client.allows_redirect(redirect_uri) {
            return Err(RequestFault::Untrusted("redirect_uri is not registered for this client"));
        }
        let response_mode = match parameters.get("response_mode") {
            Some("fragment") => Some(ResponseMode::Fragment),
            Some("query") | None => Some(ResponseMode::Query),
            Some(_) => None,
        };
        let destination = Destination {
            redirect_uri: redirect_uri.to_owned(),
            response_mode: response_mode.unwrap_or(ResponseMode::Query),
            state: parameters.get("state").map(str::to_owned),
        };
        let told =
            |code, description| RequestFault::Told { destination: destination.clone(), code, description };
        let invalid = |description| told(ErrorCode::InvalidRequest, description);

        if response_mode.is_none() {
            return Err(invalid("response_mode must be query or fragment"));
        }
        if parameters.get("request").is_some() {
            return Err(invalid("request objects are not supported, push the request instead"));
        }
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => {
                return Err(told(ErrorCode::UnsupportedResponseType, "only response_type=code is supported"));
            }
            None => return Err(invalid("response_type is missing")),
        }
        let requested = parameters.get("scope").unwrap_or_default();
        let scope = client
            .scopes
            .grant(requested.split(' ').filter(|scope| !scope.is_empty()))
            .ok_or_else(|| told(ErrorCode::InvalidScope, "the client may not ask for one of the scopes"))?;
        let code_challenge = code_challenge(client, parameters).map_err(invalid)?;
        // RFC 9449 §10: a thumbprint, so 43 characters of base64url.
        let dpop_jkt = parameters
            .get("dpop_jkt")
            .map(JwkThumbprint::parse)
            .transpose()
            .map_err(|_| invalid("dpop_jkt is not a JWK thumbprint"))?;
        if parameters.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|value| value == "none")) {
            // Nobody stays logged in at this server's pages, so a silent login always fails (OpenID Connect Core §3.1.2.6).
            return Err(told(ErrorCode::LoginRequired, "the user has to log in"));
        }
        Ok(Self {
            client_id: client.client_id.clone(),
            redirect_uri: destination.redirect_uri.clone(),
            response_mode: destination.response_mode,
            state: destination.state.clone(),
            scope,
            openid_nonce: parameters.get("nonce").map(str::to_owned),
            code_challenge,
            dpop_jkt,
            login_hint: parameters.get("login_hint").map(str::to_owned),
        })
    }
}

/// PKCE, with S256 only: without a method the challenge would be the verifier itself (RFC 7636 §4.3).
fn code_challenge(client: &Client, parameters: &Parameters) -> Result<Option<CodeChallenge>, &'static str> {
    let Some(challenge) = parameters.get("code_challenge") else {
        return if client.requires_pkce { Err("code_challenge is missing") } else { Ok(None) };
    };
    match CodeChallenge::parse(challenge, parameters.get("code_challenge_method")) {
        Ok(challenge) => Ok(Some(challenge)),
        Err(PkceError::Method) => Err("code_challenge_method must be S256"),
        Err(PkceError::Challenge | PkceError::Verifier) => {
            Err("code_challenge is not a SHA-256 hash in base64url")
        }
    }
}

/// The client that a request names, or what the user is told.
pub(crate) fn find_client<'a>(realm: &'a Realm, parameters: &Parameters) -> Result<&'a Client, RequestFault> {
    let client_id = parameters.get("client_id").ok_or(RequestFault::Untrusted("client_id is missing"))?;
    realm.client(client_id).ok_or(RequestFault::Untrusted("there is no such client"))
}
