//! JWT access tokens (RFC 9068, RFC 8725): issuer, algorithm, key, signature, then `aud`, `nbf`, `exp`, `iat`, `cnf`.
//!
//! The issuer comes first, although nothing vouches for `iss` yet: it only chooses whose keys and policy the whole token
//! has to satisfy, and a token of a stranger costs no call. The keys of one issuer never verify another's token.

use std::sync::Arc;

use dpop::{AccessTokenHash, ProvenKey};
use jose::jwt::UnverifiedJwt;
use jose::{Algorithm, JwkSet, UnixTime};
use oauth::{AccessTokenRef, Confirmation};
use serde_json::Value;

use super::claims::{Claims, Measured, check_type};
use super::{TokenError, VerifiedToken};
use crate::discovery::Discovery;
use crate::jwks::KeySource;
use crate::policy::TokenPolicy;
use crate::verdict::{DEFAULT_CAPACITY, Verdicts};

/// How many keys are tried for a token without a `kid`, or with one that the issuer uses for several keys.
const MAX_CANDIDATES: usize = 8;

/// Accepts JWTs of the issuers it knows. Clones share what they remember about tokens.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use jose::{Algorithm, AlgorithmSet};
/// use resource_server::{JwtTokens, StaticKeys, TokenPolicy, TrustedIssuer};
///
/// # let keys = |name: &str| Arc::new(StaticKeys::new(testkit::FakeIssuer::new(name).jwk_set()));
/// let policy = |audience: &str| TokenPolicy {
///     audience: vec![audience.to_owned()],
///     algorithms: AlgorithmSet::new([Algorithm::Es256]),
///     leeway: Duration::from_secs(10),
/// };
/// // Two issuers, a policy for each; the keys of one never verify tokens of the other.
/// let tokens = JwtTokens::new([
///     TrustedIssuer::new("https://staff.example", keys("https://staff.example"), policy("intern")),
///     TrustedIssuer::new("https://shop.example", keys("https://shop.example"), policy("shop")),
/// ]);
/// assert_eq!(tokens.issuers().len(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct JwtTokens {
    issuers: Arc<[TrustedIssuer]>,
    verdicts: Arc<Verdicts<Arc<Verdict>>>,
}

/// An issuer whose tokens are accepted.
///
/// ```
/// use std::sync::Arc;
/// use resource_server::{KeySource, TokenPolicy, TrustedIssuer};
///
/// fn issuer(keys: Arc<dyn KeySource>, policy: TokenPolicy) -> TrustedIssuer {
///     TrustedIssuer::new("https://issuer.example", keys, policy)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// What `iss` must be.
    pub names: IssuerNames,
    /// The keys that sign its tokens.
    pub keys: Arc<dyn KeySource>,
    /// What its tokens must be like.
    pub policy: TokenPolicy,
}

/// The values of `iss` that name an issuer; compared byte for byte.
///
/// ```
/// use resource_server::IssuerNames;
///
/// // An issuer that is about to change its name.
/// let names = IssuerNames::Listed(vec!["https://old.example".to_owned(), "https://new.example".to_owned()]);
/// # let _ = names;
/// ```
#[derive(Debug, Clone)]
pub enum IssuerNames {
    /// One of these.
    Listed(Vec<String>),
    /// The one in the issuer's metadata.
    Discovered(Arc<Discovery>),
}

/// What was found out about a token: its signature holds.
#[derive(Debug)]
struct Verdict {
    token: VerifiedToken,
    /// `iss`.
    issuer: String,
    measured: Measured,
    algorithm: Algorithm,
    kid: Option<String>,
    /// The key set that verified it; with another one, of another issuer or after a rotation, the verdict is void.
    keys: Arc<JwkSet>,
}

impl JwtTokens {
    /// Accepts the tokens of `issuers`, and remembers what it found out about 10,000 of them.
    #[must_use]
    pub fn new(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        Self { issuers: issuers.into_iter().collect(), verdicts: Arc::new(Verdicts::new(DEFAULT_CAPACITY)) }
    }

    /// The same with room for another number of tokens; 0 remembers nothing.
    ///
    /// A token takes one or two KB, and 4 KB more once the P-256 key that it is bound to returns ([`PublicJwk::verify`](jose::PublicJwk::verify)).
    ///
    /// ```
    /// use resource_server::{JwtTokens, TrustedIssuer};
    ///
    /// fn of_many_users(issuer: TrustedIssuer) -> JwtTokens {
    ///     JwtTokens::new([issuer]).remember(1_000_000)
    /// }
    /// ```
    #[must_use]
    pub fn remember(self, tokens: usize) -> Self {
        Self { verdicts: Arc::new(Verdicts::new(tokens)), ..self }
    }

    /// The same issuers with the same memory, under other names and policies: for a route that asks for more.
    ///
    /// What is remembered are facts, so it is no less true under another policy.
    ///
    /// ```
    /// use resource_server::{IssuerNames, JwtTokens, TrustedIssuer};
    ///
    /// /// For a route that only staff may use.
    /// fn of_staff(tokens: &JwtTokens) -> JwtTokens {
    ///     let is_staff = |issuer: &&TrustedIssuer| match &issuer.names {
    ///         IssuerNames::Listed(names) => names.iter().any(|name| name == "https://staff.example"),
    ///         IssuerNames::Discovered(_) => false,
    ///     };
    ///     tokens.with_issuers(tokens.issuers().iter().filter(is_staff).cloned())
    /// }
    /// ```
    #[must_use]
    pub fn with_issuers(&self, issuers: impl IntoIterator<Item = TrustedIssuer>) -> Self {
        Self { issuers: issuers.into_iter().collect(), verdicts: Arc::clone(&self.verdicts) }
    }

