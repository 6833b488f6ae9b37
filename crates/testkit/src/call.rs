//! One call of a protected resource, as it should be and as it should not.

use dpop::{DPOP, Htu};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Request, Uri};
use jose::UnixTime;
use oauth::AccessToken;

use crate::attack::Attack;
use crate::client::{ProofDraft, TestClient};
use crate::issuer::TokenDraft;

/// A call that is right in everything. Every request made of it carries a proof of its own.
///
/// ```
/// use testkit::{Attack, Call, FakeIssuer, ManualClock, TestClient};
///
/// let (issuer, client, clock) =
///     (FakeIssuer::new("https://issuer.example"), TestClient::new(), ManualClock::new());
/// let token = issuer.token(clock.now()).audience("shop");
/// let call = Call::new(&client, token, "GET", "https://api.example.com/orders", clock.now());
/// let good: http::Request<()> = call.request();
/// let stolen: http::Request<()> = call.attack(Attack::BoundTokenAsBearer);
/// assert_ne!(good.headers()["authorization"], stolen.headers()["authorization"]);
/// ```
#[derive(Debug)]
pub struct Call<'a> {
    pub(crate) client: &'a TestClient,
    pub(crate) draft: TokenDraft<'a>,
    pub(crate) token: AccessToken,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) now: UnixTime,
    nonce: Option<String>,
}

impl<'a> Call<'a> {
    /// `client` calls `uri`, an absolute URI as the client knows it, with the token of `draft`, which gets bound to the
    /// client's key.
    #[must_use]
    pub fn new(
        client: &'a TestClient,
        draft: TokenDraft<'a>,
        method: &str,
        uri: &str,
        now: UnixTime,
    ) -> Self {
        let draft = draft.bound_to(&client.thumbprint());
        let token = draft.issue();
        Self { client, draft, token, method: method.to_owned(), uri: uri.to_owned(), now, nonce: None }
    }

    /// The call with this nonce in its proofs.
    ///
    /// ```
    /// use testkit::{Call, TestNonces};
    ///
    /// fn with_nonce_of<'a>(call: Call<'a>, nonces: &TestNonces, now: jose::UnixTime) -> Call<'a> {
    ///     let nonce = nonces.seal(call.token(), now);
    ///     call.with_nonce(&nonce)
    /// }
    /// ```
    #[must_use]
    pub fn with_nonce(self, nonce: &str) -> Self {
        Self { nonce: Some(nonce.to_owned()), ..self }
    }

    /// The bound access token.
    #[must_use]
    pub fn token(&self) -> &AccessToken {
        &self.token
    }

    /// A draft of the call's proof, to change one thing in.
    ///
    /// # Panics
    ///
    /// When the call's URI is no absolute http(s) URI.
    #[must_use]
    pub fn proof(&self) -> ProofDraft<'a> {
        let htu = Htu::parse(&self.uri).expect("the call's URI is an absolute http(s) URI").to_string();
        let draft = self.client.proof(&self.method, &htu, self.now).access_token(&self.token);
        match &self.nonce {
            Some(nonce) => draft.nonce(nonce),
            None => draft,
        }
    }

    /// The good request: origin-form target and `Host`, as a server receives it, `Authorization` and a fresh proof. To
    /// replay it, keep [`Call::headers`] and send them twice.
    ///
    /// # Panics
    ///
    /// When method or URI of the call are none.
    #[must_use]
    pub fn request<B: Default>(&self) -> Request<B> {
        self.request_with(self.headers())
    }

    /// The header fields of a good request, without `Host`.
    ///
    /// # Panics
    ///
    /// When the call's URI is no absolute http(s) URI.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        credentials("DPoP", &self.token, [self.proof().sign()])
    }

    /// A request with these header fields and the call's target.
    ///
    /// ```
    /// use http::Request;
    /// use testkit::Call;
    ///
    /// /// The same request twice: the second is a replay.
    /// fn twice(call: &Call<'_>) -> [Request<()>; 2] {
    ///     let headers = call.headers();
    ///     [call.request_with(headers.clone()), call.request_with(headers)]
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// When method or URI of the call are none.
    #[must_use]
    pub fn request_with<B: Default>(&self, headers: HeaderMap) -> Request<B> {
        self.request_to(&self.uri, headers)
    }

    /// The request of an attacker.
    ///
    /// # Panics
    ///
    /// When method or URI of the call are none.
    #[must_use]
    pub fn attack<B: Default>(&self, attack: Attack) -> Request<B> {
        match attack.target(self) {
            Some(uri) => self.request_to(&uri, attack.headers(self)),
            None => self.request_with(attack.headers(self)),
        }
    }

    fn request_to<B: Default>(&self, uri: &str, headers: HeaderMap) -> Request<B> {
        let uri: Uri = uri.parse().expect("the call's URI can be parsed");
        let mut request = Request::new(B::default());
        *request.method_mut() = self.method.parse().expect("the call's method is one");
        if let Some(authority) = uri.authority() {
            let host = HeaderValue::from_str(authority.as_str()).expect("an authority can be a field value");
            request.headers_mut().insert(HOST, host);
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        *request.uri_mut() = target.parse().expect("path and query are a request target");
        request.headers_mut().extend(headers);
        request
    }
}

/// `Authorization` with `scheme` and `token`, and one `DPoP` line for each proof.
pub(crate) fn credentials(
    scheme: &str,
    token: &AccessToken,
    proofs: impl IntoIterator<Item = String>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, value(&format!("{scheme} {}", token.as_str())));
    for proof in proofs {
        headers.append(DPOP, value(&proof));
    }
    headers
}

pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("the text can be a field value")
}
