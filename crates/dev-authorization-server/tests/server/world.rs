//! A server on a real socket, with a clock that the test moves, and a client that can do everything right or wrong.

use bytes::Bytes;
use dev_authorization_server::{
    AuthorizationServer, Clock, Handle, ManualClock, Misbehaviour, Options, Realm,
};
use dpop::ProofBuilder;
use http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jose::{Algorithm, KeyPair, UnixTime, jwt::UnverifiedJwt};
use oauth::{AccessToken, pkce::CodeVerifier};
use serde_json::Value;
use std::{collections::HashMap, time::Duration};

/// When every test begins.
pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const CALLBACK: &str = "http://127.0.0.1:51004/callback";

pub(crate) struct World {
    pub(crate) server: Handle,
    http: Client<HttpConnector, Full<Bytes>>,
    clock: ManualClock,
    elapsed: std::cell::Cell<i64>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().unwrap_or_else(|| panic!("no {name}")).to_str().unwrap();
        assert!(values.next().is_none(), "{name} more than once");
        value
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// The parameters of the redirect.
    pub(crate) fn callback(&self) -> HashMap<String, String> {
        assert_eq!(self.status, 303, "{}", self.text());
        url::Url::parse(self.header("location")).unwrap().query_pairs().into_owned().collect()
    }

