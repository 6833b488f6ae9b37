//! An authorization server and a protected API on one loopback port. Both demand nonces and check proofs as `dpop` does.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use dpop::{
    AccessTokenHash, ClaimError, Htu, MemoryReplayStore, NonceCheck, NonceRing, Policy, ProofError,
    ResourceRequest, TokenRequest, UNBOUND, UnverifiedProof, verify_resource_request, verify_token_request,
};
use http::{Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jose::{Algorithm, JwkThumbprint, KeyPair, SymmetricKey, UnixTime, jws, jwt::UnverifiedJwt};
use oauth::{Challenge, Confirmation, Credentials, ErrorCode, Scheme, challenge};
use serde_json::json;

const NONCE_LIFE: Duration = Duration::from_secs(60);

pub(crate) struct FakeServers {
    base: String,
    servers: Arc<Servers>,
}

struct Servers {
    base: String,
    issuer_key: KeyPair,
    token_nonces: NonceRing,
    api_nonces: NonceRing,
    replay: MemoryReplayStore,
    issues_bearer: AtomicBool,
    accepted: AtomicU64,
    last_request: Mutex<Option<Parts>>,
    last_token_request: Mutex<String>,
}

impl FakeServers {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let ring = |kid: &str| {
            let key = SymmetricKey::new(kid, jose::crypto::random::<32>()).unwrap();
            NonceRing::new(key, []).unwrap()
        };
        let servers = Arc::new(Servers {
            base: base.clone(),
            issuer_key: KeyPair::generate(Algorithm::Es256).unwrap(),
            token_nonces: ring("as"),
            api_nonces: ring("rs"),
            replay: MemoryReplayStore::new(1000),
            issues_bearer: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            last_request: Mutex::default(),
            last_token_request: Mutex::default(),
        });
        let shared = servers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let servers = shared.clone();
                let service = service_fn(move |request| {
                    let servers = servers.clone();
                    async move { Ok::<_, Infallible>(servers.answer(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { base, servers }
    }

    pub(crate) fn base(&self) -> String {
        self.base.clone()
    }

    /// The guide's environment variables.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [
            ("AUTHORIZATION_ENDPOINT", format!("{}/auth", self.base)),
            ("TOKEN_ENDPOINT", format!("{}/token", self.base)),
            ("PROTECTED_API", format!("{}/api", self.base)),
            ("CLIENT_ID", "the-client".to_owned()),
            ("REDIRECT_PORT", "0".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// A code that the token endpoint takes.
    pub(crate) fn code(&self) -> &'static str {
        "the-code"
    }

    pub(crate) fn issue_bearer_tokens(&self) {
        self.servers.issues_bearer.store(true, Ordering::SeqCst);
    }

    /// How many calls the API accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.servers.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn last_request(&self) -> Parts {
        self.servers.last_request.lock().unwrap().clone().unwrap()
    }

    pub(crate) fn last_token_request(&self) -> String {
        self.servers.last_token_request.lock().unwrap().clone()
    }
}

fn now() -> UnixTime {
    #[expect(clippy::disallowed_methods, reason = "a server has a clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    UnixTime::from_seconds(i64::try_from(now).unwrap())
}

impl Servers {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        match head.uri.path() {
            "/.well-known/openid-configuration" => json_response(StatusCode::OK, &self.metadata()),
            "/token" => self.token(&head, &body).await,
            "/revoke" => json_response(StatusCode::BAD_REQUEST, &json!({"error": "unsupported_token_type"})),
            path if path.starts_with("/api") => self.api(head, &body).await,
            _ => json_response(StatusCode::NOT_FOUND, &json!({})),
        }
    }

    fn metadata(&self) -> serde_json::Value {
        json!({
            "issuer": self.base,
            "authorization_endpoint": format!("{}/auth", self.base),
            "token_endpoint": format!("{}/token", self.base),
            "dpop_signing_alg_values_supported": ["ES256", "EdDSA"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    async fn token(&self, head: &Parts, body: &Bytes) -> Response<Full<Bytes>> {
        let (policy, now) = (Policy::rfc9449(), now());
        let htu = Htu::parse(&format!("{}/token", self.base)).unwrap();
        let nonce =
            NonceCheck::Required { ring: &self.token_nonces, binding: &UNBOUND, lifetime: NONCE_LIFE };
        let request = TokenRequest { method: head.method.as_str(), htu: &htu, nonce };
        let checked = UnverifiedProof::from_headers(&head.headers, &policy)
            .and_then(|proof| verify_token_request(proof, &request, &policy, now));
        let proof = match checked {
            Ok(checked) => checked.claim(&self.replay, now).await.unwrap(),
            Err(error) => {
                let body = json!({"error": error.error_code().as_str()});
                let mut response = json_response(StatusCode::BAD_REQUEST, &body);
                if error.error_code() == ErrorCode::UseDpopNonce {
                    let nonce = self.token_nonces.seal(&UNBOUND, now);
                    response.headers_mut().insert(dpop::DPOP_NONCE, nonce.parse().unwrap());
                }
                return response;
            }
        };
        let form = String::from_utf8(body.to_vec()).unwrap();
        let is_good = form.contains("code=the-code") && form.contains("code_verifier=")
            || form.contains("grant_type=client_credentials") && head.headers.contains_key("authorization");
        *self.last_token_request.lock().unwrap() = form;
        if !is_good {
            return json_response(StatusCode::BAD_REQUEST, &json!({"error": "invalid_grant"}));
        }
        let claims = json!({
            "iss": self.base,
            "sub": "4711",
            "azp": "the-client",
            "preferred_username": "alice",
            "cnf": {"jkt": proof.thumbprint().to_string()},
        });
        let header = json!({"alg": "ES256", "typ": "JWT"});
        let token = jws::sign(&header, &claims, &self.issuer_key, Algorithm::Es256).unwrap();
        let token_type = if self.issues_bearer.load(Ordering::SeqCst) { "Bearer" } else { "DPoP" };
        let body = json!({"access_token": token, "token_type": token_type, "expires_in": 300});
        json_response(StatusCode::OK, &body)
    }

    async fn api(&self, head: Parts, body: &Bytes) -> Response<Full<Bytes>> {
        let credentials = Credentials::from_headers(&head.headers).unwrap().unwrap();
        let hash = AccessTokenHash::of(&credentials.token);
        let refusal = match self.judge(&head, &credentials, &hash).await {
            Ok(()) => {
                self.accepted.fetch_add(1, Ordering::SeqCst);
                // Written by hand: the order of members must survive the printing.
                let (method, body) = (&head.method, String::from_utf8_lossy(body));
                let text = format!(r#"{{"method":"{method}","body":{}}}"#, json!(body));
                *self.last_request.lock().unwrap() = Some(head);
                return Response::new(Full::from(text));
            }
            Err(refusal) => refusal,
        };
        let challenge =
            Challenge { error: Some(refusal), algs: Some("ES256".into()), ..Challenge::new(Scheme::Dpop) };
        let mut response = json_response(StatusCode::UNAUTHORIZED, &json!({}));
        response.headers_mut().insert("www-authenticate", challenge::header_value(&[challenge]));
        if refusal == ErrorCode::UseDpopNonce {
            let nonce = self.api_nonces.seal(hash.as_bytes(), now());
            response.headers_mut().insert(dpop::DPOP_NONCE, nonce.parse().unwrap());
        }
        response
    }

    async fn judge(
        &self,
        head: &Parts,
        credentials: &Credentials,
        hash: &AccessTokenHash,
    ) -> Result<(), ErrorCode> {
        if credentials.scheme != Scheme::Dpop {
            return Err(ErrorCode::InvalidToken);
        }
        let (policy, now) = (Policy::rfc9449(), now());
        let code = |error: ProofError| error.error_code();
        let proof = UnverifiedProof::from_headers(&head.headers, &policy).map_err(code)?;
        let bound_to = self.bound_to(credentials).ok_or(ErrorCode::InvalidToken)?;
        let htu = Htu::parse(&format!("{}{}", self.base, head.uri)).unwrap();
        let binding = hash.as_bytes();
        let nonce = NonceCheck::Required { ring: &self.api_nonces, binding, lifetime: NONCE_LIFE };
        let request = ResourceRequest {
            method: head.method.as_str(),
            htu: &htu,
            access_token_hash: hash,
            bound_to: &bound_to,
            nonce,
        };
        let checked = verify_resource_request(proof, &request, &policy, now).map_err(code)?;
        match checked.claim(&self.replay, now).await {
            Ok(_) => Ok(()),
            Err(ClaimError::Replayed | ClaimError::Unavailable) => Err(ErrorCode::InvalidDpopProof),
        }
    }

    fn bound_to(&self, credentials: &Credentials) -> Option<JwkThumbprint> {
        let token = UnverifiedJwt::parse(credentials.token.as_str()).ok()?;
        token.verify(self.issuer_key.public_jwk()).ok()?;
        Confirmation::from_claims(&token.claims).ok()??.jkt
    }
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::from(body.to_string())).unwrap()
}
