//! The order of checks, in one place.

use std::sync::Arc;
use std::time::Duration;

use dpop::{
    AccessTokenHash, ClaimError, DPOP, Htu, NonceCheck, ProofError, ResourceRequest, UnverifiedProof,
    verify_resource_request,
};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jose::{JwkThumbprint, UnixTime};
use oauth::{Confirmation, CredentialsError, CredentialsRef, ErrorCode, Scheme};

use crate::access_token::{AccessTokens, Claims, TokenError, VerifiedToken};
use crate::claimed_proofs::ClaimedProofs;
use crate::policy::{ErrorSignaling, Mode, NoncePolicy, ProofPolicy, ReplayProtection};
use crate::proof_trace::ProofTrace;
use crate::refusal::{Context, Reason, Refusal};
use crate::scopes::RequiredScopes;

/// How far in the future a nonce may have been issued, by another node's clock; a skew is at least that long here.
const MAX_NONCE_SKEW: Duration = Duration::from_secs(5);
/// Times are whole seconds.
const ROUNDING: Duration = Duration::from_secs(2);

/// What a [`Verifier`] is made of.
///
/// ```
/// use resource_server::{ErrorSignaling, IntrospectedTokens, ProofPolicy, RequiredScopes, Verifier, VerifierConfig};
///
/// fn verifier(tokens: IntrospectedTokens, proof: ProofPolicy) -> Verifier {
///     let scopes = RequiredScopes::all(["orders:read"]);
///     Verifier::new(VerifierConfig { tokens: tokens.into(), scopes, proof, error_signaling: ErrorSignaling::default() })
/// }
/// ```
#[derive(Debug, Clone)]
pub struct VerifierConfig {
    /// Which access tokens are accepted.
    pub tokens: AccessTokens,
    /// Scopes that must be granted; checked last, answered with 403.
    pub scopes: RequiredScopes,
    /// What the proof must be like.
    pub proof: ProofPolicy,
    /// Extras in challenges.
    pub error_signaling: ErrorSignaling,
}

/// Decides whether a request may use its token.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use dpop::{MemoryReplayStore, Policy};
/// use resource_server::{
///     ErrorSignaling, JwtTokens, Mode, ProofPolicy, ProtectedRequest, ReplayProtection, RequiredScopes, StaticKeys,
///     TokenPolicy, TrustedIssuer, Verifier, VerifierConfig,
/// };
/// # use testkit::{Call, FakeIssuer, ManualClock, TestClient};
/// # let (issuer, client, clock) = (FakeIssuer::new("https://issuer.example"), TestClient::new(), ManualClock::new());
/// # let algorithms = jose::AlgorithmSet::new([jose::Algorithm::Es256]);
///
/// let policy = TokenPolicy { audience: vec!["shop".to_owned()], algorithms, leeway: Duration::from_secs(10) };
/// let issuer_keys = Arc::new(StaticKeys::new(issuer.jwk_set()));
/// let verifier = Verifier::new(VerifierConfig {
///     tokens: JwtTokens::new([TrustedIssuer::new("https://issuer.example", issuer_keys, policy)]).into(),
///     scopes: RequiredScopes::none(),
///     proof: ProofPolicy {
///         mode: Mode::Require,
///         policy: Policy::rfc9449(),
///         nonces: None,
///         replay: ReplayProtection::Store(Arc::new(MemoryReplayStore::new(100_000))),
///     },
///     error_signaling: ErrorSignaling::default(),
/// });
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// # let uri = "https://api.example.com/orders";
/// # let call = Call::new(&client, issuer.token(clock.now()).audience("shop"), "GET", uri, clock.now());
/// # let headers = call.headers();
/// let request = ProtectedRequest { method: "GET", target_uri: "https://api.example.com/orders", headers: &headers };
/// let verified = verifier.verify(&request, clock.now()).await?;
/// assert_eq!(verified.claims["sub"], "alice");
///
/// // The same request once more.
/// let refusal = verifier.verify(&request, clock.now()).await.expect_err("a proof is good for one use");
/// assert_eq!(refusal.status(), 401);
/// # Ok::<(), resource_server::Refusal>(())
/// # }).map_err(|_| "refused")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    config: VerifierConfig,
    /// The proof algorithms as challenges list them.
    algorithms: Arc<str>,
}