    /// The issuers.
    #[must_use]
    pub fn issuers(&self) -> &[TrustedIssuer] {
        &self.issuers
    }

    pub(super) async fn verify(
        &self,
        token: AccessTokenRef<'_>,
        hash: &AccessTokenHash,
        now: UnixTime,
    ) -> Result<VerifiedToken, TokenError> {
        if let Some(verdict) = self.verdicts.get(hash) {
            match self.still_holds(&verdict, now).await {
                Ok(true) => return Ok(verdict.token.clone()),
                Ok(false) => self.verdicts.remove(hash),
                Err(error) => {
                    if matches!(error, TokenError::Expired) {
                        self.verdicts.remove(hash);
                    }
                    return Err(error);
                }
            }
        }
        // Boxed, so that the many tokens that are known pay for no room it needs.
        let verdict = Box::pin(self.check(token, now)).await?;
        self.verdicts.insert(hash, Arc::clone(&verdict));
        Ok(verdict.token.clone())
    }

    /// Whether a verdict counts today and under this policy: everything but the signature is looked at again, and the
    /// signature holds while the issuer's keys are the same.
    async fn still_holds(&self, verdict: &Verdict, now: UnixTime) -> Result<bool, TokenError> {
        let issuer = self.issuer_of(&verdict.issuer, now).await?;
        let keys = issuer.keys_for(verdict.algorithm, verdict.kid.as_deref(), now).await?;
        if !Arc::ptr_eq(&keys, &verdict.keys) {
            return Ok(false);
        }
        issuer.check_claims(&verdict.measured, now)?;
        Ok(true)
    }

    async fn check(&self, token: AccessTokenRef<'_>, now: UnixTime) -> Result<Arc<Verdict>, TokenError> {
        let jwt = UnverifiedJwt::parse(token.as_str()).map_err(TokenError::Malformed)?;
        check_header_type(&jwt)?;
        check_type(&jwt.claims)?;
        let issuer_name = jwt.claims.get("iss").and_then(Value::as_str).ok_or(TokenError::Issuer)?.to_owned();
        let issuer = self.issuer_of(&issuer_name, now).await?;
        let algorithm = jwt.header.alg;
        let kid = jwt.header.kid.clone();
        let keys = issuer.keys_for(algorithm, kid.as_deref(), now).await?;
        check_signature(&jwt, &keys, algorithm).map_err(|error| {
            match issuer.keys.refusal(kid.as_deref()) {
                Some(refusal) => TokenError::Certificate(refusal),
                None => error,
            }
        })?;
        let measured = Measured::read(&jwt.claims)?;
        issuer.check_claims(&measured, now)?;
        let confirmation = Confirmation::from_claims(&jwt.claims).map_err(TokenError::Confirmation)?;
        let token =
            VerifiedToken { claims: Claims::new(jwt.claims), confirmation, proven_key: ProvenKey::default() };
        Ok(Arc::new(Verdict { token, issuer: issuer_name, measured, algorithm, kid, keys }))
    }

    /// The issuer that the token names. Metadata that can not be had are a fault only if nobody else is meant.
    async fn issuer_of(&self, name: &str, now: UnixTime) -> Result<&TrustedIssuer, TokenError> {
        let mut outcome = TokenError::Issuer;
        for issuer in self.issuers.iter() {
            match &issuer.names {
                IssuerNames::Listed(names) if names.iter().any(|own| own == name) => return Ok(issuer),
                IssuerNames::Listed(_) => {}
                IssuerNames::Discovered(discovery) => match discovery.metadata(now).await {
                    Ok(metadata) if metadata.issuer == name => return Ok(issuer),
                    Ok(_) => {}
                    Err(error) => outcome = TokenError::Discovery(error),
                },
            }
        }
        Err(outcome)
    }
}

impl TrustedIssuer {
    /// An issuer with one name.
    #[must_use]
    pub fn new(name: impl Into<String>, keys: Arc<dyn KeySource>, policy: TokenPolicy) -> Self {
        Self { names: IssuerNames::Listed(vec![name.into()]), keys, policy }
    }

    /// The current keys, for a token whose algorithm is allowed.
    async fn keys_for(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        now: UnixTime,
    ) -> Result<Arc<JwkSet>, TokenError> {
        if !self.policy.algorithms.contains(algorithm) {
            return Err(TokenError::Algorithm);
        }
        self.keys.keys(kid, now).await.map_err(TokenError::Keys)
    }

    fn check_claims(&self, measured: &Measured, now: UnixTime) -> Result<(), TokenError> {
        measured.check_audience(&self.policy.audience)?;
        if measured.expires_at.is_none() {
            return Err(TokenError::BadClaim("exp"));
        }
        measured.check_times(self.policy.leeway, now)
    }
}

/// Header `typ` absent, `JWT` (Keycloak) or `at+jwt` (RFC 9068 §2.1).
fn check_header_type(jwt: &UnverifiedJwt) -> Result<(), TokenError> {
    let Some(typ) = &jwt.header.typ else { return Ok(()) };
    let typ = typ.to_ascii_lowercase();
    match typ.strip_prefix("application/").unwrap_or(&typ) {
        "jwt" | "at+jwt" => Ok(()),
        _ => Err(TokenError::Type),
    }
}

fn check_signature(jwt: &UnverifiedJwt, keys: &JwkSet, algorithm: Algorithm) -> Result<(), TokenError> {
    let mut outcome = Err(TokenError::UnknownKey);
    for candidate in keys.candidates(jwt.header.kid.as_deref(), algorithm).take(MAX_CANDIDATES) {
        if jwt.verify(&candidate.key).is_ok() {
            return Ok(());
        }
        outcome = Err(TokenError::Signature);
    }
    outcome
}
