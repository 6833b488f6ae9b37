//! Keys are used only while somebody vouches for their certificates.

use std::sync::{Arc, Mutex};

use jose::{IssuerKey, JwkSet, UnixTime};
use resource_server::{
    CertificateCheck, CertificateError, CertifiedKeys, JwtTokens, StaticKeys, TrustedIssuer, Verifier,
};
use serde_json::{Value, json};

use crate::world::{Issuer, NOW, as_bearer, policy, resource, token_error};

/// Accepts every chain until a time, or none.
#[derive(Debug)]
struct Until(Option<i64>, Mutex<usize>);

impl CertificateCheck for Until {
    fn check(&self, key: &IssuerKey, now: UnixTime) -> Result<UnixTime, CertificateError> {
        assert!(!key.x5c.is_empty());
        *self.1.lock().unwrap() += 1;
        match self.0.map(UnixTime::from_seconds) {
            Some(end) if now < end => Ok(end),
            _ => Err(CertificateError("nobody vouches for it".to_owned())),
        }
    }
}

fn certified(issuer: &Issuer, x5c: Value, until: Option<i64>) -> (Verifier, Arc<Until>) {
    let mut set = issuer.key_set();
    set["keys"][0]["x5c"] = x5c;
    if set["keys"][0]["x5c"].is_null() {
        set["keys"][0].as_object_mut().unwrap().remove("x5c");
    }
    let keys = StaticKeys::new(JwkSet::parse(set.to_string().as_bytes()).unwrap());
    let check = Arc::new(Until(until, Mutex::new(0)));
    let keys = CertifiedKeys::new(Arc::new(keys), Arc::clone(&check) as Arc<dyn CertificateCheck>);
    let issuer = TrustedIssuer::new(issuer.name.as_str(), Arc::new(keys), policy());
    (resource(JwtTokens::new([issuer])), check)
}

#[test]
fn a_key_without_certificates_needs_nobody() {
    let issuer = Issuer::new("https://as.example");
    let (resource, _) = certified(&issuer, json!(null), None);
    assert!(as_bearer(&resource, &issuer.token(json!({})), NOW).is_ok());
}

#[test]
fn a_key_whose_certificate_is_refused_is_not_used_and_the_log_says_why() {
    let issuer = Issuer::new("https://as.example");
    let (resource, _) = certified(&issuer, json!(["MAA="]), None);
    let refused = as_bearer(&resource, &issuer.token(json!({})), NOW);
    assert_eq!(token_error(refused), "Certificate");
}

#[test]
fn a_chain_is_judged_once_and_its_end_ends_what_was_remembered() {
    let issuer = Issuer::new("https://as.example");
    let (resource, check) = certified(&issuer, json!(["MAA="]), Some(NOW + 60));
    let token = issuer.token(json!({}));
    for seconds in [0, 1, 59] {
        assert!(as_bearer(&resource, &token, NOW + seconds).is_ok());
    }
    assert_eq!(*check.1.lock().unwrap(), 1);
    assert_eq!(token_error(as_bearer(&resource, &token, NOW + 60)), "Certificate");
}