/// The parts of a request that are looked at.
///
/// ```
/// use http::HeaderMap;
/// use resource_server::ProtectedRequest;
///
/// let headers = HeaderMap::new();
/// // Not what the server sees behind a proxy: what the client called.
/// let target_uri = "https://api.example.com/v1/orders?first=0";
/// let request = ProtectedRequest { method: "GET", target_uri, headers: &headers };
/// # let _ = request;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ProtectedRequest<'a> {
    /// The method, as received.
    pub method: &'a str,
    /// The absolute target URI as the client used it (RFC 9449 §4.3 (9)): public scheme, host and port, path as sent;
    /// the query is only looked at for tokens.
    pub target_uri: &'a str,
    /// All header fields.
    pub headers: &'a HeaderMap,
}

/// A token that was found in a request.
///
/// ```
/// use http::HeaderMap;
/// use jose::UnixTime;
/// use oauth::{AccessToken, Credentials, Scheme};
/// use resource_server::{ClaimedProofs, PresentedToken, ProtectedRequest, Refusal, Verified, Verifier};
///
/// /// A token from a cookie, which is a bearer token.
/// async fn verify(verifier: &Verifier, cookie: AccessToken, now: UnixTime) -> Result<Verified, Refusal> {
///     let credentials = Credentials { scheme: Scheme::Bearer, token: cookie };
///     let presented =
///         PresentedToken { credentials: (&credentials).into(), claimed: &ClaimedProofs::default() };
///     let target_uri = "https://api.example.com/orders";
///     let request = ProtectedRequest { method: "GET", target_uri, headers: &HeaderMap::new() };
///     verifier.verify_presented(&request, &presented, now).await
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PresentedToken<'a> {
    /// The token and its scheme; a token from anywhere but `Authorization` is a bearer token.
    pub credentials: CredentialsRef<'a>,
    /// What the request has claimed: the same for all verifiers that look at it.
    pub claimed: &'a ClaimedProofs,
}

/// A request that may use its token.
///
/// ```
/// use resource_server::Verified;
///
/// fn greeting(verified: &Verified) -> String {
///     let subject = verified.claims.get("sub").and_then(|sub| sub.as_str()).unwrap_or("somebody");
///     match &verified.thumbprint {
///         Some(key) => format!("hello {subject} with the key {key}"),
///         None => format!("hello {subject}"),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Verified {
    /// Claims of the access token.
    pub claims: Claims,
    /// How the token was sent.
    pub scheme: Scheme,
    /// The key whose possession was proven.
    pub thumbprint: Option<JwkThumbprint>,
    /// The proof of the request, for the log. It may have failed in [`Mode::Observe`]; `thumbprint` says what was proven.
    pub proof: Option<ProofTrace>,
    /// A nonce to send with the answer, together with `Cache-Control: no-store` (RFC 9449 §8.2).
    pub fresh_nonce: Option<String>,
    /// What would have been refused, in [`Mode::Observe`].
    pub observed: Option<Reason>,
}

impl Verifier {
    /// A verifier.
    #[must_use]
    pub fn new(config: VerifierConfig) -> Self {
        let algorithms = config.proof.policy.algorithms.to_string().into();
        Self { config, algorithms }
    }

    /// What proofs must be like.
    #[must_use]
    pub fn proof_policy(&self) -> &ProofPolicy {
        &self.config.proof
    }

    /// The challenge of a resource that nobody has shown credentials for.
    #[must_use]
    pub fn no_credentials(&self) -> Refusal {
        self.refuse(Reason::NoCredentials, None)
    }

    /// The refusal of credentials that can not be read.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use oauth::Credentials;
    /// use resource_server::{Refusal, Verifier};
    ///
    /// fn credentials(verifier: &Verifier, headers: &HeaderMap) -> Result<Credentials, Refusal> {
    ///     let found = Credentials::from_headers(headers).map_err(|error| verifier.malformed_credentials(error))?;
    ///     found.ok_or_else(|| verifier.no_credentials())
    /// }
    /// ```
    #[must_use]
    pub fn malformed_credentials(&self, error: CredentialsError) -> Refusal {
        self.refuse(Reason::MalformedCredentials(error), None)
    }

