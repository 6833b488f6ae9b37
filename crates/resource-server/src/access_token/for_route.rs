//! The same tokens for a route that asks for others than its neighbours, or for more.
//!
//! Audiences are the route's own choice. Algorithms and leeway are the issuer's, and a route can only narrow them. All of
//! them are looked at with every request, after what is remembered about a token: a verdict that a lenient route has
//! found out opens no strict one.

use std::time::Duration;

use jose::{Algorithm, AlgorithmSet};

use super::{AccessTokens, IntrospectedTokens, IntrospectionPolicy, JwtTokens, TrustedIssuer};
use crate::policy::TokenPolicy;

impl AccessTokens {
    /// The same tokens with the same memory, for other audiences: `aud` must hold one of them; with none every audience is
    /// accepted (RFC 9068 §4).
    ///
    /// ```
    /// use resource_server::AccessTokens;
    ///
    /// fn of_reports(tokens: &AccessTokens) -> AccessTokens {
    ///     tokens.for_audience(&["https://reports.example.com".to_owned()])
    /// }
    /// ```
    #[must_use]
    pub fn for_audience(&self, audience: &[String]) -> Self {
        self.changed(
            |policy| TokenPolicy { audience: audience.to_vec(), ..policy.clone() },
            |policy| IntrospectionPolicy { audience: audience.to_vec(), ..policy.clone() },
        )
    }

    /// The same tokens with the same memory, and of the signature algorithms that an issuer's policy accepts only those
    /// that are among `algorithms` too: a route accepts less than an issuer's policy, never more. An issuer of whom no
    /// algorithm is left has no good tokens here.
    ///
    /// Nothing changes where the issuer is asked: nobody here looks at a signature then, see
    /// [`algorithms`](Self::algorithms).
    ///
    /// ```
    /// use jose::{Algorithm, AlgorithmSet};
    /// use resource_server::AccessTokens;
    ///
    /// fn of_curves(tokens: &AccessTokens) -> AccessTokens {
    ///     tokens.among_algorithms(&AlgorithmSet::new([Algorithm::Es256, Algorithm::Ed25519]))
    /// }
    /// ```
    #[must_use]
    pub fn among_algorithms(&self, algorithms: &AlgorithmSet) -> Self {
        let common = |own: &AlgorithmSet| own.iter().filter(|own| algorithms.contains(*own)).collect();
        self.changed(
            |policy| TokenPolicy { algorithms: common(&policy.algorithms), ..policy.clone() },
            Clone::clone,
        )
    }

    /// The same tokens with the same memory, and a tolerance for `exp`, `nbf` and `iat` that is the issuer's or `leeway`,
    /// whichever is less.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resource_server::AccessTokens;
    ///
    /// fn to_the_second(tokens: &AccessTokens) -> AccessTokens {
    ///     tokens.with_leeway_at_most(Duration::ZERO)
    /// }
    /// ```
    #[must_use]
    pub fn with_leeway_at_most(&self, leeway: Duration) -> Self {
        self.changed(
            |policy| TokenPolicy { leeway: policy.leeway.min(leeway), ..policy.clone() },
            |policy| IntrospectionPolicy { leeway: policy.leeway.min(leeway), ..policy.clone() },
        )
    }

    /// The signature algorithms of which at least one issuer's tokens may be; `None` where the issuer is asked and nobody
    /// here looks at signatures.
    #[must_use]
    pub fn algorithms(&self) -> Option<AlgorithmSet> {
        let Self::Jwt(tokens) = self else { return None };
        let all = Algorithm::ALL.into_iter();
        let is_accepted = |algorithm: &Algorithm| {
            tokens.issuers().iter().any(|issuer| issuer.policy.algorithms.contains(*algorithm))
        };
        Some(all.filter(is_accepted).collect())
    }

    fn changed(
        &self,
        of_jwts: impl Fn(&TokenPolicy) -> TokenPolicy,
        of_introspected: impl Fn(&IntrospectionPolicy) -> IntrospectionPolicy,
    ) -> Self {
        let issuer =
            |issuer: &TrustedIssuer| TrustedIssuer { policy: of_jwts(&issuer.policy), ..issuer.clone() };
        let jwts = |tokens: &JwtTokens| tokens.with_issuers(tokens.issuers().iter().map(issuer));
        let introspected = |tokens: &IntrospectedTokens| tokens.with_policy(of_introspected(tokens.policy()));
        match self {
            Self::Jwt(tokens) => Self::Jwt(jwts(tokens)),
            Self::Introspected(tokens) => Self::Introspected(introspected(tokens)),
            Self::IntrospectedByIssuer(issuers) => Self::IntrospectedByIssuer(
                issuers.iter().map(|(name, tokens)| (name.clone(), introspected(tokens))).collect(),
            ),
        }
    }
}
