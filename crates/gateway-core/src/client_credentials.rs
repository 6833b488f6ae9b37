//! Tokens of the client credentials grant (RFC 6749 §4.4): fetched when needed, used until shortly before they expire, one
//! call at a time.
//!
//! Tokens stay in this process: they are not put into the cache that instances may share.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use jose::UnixTime;
use oauth::{AccessToken, ClientSecret, Scheme, TokenResponse};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use resource_server::{OutboundError, OutboundHttp, SingleFlight};
use zeroize::Zeroizing;

use crate::{
    cache::{CacheKey, CacheKeyBuilder},
    document::{
        ClientAuthentication, Code, CredentialsGrant, Diagnostic, Diagnostics, KeyPath, Spanned, TokenHeader,
    },
    endpoint::EndpointContext,
    outbound::ClientSettings,
};

/// Tokens are not used in the last seconds of their life: the call they are for takes time too.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);

/// Everything but the unreserved characters of RFC 3986.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A client of an authorization server. Cheap to clone; clones share the token.
#[derive(Debug, Clone)]
pub(crate) struct ClientCredentials {
    inner: Arc<Inner>,
}

struct Inner {
    client: Arc<Client>,
    scopes: Vec<String>,
    cache_ttl: Option<Duration>,
    state: Mutex<Option<Remembered>>,
    flights: SingleFlight<CacheKey, Result<Arc<GrantedToken>, OutboundError>>,
}

/// Who asks, and where.
struct Client {
    token_url: Uri,
    secret: ClientSecret,
    http: Arc<dyn OutboundHttp>,
}

struct Remembered {
    token: Arc<GrantedToken>,
    until: UnixTime,
}

/// A token and how to present it. `Debug` hides the token.
#[derive(Debug, Clone)]
pub(crate) struct GrantedToken {
    scheme: String,
    token: AccessToken,
}

impl ClientCredentials {
    /// Resolves the credentials; `None` after an error was added to `diagnostics`. `path` is the way to the grant's settings.
    pub(crate) fn build(
        grant: &CredentialsGrant,
        path: &KeyPath,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let credentials = &grant.credentials;
        let user = path.key("credentials").to_string();
        let found = context
            .secrets
            .credentials(&credentials.source.value, credentials.selector(), ["client_id", "client_secret"])
            .map_err(|error| error.report(credentials, &user, diagnostics))
            .ok()
            .map(|[id, secret]| (id.clone(), secret.clone()));
        let token_url = token_url(&grant.token_url, &path.key("token_url"), context, diagnostics);
        let http = match context.clients.client(&ClientSettings::default()) {
            Ok(http) => Some(http),
            Err(error) => {
                let headline = format!("`{}`: {error}", path.key("token_url"));
                diagnostics.push(Diagnostic::error(Code::WrongSecretKind, headline, &grant.token_url.place));
                None
            }
        };
        let (id, secret) = found?;
        let secret = match grant.auth_method {
            ClientAuthentication::BasicAuth => ClientSecret::basic(id.as_str(), secret.as_str()),
            ClientAuthentication::RequestBody => ClientSecret::post(id.as_str(), secret.as_str()),
        };
        let client = Client { token_url: token_url?, secret, http: http? };
        Some(Self::of(Arc::new(client), grant.scopes.clone(), grant.cache_ttl))
    }

    fn of(client: Arc<Client>, scopes: Vec<String>, cache_ttl: Option<Duration>) -> Self {
        let (state, flights) = (Mutex::default(), SingleFlight::default());
        Self { inner: Arc::new(Inner { client, scopes, cache_ttl, state, flights }) }
    }

    /// The same client with other scopes or another life of tokens; it has a token of its own then.
    #[must_use]
    pub(crate) fn changed(&self, scopes: Option<Vec<String>>, cache_ttl: Option<Duration>) -> Self {
        if scopes.is_none() && cache_ttl.is_none() {
            return self.clone();
        }
        let scopes = scopes.unwrap_or_else(|| self.inner.scopes.clone());
        Self::of(Arc::clone(&self.inner.client), scopes, cache_ttl.or(self.inner.cache_ttl))
    }

    /// A token that is good for a while.
    ///
    /// # Errors
    ///
    /// An [`OutboundError`]; [`OutboundError::NoCredentials`] when the token endpoint refuses or answers nonsense.
    pub(crate) async fn token(&self, now: UnixTime) -> Result<Arc<GrantedToken>, OutboundError> {
        let inner = &*self.inner;
        if let Some(token) = inner.remembered(now) {
            return Ok(token);
        }
        let key = self.identity();
        inner
            .flights
            .run(key, async || {
                if let Some(token) = inner.remembered(now) {
                    return Ok(token);
                }
                inner.fetch(now).await
            })
            .await
    }

    /// Does not use the token again: it was refused before its time.
    pub(crate) fn forget(&self) {
        *self.inner.state.lock() = None;
    }

    /// What tells this client and its scopes from others.
    pub(crate) fn identity(&self) -> CacheKey {
        let client = &self.inner.client;
        CacheKeyBuilder::new("oauth2_client_credentials")
            .part(client.token_url.to_string())
            .part(client.secret.client_id())
            .part(client.secret.secret())
            .parts(&self.inner.scopes)
            .finish()
    }
}