    /// Asserts an error of RFC 6749 §5.2.
    pub(crate) fn assert_error(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status.as_u16(), self.json()["error"].as_str().unwrap()),
            (status, error),
            "{}",
            self.text()
        );
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("content-type"), "application/json");
    }

    pub(crate) fn access_token(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn refresh_token(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["refresh_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn claims(&self) -> Value {
        claims(&self.access_token())
    }
}

pub(crate) fn claims(token: &str) -> Value {
    Value::Object(UnverifiedJwt::parse(token).unwrap().claims)
}

pub(crate) fn key() -> KeyPair {
    KeyPair::generate(Algorithm::Es256).unwrap()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn with_nonces() -> Self {
        Self::start_with(|options| options.nonces = true).await
    }

    pub(crate) async fn misbehaving(how: Misbehaviour) -> Self {
        Self::start_with(|options| {
            options.nonces = how == Misbehaviour::UnacceptableNonce;
            options.misbehaviour = Some(how);
        })
        .await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let realm = Realm::parse(include_bytes!("acme.json")).unwrap();
        let clock = ManualClock::new(UnixTime::from_seconds(START));
        let mut options = Options::new(([127, 0, 0, 1], 0).into(), vec![realm]);
        options.clock = Clock::Manual(clock.clone());
        change(&mut options);
        let server = AuthorizationServer::start(options).await.unwrap();
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { server, http, clock, elapsed: 0.into() }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.elapsed.set(self.elapsed.get() + i64::try_from(seconds).unwrap());
    }

    pub(crate) fn now(&self) -> UnixTime {
        UnixTime::from_seconds(START + self.elapsed.get())
    }

    /// The absolute URL of an OpenID Connect endpoint.
    pub(crate) fn endpoint(&self, name: &str) -> String {
        format!("{}/protocol/openid-connect/{name}", self.server.issuer("acme"))
    }

    pub(crate) fn users(&self) -> String {
        format!("{}/admin/realms/acme/users", self.server.base_url())
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.http.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        form: Option<&[(&str, &str)]>,
    ) -> Answer {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match form {
            None => String::new(),
            Some(form) => {
                request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
            }
        };
        self.send(request.body(Full::from(body)).unwrap()).await
    }

    pub(crate) async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Answer {
        self.request("GET", url, headers, None).await
    }

    pub(crate) async fn post(&self, url: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
        self.request("POST", url, headers, Some(form)).await
    }

    // Proofs.

    pub(crate) fn proof(&self, key: &KeyPair, method: &str, url: &str) -> String {
        ProofBuilder::new(key, method, url).sign(self.now()).unwrap()
    }

    pub(crate) fn proof_with_nonce(&self, key: &KeyPair, method: &str, url: &str, nonce: &str) -> String {
        ProofBuilder::new(key, method, url).nonce(nonce).sign(self.now()).unwrap()
    }

    pub(crate) fn proof_of_token(
        &self,
        key: &KeyPair,
        method: &str,
        url: &str,
        token: &str,
        nonce: Option<&str>,
    ) -> String {
        let token = AccessToken::parse(token).unwrap();
        let builder = ProofBuilder::new(key, method, url).access_token(&token);
        match nonce {
            Some(nonce) => builder.nonce(nonce).sign(self.now()).unwrap(),
            None => builder.sign(self.now()).unwrap(),
        }
    }

    // What clients do.

    /// A token request with a good proof by `key`.
    pub(crate) async fn token(&self, key: &KeyPair, form: &[(&str, &str)]) -> Answer {
        let url = self.endpoint("token");
        let proof = self.proof(key, "POST", &url);
        self.post(&url, &[("dpop", &proof)], form).await
    }

    /// A token request without a proof.
    pub(crate) async fn token_without_proof(&self, form: &[(&str, &str)]) -> Answer {
        self.post(&self.endpoint("token"), &[], form).await
    }

    /// A call of a protected resource with token and proof.
    pub(crate) async fn call(&self, key: &KeyPair, token: &str, url: &str) -> Answer {
        let htu = url.split('?').next().unwrap();
        let proof = self.proof_of_token(key, "GET", htu, token, None);
        self.get(url, &[("authorization", &format!("DPoP {token}")), ("dpop", &proof)]).await
    }

    /// Opens the login page, without filling it in.
    pub(crate) async fn open(&self, parameters: &[(&str, &str)]) -> Answer {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.get(&format!("{}?{query}", self.endpoint("auth")), &[]).await
    }

    /// Fills in the form of a login page.
    pub(crate) async fn submit(&self, page: &Answer, username: &str, password: &str) -> Answer {
        assert_eq!(page.status, 200, "{}", page.text());
        let html = page.text();
        let action = html.split("action=\"").nth(1).expect("a form").split('"').next().unwrap();
        // The only reference the page needs: askama writes some characters as numbers.
        let action = action.replace("&#38;", "&").replace("&amp;", "&");
        let url = format!("{}{action}", self.server.base_url());
        self.post(&url, &[], &[("username", username), ("password", password)]).await
    }

    /// Logs alice in for a client and gives the code. `parameters` go beside client, redirect URI and challenge.
    pub(crate) async fn code(
        &self,
        client_id: &str,
        redirect_uri: &str,
        verifier: &CodeVerifier,
        parameters: &[(&str, &str)],
    ) -> String {
        let challenge = verifier.challenge().to_string();
        let mut all = vec![
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("scope", "openid"),
            ("state", "s t"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        all.extend(parameters);
        let page = self.open(&all).await;
        let answer = self.submit(&page, "alice", "wonderland").await;
        let callback = answer.callback();
        assert_eq!(callback.get("state").map(String::as_str), Some("s t"));
        assert_eq!(callback.get("iss"), Some(&self.server.issuer("acme")));
        callback["code"].clone()
    }

    /// The code of a login of alice at `app`, and the verifier.
    pub(crate) async fn app_code(&self, parameters: &[(&str, &str)]) -> (String, CodeVerifier) {
        let verifier = CodeVerifier::generate();
        let code = self.code("app", CALLBACK, &verifier, parameters).await;
        (code, verifier)
    }

    /// Exchanges a code of `app`.
    pub(crate) async fn exchange(&self, key: &KeyPair, code: &str, verifier: &CodeVerifier) -> Answer {
        self.token(key, &app_form(code, verifier)).await
    }

    /// A whole login of alice at `app` with this key.
    pub(crate) async fn log_in(&self, key: &KeyPair) -> Answer {
        let (code, verifier) = self.app_code(&[]).await;
        self.exchange(key, &code, &verifier).await
    }

    /// A whole login of alice at the confidential client `web`.
    pub(crate) async fn log_in_web(&self, key: Option<&KeyPair>) -> Answer {
        self.log_in_as("web", "web-secret", key).await
    }

    /// A whole login of alice at a confidential client, whose redirect URI is `https://{client_id}.example/callback`.
    pub(crate) async fn log_in_as(&self, client_id: &str, secret: &str, key: Option<&KeyPair>) -> Answer {
        let verifier = CodeVerifier::generate();
        let redirect_uri = format!("https://{client_id}.example/callback");
        let code = self.code(client_id, &redirect_uri, &verifier, &[]).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("client_secret", secret),
            ("code", &code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", verifier.as_str()),
        ];
        match key {
            Some(key) => self.token(key, &form).await,
            None => self.token_without_proof(&form).await,
        }
    }

    /// What the introspection endpoint says about a token.
    pub(crate) async fn introspect(&self, token: &str) -> Value {
        let form = [("token", token), ("client_id", "web"), ("client_secret", "web-secret")];
        let answer = self.post(&self.endpoint("token/introspect"), &[], &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

pub(crate) fn app_form<'a>(code: &'a str, verifier: &'a CodeVerifier) -> [(&'a str, &'a str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", verifier.as_str()),
    ]
}

pub(crate) fn refresh_form<'a>(client_id: &'a str, token: &'a str) -> [(&'a str, &'a str); 3] {
    [("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", token)]
}

pub(crate) const ADMIN: [(&str, &str); 3] = [
    ("grant_type", "client_credentials"),
    ("client_id", "kc-admin-client"),
    ("client_secret", "admin-secret"),
];
