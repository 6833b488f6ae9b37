//! The issuer, the clients' keys, the time, and our own verdict.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dpop::{MemoryReplayStore, Policy};
use http::{HeaderMap, HeaderValue, header};
use jose::{Algorithm, AlgorithmSet, KeyPair, UnixTime};
use resource_server::{
    AccessTokens, ErrorSignaling, JwtTokens, Mode, NoncePolicy, ProofPolicy, ProtectedRequest, Reason,
    ReplayProtection, RequiredScopes, StaticKeys, TokenPolicy, TrustedIssuer, Verifier, VerifierConfig,
};
use serde_json::{Map, Value, json};
use testkit::{FakeIssuer, ManualClock, TestNonces};

use crate::draft::Request;
use crate::mutations::Verdict;

/// `iss` of the access tokens.
const ISSUER: &str = "https://issuer.example";
/// What access tokens are for.
pub(crate) const AUDIENCE: &str = "https://api.example.com";
/// How far `iat` may be from the server's clock, either way: the one window that all verifiers can be set to.
pub(crate) const WINDOW: Duration = Duration::from_secs(300);

/// The published test key of RFC 8037 A.1: its private part can be shown.
const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
pub(crate) const ED25519_SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

/// Everything that all requests of a run have in common.
pub(crate) struct World {
    pub(crate) issuer: FakeIssuer,
    /// Issues tokens in the name of the issuer, with a key of his own.
    pub(crate) forger: FakeIssuer,
    pub(crate) nonces: TestNonces,
    keys: Vec<KeyPair>,
    strangers: Vec<KeyPair>,
    clock: ManualClock,
    tokens: AccessTokens,
}

impl World {
    pub(crate) fn new() -> Self {
        let (issuer, nonces) = (FakeIssuer::new(ISSUER), TestNonces::new());
        let generate = || -> Vec<KeyPair> {
            [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::Ps256, Algorithm::EdDsa]
                .into_iter()
                .map(|algorithm| KeyPair::generate(algorithm).expect("the cryptographic library makes keys"))
                .collect()
        };
        let published = json!({ "kty": "OKP", "crv": "Ed25519", "x": ED25519_X, "d": ED25519_SEED });
        let published = KeyPair::from_jwk(published.as_object().unwrap_or(&Map::new()));
        let mut keys = vec![published.expect("the published key is one")];
        keys.extend(generate());
        let policy = TokenPolicy {
            audience: vec![AUDIENCE.to_owned()],
            algorithms: AlgorithmSet::new([Algorithm::Es256]),
            leeway: WINDOW,
        };
        let issuers = [TrustedIssuer::new(ISSUER, Arc::new(StaticKeys::new(issuer.jwk_set())), policy)];
        Self {
            forger: FakeIssuer::new(ISSUER),
            keys,
            strangers: generate(),
            clock: ManualClock::new(),
            tokens: JwtTokens::new(issuers).into(),
            issuer,
            nonces,
        }
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// The client's key for an algorithm.
    pub(crate) fn key(&self, algorithm: Algorithm) -> &KeyPair {
        self.keys.iter().find(|key| key.supports(algorithm)).expect("there is a key for every algorithm")
    }

    /// A key of the same type that is somebody else's.
    pub(crate) fn strangers_key(&self, algorithm: Algorithm) -> &KeyPair {
        self.strangers.iter().find(|key| key.supports(algorithm)).expect("there is a key for every algorithm")
    }

    /// What other verifiers must know.
    pub(crate) fn described(&self) -> Value {
        json!({
            "now": self.now().as_seconds(),
            "window": WINDOW.as_secs(),
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "keys": self.issuer.jwk_set_json(),
            "algorithms": Algorithm::ALL.map(Algorithm::as_str),
        })
    }

    /// Our own verdict, with nothing remembered of other requests.
    pub(crate) fn judge(&self, request: &Request) -> Verdict {
        let mut headers = HeaderMap::new();
        let lines = request.authorization.iter().map(|line| (header::AUTHORIZATION, line));
        for (name, line) in lines.chain(request.proofs.iter().map(|line| (dpop::DPOP, line))) {
            // An HTTP server hands nothing on that is no field value.
            let Ok(line) = HeaderValue::from_bytes(line.as_bytes()) else {
                return Verdict::Refused("no field value");
            };
            headers.append(name, line);
        }
        let verifier = self.verifier(request.nonce.is_some());
        let protected =
            ProtectedRequest { method: &request.method, target_uri: &request.url, headers: &headers };
        let judge = || {
            let verdict = pin!(verifier.verify(&protected, self.now()));
            match verdict.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(_)) => Verdict::Accepted,
                Poll::Ready(Err(refusal)) => Verdict::Refused(word(refusal.reason())),
                // Keys and store are in memory: nothing waits. The word is expected nowhere.
                Poll::Pending => Verdict::Refused("pending"),
            }
        };
        let verdict = judge();
        if request.is_copy && verdict == Verdict::Accepted { judge() } else { verdict }
    }

    fn verifier(&self, demands_nonce: bool) -> Verifier {
        let nonces = NoncePolicy { ring: Arc::new(self.nonces.ring()), lifetime: WINDOW };
        Verifier::new(VerifierConfig {
            tokens: self.tokens.clone(),
            scopes: RequiredScopes::none(),
            proof: ProofPolicy {
                mode: Mode::Require,
                policy: Policy { algorithms: AlgorithmSet::new(Algorithm::ALL), ..Policy::mcp() },
                nonces: demands_nonce.then_some(nonces),
                replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(8))),
            },
            error_signaling: ErrorSignaling::default(),
        })
    }
}

/// A word for each reason that mutations expect.
fn word(reason: &Reason) -> &'static str {
    match reason {
        Reason::Proof(error) => error.as_str(),
        Reason::Token(_) => "token",
        Reason::NoCredentials => "no credentials",
        Reason::MalformedCredentials(_) => "malformed credentials",
        Reason::BoundTokenAsBearer => "bound token as Bearer",
        Reason::UnboundTokenAsDpop => "unbound token as DPoP",
        Reason::CertificateNotPresented => "certificate",
        _ => "another reason",
    }
}
