//! `private_key_jwt`: a client authenticates with a JWT that its own key signs (RFC 7523 §2.2, §3).

use std::time::Duration;

use jose::{JwkSet, UnixTime, jwt::UnverifiedJwt};
use serde_json::{Map, Value};

use crate::{call::Call, error::Refusal, realm::Client};

/// Assertions that end later are refused, since each is remembered until its end.
const LONGEST_LIFE: Duration = Duration::from_secs(600);
/// How far the client's clock may be ahead, for `nbf` and `iat`.
const CLOCK_SKEW: Duration = Duration::from_secs(10);
/// How many keys are tried for an assertion without a `kid`.
const MAX_CANDIDATES: usize = 8;
const MAX_JTI_BYTES: usize = 512;

/// A good assertion that can still be used once.
#[derive(Debug)]
#[must_use = "an assertion that is not spent can be used again"]
pub(super) struct UnspentAssertion {
    jti: String,
    expires_at: UnixTime,
}

impl UnspentAssertion {
    /// Spends the `jti`, so that a copy of the assertion is worth nothing (RFC 7523 §3 (7)).
    pub(super) fn spend(self, call: &Call, client: &Client) -> Result<(), Refusal> {
        let realm = &call.served.realm.name;
        let store = &call.app.store;
        if store.spend_assertion(realm, &client.client_id, &self.jti, self.expires_at, call.now)? {
            Ok(())
        } else {
            Err(Refusal::invalid_client("the client assertion was used before", false))
        }
    }
}

/// The client that an assertion says it comes from; nothing is checked.
pub(super) fn claimed_client(assertion: &str) -> Option<String> {
    let claims = UnverifiedJwt::parse(assertion).ok()?.claims;
    claims.get("sub").and_then(Value::as_str).map(str::to_owned)
}

/// Checks an assertion against the client's registered keys. `None` for anything that is wrong with it.
pub(super) fn verify(
    call: &Call,
    client: &Client,
    keys: &JwkSet,
    assertion: &str,
) -> Option<UnspentAssertion> {
    let jwt = UnverifiedJwt::parse(assertion).ok()?;
    let is_signed = keys
        .candidates(jwt.header.kid.as_deref(), jwt.header.alg)
        .take(MAX_CANDIDATES)
        .any(|candidate| jwt.verify(&candidate.key).is_ok());
    let text = |name: &str| jwt.claims.get(name).and_then(Value::as_str);
    let client_id = Some(client.client_id.as_str());
    // RFC 7523 §3 (1), (2).
    let is_by_client = text("iss") == client_id && text("sub") == client_id;
    let time = |name: &str| jwt.claims.get(name).map(|value| value.as_i64().map(UnixTime::from_seconds));
    // (4) `exp` must be there, (5) and (6) the others may be.
    let expires_at = time("exp")??;
    let is_current = call.now < expires_at
        && expires_at <= call.now.saturating_add(LONGEST_LIFE)
        && ["nbf", "iat"].into_iter().all(|name| match time(name) {
            None => true,
            Some(at) => at.is_some_and(|at| at <= call.now.saturating_add(CLOCK_SKEW)),
        });
    let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES)?;
    (is_signed && is_by_client && is_current && is_for_us(call, &jwt.claims))
        .then(|| UnspentAssertion { jti: jti.to_owned(), expires_at })
}

/// (3) The audience is this server: its issuer, or, as RFC 9126 §2 has it, one of the endpoints. Nobody else's name may stand beside
/// it: an assertion made for two servers can be carried from one to the other.
fn is_for_us(call: &Call, claims: &Map<String, Value>) -> bool {
    let issuer = &call.served.issuer;
    let endpoint = |path: &str| format!("{issuer}/protocol/openid-connect/{path}");
    let ours = [issuer.clone(), endpoint("token"), endpoint("ext/par/request")];
    let is_ours =
        |audience: &Value| audience.as_str().is_some_and(|audience| ours.iter().any(|our| our == audience));
    match claims.get("aud") {
        Some(Value::Array(audiences)) => !audiences.is_empty() && audiences.iter().all(is_ours),
        Some(audience) => is_ours(audience),
        None => false,
    }
}
