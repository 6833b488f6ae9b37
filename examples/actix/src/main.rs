//! `axum-nonces`, and a scope that the token must grant, with actix-web. Its adapter is `dpop.rs`; the checks are those of `keybound-resource-server`.

mod dpop;

use std::env::var;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::dpop::{MemoryReplayStore, NonceRing, Policy};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ReqData, get};
use actix_web::{App, HttpServer};
use jose::{Algorithm, AlgorithmSet, SymmetricKey};
use outbound::HyperClients;
use resource_server::{
    ClientSettings, Discovery, ErrorSignaling, IssuerNames, JwksCache, JwtTokens, KEYS_LIFETIME, Mode,
    NoncePolicy, OutboundClients, ProofPolicy, ReplayProtection, RequiredScopes, ScopeMatching, TokenPolicy,
    TrustedIssuer, Verified, Verifier, VerifierConfig,
};

use crate::dpop::{Protection, protect};

async fn orders(verified: ReqData<Rc<Verified>>) -> String {
    let sub = verified.claims.get("sub").and_then(|sub| sub.as_str()).unwrap_or("nobody");
    format!("orders of {sub}\n")
}

fn verifier() -> Result<Verifier, Box<dyn std::error::Error>> {
    let http = HyperClients::new()?.client(&ClientSettings::default())?;
    let metadata = Arc::new(Discovery::of_issuer(&var("ISSUER")?, Arc::clone(&http))?);
    let nonce_key = SymmetricKey::new("2027", var("NONCE_KEY")?).ok_or("NONCE_KEY is too short")?;
    let issuer = TrustedIssuer {
        names: IssuerNames::Discovered(Arc::clone(&metadata)),
        keys: Arc::new(JwksCache::new(metadata, http, KEYS_LIFETIME)),
        policy: TokenPolicy {
            audience: vec!["orders".to_owned()],
            algorithms: AlgorithmSet::new(Algorithm::ALL),
            leeway: Duration::from_secs(5),
        },
    };
    let proof = ProofPolicy {
        mode: Mode::Require,
        policy: Policy::rfc9449(),
        nonces: Some(NoncePolicy {
            ring: Arc::new(NonceRing::new(nonce_key, [])?),
            lifetime: Duration::from_secs(60),
        }),
        replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(100_000))),
    };
    Ok(Verifier::new(VerifierConfig {
        tokens: JwtTokens::new([issuer]).into(),
        scopes: RequiredScopes { matching: ScopeMatching::Exact, values: vec!["orders:read".to_owned()] },
        proof,
        error_signaling: ErrorSignaling::default(),
    }))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protection = Data::new(Protection { verifier: verifier()?, public_origin: var("PUBLIC_ORIGIN")? });
    let app = move || {
        App::new().app_data(protection.clone()).wrap(from_fn(protect)).route("/orders", get().to(orders))
    };
    Ok(HttpServer::new(app).bind(var("LISTEN")?)?.run().await?)
}
