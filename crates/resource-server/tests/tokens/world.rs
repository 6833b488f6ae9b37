//! Issuers whose endpoints are a map, and a resource that asks them.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use dpop::{MemoryReplayStore, Policy, ProofBuilder};
use http::{HeaderMap, HeaderValue, Request, Response};
use jose::{Algorithm, AlgorithmSet, KeyPair, UnixTime, jws};
use oauth::AccessToken;
use resource_server::{
    AccessTokens, ErrorSignaling, Mode, OutboundError, OutboundFuture, OutboundHttp, ProofPolicy,
    ProtectedRequest, Reason, Refusal, ReplayProtection, RequiredScopes, TokenError, TokenPolicy, Verified,
    Verifier, VerifierConfig,
};
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const HTU: &str = "https://api.example.com/orders";

/// What an address answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Json(Value),
    Text(u16, String),
    Fails(OutboundError),
}

/// The network: addresses with what they answer, and the calls that were made.
#[derive(Debug, Default)]
pub(crate) struct Network {
    answers: Mutex<BTreeMap<String, Answer>>,
    calls: Mutex<Vec<(String, String)>>,
}

impl Network {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn set(&self, address: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(address.to_owned(), answer);
    }

    pub(crate) fn json(&self, address: &str, body: Value) {
        self.set(address, Answer::Json(body));
    }

    /// How often an address was called.
    pub(crate) fn calls(&self, address: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(called, _)| called == address).count()
    }

    pub(crate) fn last_body(&self) -> String {
        self.calls.lock().unwrap().last().unwrap().1.clone()
    }

    pub(crate) fn outbound(self: &Arc<Self>) -> Arc<dyn OutboundHttp> {
        Arc::clone(self) as Arc<dyn OutboundHttp>
    }
}

impl OutboundHttp for Network {
    fn send(&self, request: Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        let address = request.uri().to_string();
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        self.calls.lock().unwrap().push((address.clone(), body));
        let answer = self.answers.lock().unwrap().get(&address).cloned();
        let respond = |status: u16, body: String| {
            let media_type = if body.starts_with(['{', '[']) { "application/json" } else { "text/html" };
            let response = Response::builder().status(status).header("content-type", media_type);
            Ok(response.body(Bytes::from(body)).unwrap())
        };
        Box::pin(ready(match answer {
            None => respond(404, String::new()),
            Some(Answer::Json(body)) => respond(200, body.to_string()),
            Some(Answer::Text(status, body)) => respond(status, body),
            Some(Answer::Fails(error)) => Err(error),
        }))
    }
}

/// An issuer with one key.
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) key: KeyPair,
}

impl Issuer {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), key: KeyPair::generate(Algorithm::Es256).unwrap() }
    }

    /// The published keys; every issuer here calls its key `1`.
    pub(crate) fn key_set(&self) -> Value {
        let mut jwk = self.key.public_jwk().to_json();
        jwk.insert("kid".to_owned(), json!("1"));
        json!({ "keys": [jwk] })
    }

    /// A token of alice, changed by `changes`; null takes a claim away.
    pub(crate) fn token(&self, changes: Value) -> AccessToken {
        let mut claims =
            json!({"iss": self.name, "sub": "alice", "aud": "shop", "iat": NOW - 5, "exp": NOW + 300});
        change(&mut claims, changes);
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "1"});
        AccessToken::parse(&jws::sign(&header, &claims, &self.key, Algorithm::Es256).unwrap()).unwrap()
    }
}

pub(crate) fn change(claims: &mut Value, changes: Value) {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
}

pub(crate) fn policy() -> TokenPolicy {
    TokenPolicy {
        audience: vec!["shop".to_owned()],
        algorithms: AlgorithmSet::new([Algorithm::Es256]),
        leeway: Duration::from_secs(10),
    }
}

/// A resource that takes these tokens, with or without a proof.
pub(crate) fn resource(tokens: impl Into<AccessTokens>) -> Verifier {
    Verifier::new(VerifierConfig {
        tokens: tokens.into(),
        scopes: RequiredScopes::none(),
        proof: ProofPolicy {
            mode: Mode::Permit,
            policy: Policy::rfc9449(),
            nonces: None,
            replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(100))),
        },
        error_signaling: ErrorSignaling::default(),
    })
}

/// Runs a future that has nothing to wait for.
pub(crate) fn now_or_never<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn verify(verifier: &Verifier, headers: &HeaderMap, now: i64) -> Result<Verified, Refusal> {
    let request = ProtectedRequest { method: "GET", target_uri: HTU, headers };
    now_or_never(verifier.verify(&request, UnixTime::from_seconds(now)))
}

pub(crate) fn as_bearer(verifier: &Verifier, token: &AccessToken, now: i64) -> Result<Verified, Refusal> {
    let mut headers = HeaderMap::new();
    let value = format!("Bearer {}", token.as_str());
    headers.insert("authorization", HeaderValue::from_str(&value).unwrap());
    verify(verifier, &headers, now)
}

/// The token with a proof of `key`.
pub(crate) fn proven(
    verifier: &Verifier,
    token: &AccessToken,
    key: &KeyPair,
    now: i64,
) -> Result<Verified, Refusal> {
    let proof = ProofBuilder::new(key, "GET", HTU).access_token(token);
    let mut headers = HeaderMap::new();
    let value = format!("DPoP {}", token.as_str());
    headers.insert("authorization", HeaderValue::from_str(&value).unwrap());
    let proof = proof.sign(UnixTime::from_seconds(now)).unwrap();
    headers.insert("dpop", HeaderValue::from_str(&proof).unwrap());
    verify(verifier, &headers, now)
}

/// Why a token was refused.
#[track_caller]
pub(crate) fn token_error(outcome: Result<Verified, Refusal>) -> String {
    let refusal = outcome.unwrap_err();
    match refusal.reason() {
        Reason::Token(error) => {
            assert_eq!(refusal.status(), 401);
            assert!(!error.is_fault());
            name(error)
        }
        Reason::IssuerUnavailable(error) => {
            assert_eq!(refusal.status(), 503);
            assert!(error.is_fault() && !refusal.lets_chain_continue() && refusal.challenges().is_empty());
            name(error)
        }
        other => panic!("{other:?}"),
    }
}

fn name(error: &TokenError) -> String {
    let shown = format!("{error:?}");
    shown.split(['(', ' ']).next().unwrap().to_owned()
}