impl Inner {
    fn remembered(&self, now: UnixTime) -> Option<Arc<GrantedToken>> {
        let state = self.state.lock();
        state.as_ref().filter(|remembered| now < remembered.until).map(|found| Arc::clone(&found.token))
    }

    async fn fetch(&self, now: UnixTime) -> Result<Arc<GrantedToken>, OutboundError> {
        let answer = self.client.http.send(self.client.request(&self.scopes), now).await?;
        if answer.status() != StatusCode::OK {
            return Err(refused(&format!("it answered {}", answer.status().as_u16())));
        }
        let answer: TokenResponse =
            serde_json::from_slice(answer.body()).map_err(|_| refused("its answer is no token response"))?;
        let scheme = match answer.scheme() {
            // Without the proof it is worth nothing, and we have no key that it is bound to.
            Some(Scheme::Dpop) => return Err(refused("it granted a token that is bound to a key")),
            Some(Scheme::Bearer) => "Bearer".to_owned(),
            None => answer.token_type,
        };
        let token = Arc::new(GrantedToken { scheme, token: answer.access_token });
        let life = match (self.cache_ttl, answer.expires_in.map(Duration::from_secs)) {
            (Some(ttl), Some(life)) => ttl.min(life.saturating_sub(EXPIRY_MARGIN)),
            (Some(ttl), None) => ttl,
            (None, Some(life)) => life.saturating_sub(EXPIRY_MARGIN),
            (None, None) => Duration::ZERO,
        };
        if !life.is_zero() {
            *self.state.lock() =
                Some(Remembered { token: Arc::clone(&token), until: now.saturating_add(life) });
        }
        Ok(token)
    }
}

impl Client {
    /// RFC 6749 §4.4.2, with the client's credentials as §2.3.1 says.
    fn request(&self, scopes: &[String]) -> Request<Bytes> {
        let mut form = Zeroizing::new("grant_type=client_credentials".to_owned());
        if !scopes.is_empty() {
            form.push_str("&scope=");
            form.extend(utf8_percent_encode(&scopes.join(" "), FORM));
        }
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.token_url.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = self.secret.authorization() {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        if let Some(members) = self.secret.form_members() {
            form.push('&');
            form.push_str(&members);
        }
        *request.body_mut() = Bytes::copy_from_slice(form.as_bytes());
        request
    }
}

fn refused(why: &str) -> OutboundError {
    OutboundError::NoCredentials(format!("the token endpoint gave no token: {why}"))
}

fn token_url(
    url: &Spanned<String>,
    path: &KeyPath,
    context: &EndpointContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Uri> {
    let uri = url.value.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    });
    let Some(uri) = uri else {
        // The URL is not shown: it may hold a password.
        diagnostics.push(
            Diagnostic::error(Code::WrongType, format!("`{path}` is not an absolute URL"), &url.place)
                .expected("the token endpoint, such as https://idp.example.com/token")
                .hint("templates are not read here; credentials belong into `credentials`"),
        );
        return None;
    };
    if !context.allows_plain_http && uri.scheme_str() == Some("http") {
        diagnostics.push(
            Diagnostic::error(
                Code::PlainHttpEndpoint,
                format!("`{path}` is called over plain http"),
                &url.place,
            )
            .expected("https")
            .hint("for local tests only: `--insecure-skip-egress-tls-enforcement`"),
        );
        return None;
    }
    Some(uri)
}

/// The header that carries a token, and the word before it.
#[derive(Debug, Clone)]
pub(crate) struct TokenCarrier {
    header: HeaderName,
    /// `None`: the token's own type.
    scheme: Option<String>,
}

impl TokenCarrier {
    /// Reads the configured header; `Authorization` without. `None` after an error was reported.
    pub(crate) fn build(
        document: Option<&TokenHeader>,
        path: &KeyPath,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let Some(document) = document else {
            return Some(Self { header: header::AUTHORIZATION, scheme: None });
        };
        match HeaderName::from_bytes(document.name.value.as_bytes()) {
            Ok(header) => Some(Self { header, scheme: document.scheme.clone() }),
            Err(_) => {
                diagnostics.push(
                    Diagnostic::error(
                        Code::WrongType,
                        format!("`{}` is not a header name", path.key("name")),
                        &document.name.place,
                    )
                    .found(document.name.value.as_str())
                    .expected("a header name such as `Authorization`"),
                );
                None
            }
        }
    }

    /// The header.
    pub(crate) fn header(&self) -> &HeaderName {
        &self.header
    }

    /// The header's value for a token; `None` if the scheme can not stand in a header. An empty scheme leaves the token
    /// alone.
    pub(crate) fn value(&self, token: &GrantedToken) -> Option<HeaderValue> {
        let scheme = self.scheme.as_deref().unwrap_or(&token.scheme);
        let text = Zeroizing::new(match scheme {
            "" => token.token.as_str().to_owned(),
            scheme => format!("{scheme} {}", token.token.as_str()),
        });
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Inner")
            .field("token_url", &self.client.token_url)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
