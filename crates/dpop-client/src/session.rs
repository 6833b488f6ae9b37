//! What a client remembers between requests, without I/O: its key, the servers' nonces, the offset of its clock.
//!
//! [`Session`] makes the proof for the next request and says what a response asks for. Sending, and the time, are the
//! caller's; [`DpopClient`](crate::DpopClient) is the usual one.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use dpop::{Htu, HtuError, ProofBuilder};
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Uri,
    header::{DATE, WWW_AUTHENTICATE},
};
use jose::{Algorithm, JwkThumbprint, SignError, UnixTime, json};
use oauth::{AccessToken, ErrorCode, challenge};
use thiserror::Error;

use crate::{
    nonce_cache::{NonceCache, Server, nonce_of},
    origin::{NoOrigin, Origin},
    signer::{Signer, SignerError},
};

/// A clock that differs by less is left alone: every server tolerates that much.
const NOTABLE_OFFSET_SECONDS: i64 = 5;

/// A server's `Date` is believed up to one day away (C18).
const MAX_OFFSET_SECONDS: i64 = 24 * 60 * 60;

/// One key and all that is remembered for it.
#[derive(Debug)]
pub struct Session {
    key: Arc<dyn Signer>,
    algorithm: Algorithm,
    nonces: NonceCache,
    clock_offset_seconds: AtomicI64,
}

/// Which try of a request this is. There are at most two, so a server can not keep a client busy (C8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    is_last: bool,
}

impl Attempt {
    /// The first try.
    pub const FIRST: Self = Self { is_last: false };
}

/// What to do after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This is the answer.
    Done,
    /// Send the request once more, as this attempt and with a new proof.
    Retry(Attempt),
}