    /// The refusal of a request that sends a token in more than one way (RFC 6750 §2).
    #[must_use]
    pub fn several_transports(&self) -> Refusal {
        self.refuse(Reason::SeveralTransports, None)
    }

    /// The refusal of a token that is good but for whom it names: the caller has found no subject in its claims. The `jti` of
    /// its proof is spent.
    ///
    /// ```
    /// use resource_server::{Refusal, Verified, Verifier};
    ///
    /// fn subject(verifier: &Verifier, verified: &Verified) -> Result<String, Refusal> {
    ///     let subject = verified.claims.get("sub").and_then(|sub| sub.as_str());
    ///     subject.map(str::to_owned).ok_or_else(|| verifier.subject_missing(verified))
    /// }
    /// ```
    #[must_use]
    pub fn subject_missing(&self, verified: &Verified) -> Refusal {
        self.refuse_as(Reason::Token(TokenError::SubjectMissing), Some(verified.scheme), None)
            .with_accepted_proof(verified.thumbprint.is_some())
            .with_proof(verified.proof.clone())
    }

    /// How long a proof may be good from now on, at the most: what a replay store must remember it for.
    #[must_use]
    pub fn proof_lifetime(&self) -> Duration {
        let ProofPolicy { mode, policy, nonces, .. } = &self.config.proof;
        if *mode == Mode::Off {
            return Duration::ZERO;
        }
        let nonce_lifetime = nonces.as_ref().map_or(Duration::ZERO, |nonces| nonces.lifetime);
        let skew = policy.clock_skew.max(MAX_NONCE_SKEW);
        policy.max_age.max(nonce_lifetime).saturating_add(skew.saturating_mul(2)).saturating_add(ROUNDING)
    }

    /// Checks token and proof of a request. `now` is the server's wall clock.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] for the first check that fails, in the fixed order.
    pub async fn verify(&self, request: &ProtectedRequest<'_>, now: UnixTime) -> Result<Verified, Refusal> {
        // Step 2: credentials.
        let credentials = self.credentials(request)?;
        let presented = PresentedToken { credentials, claimed: &ClaimedProofs::default() };
        self.verify_presented(request, &presented, now).await
    }

