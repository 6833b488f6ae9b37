//! Every attack of the test kit, through actix-web's types: nothing that the verifier must see is lost on the way to it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::dpop::{MemoryReplayStore, NonceRing, Policy};
use actix_web::App;
use actix_web::dev::ServiceResponse;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::{Data, ReqData, get};
use jose::{Algorithm, AlgorithmSet, SymmetricKey};
use resource_server::{
    ErrorSignaling, IssuerNames, JwtTokens, Mode, NoncePolicy, ProofPolicy, ReplayProtection, RequiredScopes,
    StaticKeys, TokenPolicy, TrustedIssuer, Verified, Verifier, VerifierConfig,
};
use testkit::{Attack, Call, FakeIssuer, TestClient};

use super::{Protection, now, protect};

const ORIGIN: &str = "https://api.example.com";
const URI: &str = "https://api.example.com/orders";

fn protection(issuer: &FakeIssuer, nonces: bool) -> Data<Protection> {
    let tokens = TrustedIssuer {
        names: IssuerNames::Listed(vec![issuer.name().to_owned()]),
        keys: Arc::new(StaticKeys::new(issuer.jwk_set())),
        policy: TokenPolicy {
            audience: vec!["shop".to_owned()],
            algorithms: AlgorithmSet::new(Algorithm::ALL),
            leeway: Duration::ZERO,
        },
    };
    let ring = || NonceRing::new(SymmetricKey::new("1", "0123456789abcdef").unwrap(), []).unwrap();
    let nonces = nonces.then(|| NoncePolicy { ring: Arc::new(ring()), lifetime: Duration::from_secs(60) });
    let verifier = Verifier::new(VerifierConfig {
        tokens: JwtTokens::new([tokens]).into(),
        scopes: RequiredScopes::none(),
        proof: ProofPolicy {
            mode: Mode::Require,
            policy: Policy::rfc9449(),
            nonces,
            replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(1000))),
        },
        error_signaling: ErrorSignaling::default(),
    });
    Data::new(Protection { verifier, public_origin: ORIGIN.to_owned() })
}

/// The answer to a request; 200 comes from the handler only.
async fn send(protection: &Data<Protection>, request: http::Request<()>) -> ServiceResponse {
    let hello = |verified: ReqData<Rc<Verified>>| async move { verified.claims["sub"].to_string() };
    let app =
        App::new().app_data(protection.clone()).route("/orders", get().to(hello)).wrap(from_fn(protect));
    let app = init_service(app).await;
    let mut sent = TestRequest::with_uri(&request.uri().to_string());
    for (name, value) in request.headers() {
        sent = sent.append_header((name.as_str(), value.as_bytes()));
    }
    call_service(&app, sent.to_request()).await.map_into_boxed_body()
}

fn field<'a>(answer: &'a ServiceResponse, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

fn error(answer: &ServiceResponse) -> Option<&str> {
    field(answer, "www-authenticate")?.split("error=\"").nth(1)?.split('"').next()
}

#[actix_web::test]
async fn every_attack_gets_its_answer() {
    let (issuer, client) = (FakeIssuer::new("https://issuer.example"), TestClient::new());
    let protection = protection(&issuer, false);
    let call = || Call::new(&client, issuer.token(now()).audience("shop"), "GET", URI, now());
    let headers = call().headers();
    assert_eq!(send(&protection, call().request_with(headers.clone())).await.status().as_u16(), 200);
    let replay = send(&protection, call().request_with(headers)).await;
    assert_eq!((replay.status().as_u16(), error(&replay)), (401, Some("invalid_dpop_proof")));
    for attack in Attack::ALL {
        let answer = send(&protection, call().attack(*attack)).await;
        let expected = attack.expected();
        assert_eq!(answer.status().as_u16(), expected.status.as_u16(), "{attack:?}");
        assert_eq!(error(&answer), expected.error.map(|error| error.as_str()), "{attack:?}");
        assert_eq!(field(&answer, "cache-control"), Some("no-store"), "{attack:?}");
    }
}

#[actix_web::test]
async fn a_nonce_is_demanded_and_accepted() {
    let (issuer, client) = (FakeIssuer::new("https://issuer.example"), TestClient::new());
    let protection = protection(&issuer, true);
    let call = Call::new(&client, issuer.token(now()).audience("shop"), "GET", URI, now());
    let demand = send(&protection, call.request()).await;
    assert_eq!((demand.status().as_u16(), error(&demand)), (401, Some("use_dpop_nonce")));
    let call = call.with_nonce(field(&demand, "dpop-nonce").unwrap());
    assert_eq!(send(&protection, call.request()).await.status().as_u16(), 200);
}