/// Why no proof can be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The URI has no origin.
    #[error(transparent)]
    NoOrigin(#[from] NoOrigin),
    /// The URI can not stand in a proof.
    #[error("the URI can not be the htu of a proof")]
    Htu(#[from] HtuError),
    /// The key does not fit the algorithm.
    #[error("the proof can not be made")]
    Write(#[from] SignError),
    /// The key does not sign.
    #[error("the proof can not be signed")]
    Sign(#[from] SignerError),
    /// The proof does not fit into a header line.
    #[error("the proof does not fit into a header")]
    Header(#[from] http::header::InvalidHeaderValue),
}

impl Session {
    /// A session that knows no nonce yet.
    #[must_use]
    pub fn new(key: Arc<dyn Signer>) -> Self {
        let algorithm = key.algorithm();
        Self { key, algorithm, nonces: NonceCache::new(), clock_offset_seconds: AtomicI64::new(0) }
    }

    /// Signs proofs with another algorithm of the same key, as [`choose_algorithm`](crate::choose_algorithm) found it
    /// (C15).
    #[must_use]
    pub fn with_algorithm(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// The key that signs.
    #[must_use]
    pub fn key(&self) -> &dyn Signer {
        &*self.key
    }

    /// The thumbprint of the key: what tokens are bound to, and the value of `dpop_jkt`.
    #[must_use]
    pub fn thumbprint(&self) -> JwkThumbprint {
        self.key.public_jwk().thumbprint()
    }

    /// A new proof for a request to an authorization server (C1). `now` is the client's own clock.
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the URI is not absolute or the key does not sign.
    pub async fn token_request_proof(
        &self,
        method: &Method,
        uri: &Uri,
        now: UnixTime,
    ) -> Result<HeaderValue, SessionError> {
        self.proof(Server::Authorization, method, uri, None, now).await
    }

    /// A new proof for a request with `token` to a protected resource: it carries `ath` (C4).
    ///
    /// # Errors
    ///
    /// [`SessionError`] when the URI is not absolute or the key does not sign.
    pub async fn resource_request_proof(
        &self,
        method: &Method,
        uri: &Uri,
        token: &AccessToken,
        now: UnixTime,
    ) -> Result<HeaderValue, SessionError> {
        self.proof(Server::Resource, method, uri, Some(token), now).await
    }

    async fn proof(
        &self,
        server: Server,
        method: &Method,
        uri: &Uri,
        token: Option<&AccessToken>,
        now: UnixTime,
    ) -> Result<HeaderValue, SessionError> {
        let nonce = self.nonces.newest(server, &Origin::of(uri)?);
        let htu = Htu::parse(&uri.to_string())?.to_string();
        let mut builder = ProofBuilder::for_remote_key(self.key.public_jwk(), method.as_str(), &htu)
            .algorithm(self.algorithm);
        if let Some(token) = token {
            builder = builder.access_token(token);
        }
        if let Some(nonce) = &nonce {
            builder = builder.nonce(nonce);
        }
        let input = builder.signing_input(self.server_time(now))?;
        let signature = self.key.sign(self.algorithm, input.as_bytes()).await?;
        let mut proof = HeaderValue::try_from(input.with_signature(&signature))?;
        proof.set_sensitive(true);
        Ok(proof)
    }

    /// Learns from a response of an authorization server: its body tells a wanted nonce (RFC 9449 §8).
    pub fn token_response(
        &self,
        uri: &Uri,
        attempt: Attempt,
        response: &Response<Bytes>,
        now: UnixTime,
    ) -> Next {
        let refusal = match response.status() {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => error_member(response.body()),
            _ => None,
        };
        self.learn(Server::Authorization, uri, attempt, response.headers(), refusal.as_deref(), now)
    }

    /// Learns from a response of a resource server: its challenge tells a wanted nonce (RFC 9449 §9). Only a challenge
    /// of the scheme `DPoP` counts: after one for `Bearer` alone the token is not sent in another way (C21).
    pub fn resource_response(
        &self,
        uri: &Uri,
        attempt: Attempt,
        status: StatusCode,
        headers: &HeaderMap,
        now: UnixTime,
    ) -> Next {
        let refusal = if status == StatusCode::UNAUTHORIZED { dpop_challenge_error(headers) } else { None };
        self.learn(Server::Resource, uri, attempt, headers, refusal.as_deref(), now)
    }

    fn learn(
        &self,
        server: Server,
        uri: &Uri,
        attempt: Attempt,
        headers: &HeaderMap,
        refusal: Option<&str>,
        now: UnixTime,
    ) -> Next {
        // C7: from any response of that server, the retry's too.
        let has_nonce = Origin::of(uri).is_ok_and(|origin| self.nonces.keep(server, &origin, headers));
        let mended = match refusal {
            // C11: without exactly one good nonce a retry would fail the same way.
            Some(error) if error == ErrorCode::UseDpopNonce.as_str() => has_nonce,
            // C18: servers do not say that `iat` was the reason. A notable difference of the clocks does.
            Some(error) if error == ErrorCode::InvalidDpopProof.as_str() => self.adjust_clock(headers, now),
            Some(_) | None => false,
        };
        if mended && !attempt.is_last { Next::Retry(Attempt { is_last: true }) } else { Next::Done }
    }

    /// The nonce the next proof for this server will carry.
    #[must_use]
    pub fn newest_nonce(&self, server: Server, uri: &Uri) -> Option<String> {
        Origin::of(uri).ok().and_then(|origin| self.nonces.newest(server, &origin))
    }

    /// The time as servers see it: `now`, and what their `Date` taught after a refused proof (C18).
    #[must_use]
    pub fn server_time(&self, now: UnixTime) -> UnixTime {
        let offset = self.clock_offset_seconds.load(Ordering::Relaxed);
        UnixTime::from_seconds(now.as_seconds().saturating_add(offset))
    }

    /// Takes over the server's time when ours is notably off. Says whether it changed anything.
    fn adjust_clock(&self, headers: &HeaderMap, now: UnixTime) -> bool {
        let Some(date) = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(seconds_of) else {
            return false;
        };
        let offset = date.saturating_sub(now.as_seconds());
        let known = self.clock_offset_seconds.load(Ordering::Relaxed);
        let differs = offset.saturating_sub(known).saturating_abs() > NOTABLE_OFFSET_SECONDS;
        if !differs || offset.saturating_abs() > MAX_OFFSET_SECONDS {
            return false;
        }
        self.clock_offset_seconds.store(offset, Ordering::Relaxed);
        true
    }
}

/// The `error` member of an OAuth error body (RFC 6749 §5.2).
fn error_member(body: &[u8]) -> Option<String> {
    let body = json::parse_object(body, json::MAX_DEPTH).ok()?;
    body.get("error")?.as_str().map(str::to_owned)
}

/// The `error` of the first `DPoP` challenge that has one, over all `WWW-Authenticate` lines.
fn dpop_challenge_error(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(challenge::parse)
        .filter(|challenge| challenge.scheme.eq_ignore_ascii_case("DPoP"))
        .find_map(|challenge| challenge.parameter("error").map(str::to_owned))
}

/// Reads an HTTP date (RFC 9110 §5.6.7, the preferred form) as seconds since the epoch.
fn seconds_of(date: &str) -> Option<i64> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(date).ok().map(|timestamp| timestamp.as_second())
}

/// The nonce of a challenge, for those who show it: exactly one well-formed `DPoP-Nonce` on a 401 that asks for it.
#[must_use]
pub fn demanded_nonce(status: StatusCode, headers: &HeaderMap) -> Option<&str> {
    let wanted = status == StatusCode::UNAUTHORIZED
        && dpop_challenge_error(headers).as_deref() == Some(ErrorCode::UseDpopNonce.as_str());
    if wanted { nonce_of(headers) } else { None }
}

#[cfg(test)]
mod tests {
    use dpop::DPOP_NONCE;
    use futures_util::FutureExt as _;
    use jose::{Algorithm, KeyPair, jwt::UnverifiedJwt};
    use serde_json::Value;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_784_444_400);

    fn session() -> Session {
        Session::new(Arc::new(KeyPair::generate(Algorithm::Es256).unwrap()))
    }

    /// A key in memory signs at once.
    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().unwrap()
    }

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    fn api() -> Uri {
        uri("https://api.example.com/things?page=2")
    }

    fn token() -> AccessToken {
        AccessToken::parse("an.access.token").unwrap()
    }

    fn claim(proof: &HeaderValue, name: &str) -> Option<Value> {
        UnverifiedJwt::parse(proof.to_str().unwrap()).unwrap().claims.get(name).cloned()
    }

    fn api_proof(session: &Session) -> HeaderValue {
        now(session.resource_request_proof(&Method::GET, &api(), &token(), NOW)).unwrap()
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn challenged(nonces: &[&str]) -> HeaderMap {
        let mut fields = vec![("www-authenticate", r#"DPoP error="use_dpop_nonce", algs="ES256""#)];
        fields.extend(nonces.iter().map(|nonce| ("dpop-nonce", *nonce)));
        headers(&fields)
    }

    fn receive(session: &Session, attempt: Attempt, status: u16, headers: &HeaderMap) -> Next {
        session.resource_response(&api(), attempt, StatusCode::from_u16(status).unwrap(), headers, NOW)
    }

    fn retried(next: Next) -> Attempt {
        match next {
            Next::Retry(attempt) => attempt,
            Next::Done => panic!("no retry"),
        }
    }

    #[test]
    fn c4_resource_proofs_carry_the_token_hash() {
        let session = session();
        let proof = api_proof(&session);
        assert_eq!(claim(&proof, "ath").unwrap(), dpop::AccessTokenHash::of(&token()).to_string());
        assert!(proof.is_sensitive());
        let proof = now(session.token_request_proof(&Method::POST, &api(), NOW)).unwrap();
        assert_eq!(claim(&proof, "ath"), None);
    }

    #[test]
    fn c5_htu_has_no_query() {
        assert_eq!(claim(&api_proof(&session()), "htu").unwrap(), "https://api.example.com/things");
    }

    #[test]
    fn c6_every_proof_is_new() {
        let session = session();
        assert_ne!(claim(&api_proof(&session), "jti"), claim(&api_proof(&session), "jti"));
    }

    #[test]
    fn c7_takes_the_nonce_of_any_response() {
        let session = session();
        for (status, nonce) in [(200, "a"), (404, "b"), (503, "c")] {
            assert_eq!(
                receive(&session, Attempt::FIRST, status, &headers(&[("dpop-nonce", nonce)])),
                Next::Done
            );
            assert_eq!(claim(&api_proof(&session), "nonce").unwrap(), nonce);
        }
    }

    #[test]
    fn c8_retries_once_on_use_dpop_nonce() {
        let session = session();
        let retry = retried(receive(&session, Attempt::FIRST, 401, &challenged(&["n1"])));
        assert_eq!(claim(&api_proof(&session), "nonce").unwrap(), "n1");
        assert_eq!(receive(&session, retry, 401, &challenged(&["n2"])), Next::Done);
        assert_eq!(claim(&api_proof(&session), "nonce").unwrap(), "n2", "the retry's nonce is kept as well");
    }

    #[test]
    fn c8_an_endless_demand_ends_after_one_retry() {
        let (session, mut attempt, mut sent) = (session(), Attempt::FIRST, 1);
        while let Next::Retry(next) = receive(&session, attempt, 401, &challenged(&["again"])) {
            (attempt, sent) = (next, sent + 1);
        }
        assert_eq!(sent, 2);
    }

    #[test]
    fn c9_nonces_of_authorization_and_resource_server_stay_apart() {
        let session = session();
        receive(&session, Attempt::FIRST, 200, &headers(&[("dpop-nonce", "resource")]));
        let proof = now(session.token_request_proof(&Method::POST, &api(), NOW)).unwrap();
        assert_eq!(claim(&proof, "nonce"), None);
        let elsewhere = uri("https://other.example.com/");
        let proof = now(session.resource_request_proof(&Method::GET, &elsewhere, &token(), NOW)).unwrap();
        assert_eq!(claim(&proof, "nonce"), None);
    }

    #[test]
    fn c10_keeps_the_old_nonce_when_the_new_one_is_bad() {
        let session = session();
        receive(&session, Attempt::FIRST, 200, &headers(&[("dpop-nonce", "good")]));
        receive(&session, Attempt::FIRST, 200, &headers(&[("dpop-nonce", "not good")]));
        receive(&session, Attempt::FIRST, 200, &headers(&[("dpop-nonce", &"x".repeat(2049))]));
        assert_eq!(claim(&api_proof(&session), "nonce").unwrap(), "good");
    }

    #[test]
    fn c11_a_missing_or_repeated_nonce_is_no_reason_to_retry() {
        for nonces in [&[][..], &["a", "b"], &["a", "a"], &[""]] {
            assert_eq!(receive(&session(), Attempt::FIRST, 401, &challenged(nonces)), Next::Done);
        }
    }

    #[test]
    fn c16_jti_has_at_least_96_random_bits() {
        let jti = claim(&api_proof(&session()), "jti").unwrap();
        assert!(jose::base64url::decode(jti.as_str().unwrap()).unwrap().len() * 8 >= 96);
    }

    #[test]
    fn c18_authorization_servers_demand_nonces_in_the_body() {
        let (session, uri) = (session(), uri("https://as.example.com/token"));
        let response = Response::builder()
            .status(400)
            .header(DPOP_NONCE, "as-1")
            .body(Bytes::from_static(br#"{"error":"use_dpop_nonce"}"#))
            .unwrap();
        let next = session.token_response(&uri, Attempt::FIRST, &response, NOW);
        let retry = retried(next);
        let proof = now(session.token_request_proof(&Method::POST, &uri, NOW)).unwrap();
        assert_eq!(claim(&proof, "nonce").unwrap(), "as-1");
        assert_eq!(session.token_response(&uri, retry, &response, NOW), Next::Done);
    }

    #[test]
    fn c18_takes_the_servers_clock_after_a_refused_proof_only() {
        // NOW is 2026-07-19 07:00:00 GMT.
        let session = session();
        let late = ("date", "Sun, 19 Jul 2026 07:10:00 GMT");
        receive(&session, Attempt::FIRST, 200, &headers(&[late]));
        assert_eq!(claim(&api_proof(&session), "iat").unwrap(), NOW.as_seconds());
        let refused = headers(&[("www-authenticate", r#"DPoP error="invalid_dpop_proof""#), late]);
        retried(receive(&session, Attempt::FIRST, 401, &refused));
        assert_eq!(claim(&api_proof(&session), "iat").unwrap(), NOW.as_seconds() + 600);
        assert_eq!(receive(&session, Attempt::FIRST, 401, &refused), Next::Done, "nothing new to learn");
    }

    #[test]
    fn c18_believes_no_clock_more_than_a_day_away() {
        let session = session();
        let refused = [("www-authenticate", r#"DPoP error="invalid_dpop_proof""#)];
        for date in ["Tue, 21 Jul 2026 07:10:00 GMT", "Sun, 19 Jul 2020 07:10:00 GMT", "yesterday"] {
            let mut fields = refused.to_vec();
            fields.push(("date", date));
            assert_eq!(receive(&session, Attempt::FIRST, 401, &headers(&fields)), Next::Done, "{date}");
        }
        assert_eq!(claim(&api_proof(&session), "iat").unwrap(), NOW.as_seconds());
    }

    #[test]
    fn c21_a_bearer_challenge_changes_nothing() {
        let headers =
            headers(&[("www-authenticate", r#"Bearer error="use_dpop_nonce""#), ("dpop-nonce", "n")]);
        assert_eq!(receive(&session(), Attempt::FIRST, 401, &headers), Next::Done);
    }

    #[test]
    fn finds_the_dpop_challenge_beside_others() {
        let line = r#"Bearer error="invalid_token", DPoP algs="ES256", error="use_dpop_nonce""#;
        let headers = headers(&[("www-authenticate", line), ("dpop-nonce", "n")]);
        retried(receive(&session(), Attempt::FIRST, 401, &headers));
        assert_eq!(demanded_nonce(StatusCode::UNAUTHORIZED, &headers), Some("n"));
        assert_eq!(demanded_nonce(StatusCode::BAD_REQUEST, &headers), None);
    }
}