    /// As [`verify`](Self::verify), for a caller who has looked for the token himself: in other places than
    /// `Authorization`, or for several verifiers. That there is one token only is his to check.
    ///
    /// ```
    /// use jose::UnixTime;
    /// use oauth::CredentialsRef;
    /// use resource_server::{ClaimedProofs, PresentedToken, ProtectedRequest, Refusal, Verified, Verifier};
    ///
    /// /// Asks one verifier after the other about one request: its proof is claimed once.
    /// async fn first_to_accept(
    ///     verifiers: &[Verifier; 2],
    ///     request: &ProtectedRequest<'_>,
    ///     credentials: CredentialsRef<'_>,
    ///     now: UnixTime,
    /// ) -> Result<Verified, Refusal> {
    ///     let [first, second] = verifiers;
    ///     let claimed = ClaimedProofs::new(first.proof_lifetime().max(second.proof_lifetime()));
    ///     let presented = PresentedToken { credentials, claimed: &claimed };
    ///     match first.verify_presented(request, &presented, now).await {
    ///         Err(refusal) if refusal.lets_chain_continue() => second.verify_presented(request, &presented, now).await,
    ///         outcome => outcome,
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// A [`Refusal`] for the first check that fails, in the fixed order from step 3 on.
    pub async fn verify_presented(
        &self,
        request: &ProtectedRequest<'_>,
        presented: &PresentedToken<'_>,
        now: UnixTime,
    ) -> Result<Verified, Refusal> {
        let PresentedToken { credentials, claimed } = *presented;
        let presented = Presented {
            // The one hash serves as `ath`, as what nonces are bound to, and as what verdicts are remembered under.
            hash: AccessTokenHash::of(credentials.token),
            credentials,
            claimed,
        };
        // Step 3: form of the proof.
        let proof = match (credentials.scheme, self.config.proof.mode) {
            (Scheme::Bearer, _) | (_, Mode::Off) => None,
            (Scheme::Dpop, _) => {
                Some(UnverifiedProof::from_headers(request.headers, &self.config.proof.policy))
            }
        };
        let trace = proof.as_ref().and_then(|proof| proof.as_ref().ok()).map(ProofTrace::of);
        let refuse = |reason, trace| self.refuse(reason, Some((&presented, now))).with_proof(trace);
        let proof = match (proof, self.config.proof.mode) {
            (Some(Err(error)), Mode::Permit | Mode::Require) => {
                return Err(refuse(Reason::Proof(error), trace));
            }
            (proof, _) => proof,
        };
        // Step 4: access token.
        let token = match self.config.tokens.verify(credentials.token, &presented.hash, now).await {
            Ok(token) => token,
            Err(error) if error.is_fault() => {
                return Err(refuse(Reason::IssuerUnavailable(error), trace));
            }
            Err(error) => return Err(refuse(Reason::Token(error), trace)),
        };
        // Steps 5 to 11: proof of the key the token is bound to.
        let proven = match self.prove(&presented, &token, proof, request, now).await {
            Ok(proven) => proven,
            Err(reason) if self.is_only_observed(&reason) => {
                Proven { observed: Some(reason), ..Proven::default() }
            }
            Err(reason) => return Err(refuse(reason, trace)),
        };
        // Step 12: scopes.
        if !self.config.scopes.are_granted(&token.claims) {
            // The proof was good: a nonce that is due goes out all the same.
            return Err(refuse(Reason::InsufficientScope, trace)
                .with_accepted_proof(proven.thumbprint.is_some())
                .with_nonce(proven.fresh_nonce));
        }
        Ok(Verified {
            claims: token.claims,
            scheme: credentials.scheme,
            thumbprint: proven.thumbprint,
            proof: trace,
            fresh_nonce: proven.fresh_nonce,
            observed: proven.observed,
        })
    }

    fn credentials<'a>(&self, request: &ProtectedRequest<'a>) -> Result<CredentialsRef<'a>, Refusal> {
        let other_transport =
            request.headers.contains_key(AUTHORIZATION) || request.headers.contains_key(DPOP);
        if has_token_in_query(request.target_uri) && other_transport {
            return Err(self.refuse(Reason::SeveralTransports, None));
        }
        match CredentialsRef::from_headers(request.headers) {
            Ok(Some(credentials)) => Ok(credentials),
            Ok(None) => Err(self.refuse(Reason::NoCredentials, None)),
            Err(error) => Err(self.refuse(Reason::MalformedCredentials(error), None)),
        }
    }

    /// The scheme must fit the binding, and a bound token must be proven.
    async fn prove(
        &self,
        presented: &Presented<'_>,
        token: &VerifiedToken,
        proof: Option<Result<UnverifiedProof<'_>, ProofError>>,
        request: &ProtectedRequest<'_>,
        now: UnixTime,
    ) -> Result<Proven, Reason> {
        let bound_to = match (&token.confirmation, presented.credentials.scheme) {
            (Some(_), Scheme::Bearer) => return Err(Reason::BoundTokenAsBearer),
            (None, Scheme::Dpop) => return Err(Reason::UnboundTokenAsDpop),
            (None, Scheme::Bearer) => {
                return match self.config.proof.mode {
                    Mode::Off | Mode::Permit => Ok(Proven::default()),
                    Mode::Observe | Mode::Require => Err(Reason::BearerNotAllowed),
                };
            }
            // A certificate beside the key, or in its place, must verify as well, and nobody presents one here.
            (Some(Confirmation { x5t_s256: Some(_), .. } | Confirmation { jkt: None, .. }), Scheme::Dpop) => {
                return Err(Reason::CertificateNotPresented);
            }
            (Some(Confirmation { jkt: Some(jkt), .. }), Scheme::Dpop) => jkt,
        };
        let Some(proof) = proof else { return Ok(Proven::default()) };
        let proof = proof.map_err(Reason::Proof)?.with_proven_key(&token.proven_key);
        self.verify_proof(proof, bound_to, presented, request, now).await
    }

    async fn verify_proof(
        &self,
        proof: UnverifiedProof<'_>,
        bound_to: &JwkThumbprint,
        presented: &Presented<'_>,
        request: &ProtectedRequest<'_>,
        now: UnixTime,
    ) -> Result<Proven, Reason> {
        let (proof_policy, access_token_hash) = (&self.config.proof, &presented.hash);
        // A target that is no RFC 3986 URI equals no claim (§4.3 (9)).
        let htu = Htu::parse(request.target_uri).map_err(|_| Reason::Proof(ProofError::Target))?;
        let nonce = match &proof_policy.nonces {
            Some(NoncePolicy { ring, lifetime }) => {
                NonceCheck::Required { ring, binding: access_token_hash.as_bytes(), lifetime: *lifetime }
            }
            None => NonceCheck::NotRequired,
        };
        let resource_request =
            ResourceRequest { method: request.method, htu: &htu, access_token_hash, bound_to, nonce };
        let checked = verify_resource_request(proof, &resource_request, &proof_policy.policy, now)
            .map_err(Reason::Proof)?;
        let verified = match &proof_policy.replay {
            ReplayProtection::Store(store) => checked
                .claim(&presented.claimed.within(&**store), now)
                .await
                .map_err(|error| match error {
                ClaimError::Replayed => Reason::Proof(ProofError::Replayed),
                ClaimError::Unavailable => Reason::ReplayStoreUnavailable,
            })?,
            ReplayProtection::Allowed => checked.accept_replays(),
        };
        let fresh_nonce = match &proof_policy.nonces {
            Some(nonces) if verified.nonce_refresh_due() => {
                Some(nonces.ring.seal(access_token_hash.as_bytes(), now))
            }
            Some(_) | None => None,
        };
        Ok(Proven { thumbprint: Some(*verified.thumbprint()), fresh_nonce, observed: None })
    }

    /// In observe mode proofs only get reported; a downgrade, a contradiction and a fault stay refusals.
    fn is_only_observed(&self, reason: &Reason) -> bool {
        self.config.proof.mode == Mode::Observe
            && matches!(reason, Reason::Proof(_) | Reason::BearerNotAllowed)
    }

    fn refuse(&self, reason: Reason, presented: Option<(&Presented<'_>, UnixTime)>) -> Refusal {
        let needs_nonce =
            matches!(&reason, Reason::Proof(error) if error.error_code() == ErrorCode::UseDpopNonce);
        let nonce = match (&self.config.proof.nonces, presented) {
            (Some(nonces), Some((presented, now))) if needs_nonce => {
                Some(nonces.ring.seal(presented.hash.as_bytes(), now))
            }
            _ => None,
        };
        self.refuse_as(reason, presented.map(|(presented, _)| presented.credentials.scheme), nonce)
    }

    fn refuse_as(&self, reason: Reason, scheme: Option<Scheme>, nonce: Option<String>) -> Refusal {
        let context = Context {
            algorithms: &self.algorithms,
            accepts_bearer: self.config.proof.mode != Mode::Require,
            scheme,
            scopes: &self.config.scopes.values,
            signaling: &self.config.error_signaling,
            nonce,
        };
        Refusal::new(reason, context)
    }
}

/// A token as the request shows it.
struct Presented<'a> {
    credentials: CredentialsRef<'a>,
    /// SHA-256 of the token.
    hash: AccessTokenHash,
    claimed: &'a ClaimedProofs,
}

/// What the proof has shown.
#[derive(Default)]
struct Proven {
    thumbprint: Option<JwkThumbprint>,
    fresh_nonce: Option<String>,
    observed: Option<Reason>,
}

/// RFC 6750 §2.3: a token in the query.
fn has_token_in_query(target_uri: &str) -> bool {
    let Some((_, query)) = target_uri.split_once('?') else { return false };
    query.split('&').any(|parameter| parameter.split('=').next() == Some("access_token"))
}
