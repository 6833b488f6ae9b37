//! May this request use this token? The one verifier that every face of Keybound calls: the gateway's authenticators,
//! the middleware for people who own the API, the development authorization server's own protected resources.
//!
//! [`Verifier::verify`] takes the method, the target URI and the headers of a request and walks the fixed order of
//! checks: credentials → form of the proof → access token → binding → `ath`, `htm`, `htu`, nonce, `iat` → signature →
//! one atomic claim of the `jti` → scopes. The answer is [`Verified`] or a [`Refusal`], which knows its status, its
//! `WWW-Authenticate` challenges and the fresh nonce.
//!
//! The verdict on the token itself comes from its issuer's keys ([`JwtTokens`]) or from its introspection endpoint
//! ([`IntrospectedTokens`]), and what was found out about a token is remembered; the proof is checked every time.
//!
//! What does not live here: sockets, clocks and a runtime. Keys come through [`KeySource`], outgoing calls through
//! [`OutboundHttp`], the time is an argument.

pub mod access_token;
mod certified_keys;
mod claimed_proofs;
pub mod discovery;
pub mod jwks;
pub mod outbound;
mod policy;
mod proof_trace;
mod refresh;
mod refusal;
mod roles;
mod scopes;
mod single_flight;
mod verdict;
mod verifier;

pub use access_token::{
    AccessTokens, Claims, IntrospectedTokens, IntrospectionError, IntrospectionPolicy, IssuerNames,
    JwtTokens, TokenError, TrustedIssuer, VerdictLifetime, VerifiedToken,
};
pub use certified_keys::{CertificateCheck, CertificateError, CertifiedKeys};
pub use claimed_proofs::ClaimedProofs;
pub use discovery::{
    Discovery, DiscoveryError, DiscoverySettings, EndpointLocation, ExpectedIssuer, METADATA_LIFETIME,
};
pub use jwks::{JwksCache, KEYS_LIFETIME, KeySource, KeySourceError, KeysFuture, StaticKeys};
pub use outbound::{
    AuthenticatedHttp, ClientCertificate, ClientError, ClientSettings, OneClient, OutboundClients,
    OutboundError, OutboundFuture, OutboundHttp, Purpose, RetrySettings,
};
pub use policy::{ErrorSignaling, Mode, NoncePolicy, ProofPolicy, ReplayProtection, TokenPolicy};
pub use proof_trace::{JtiHash, ProofTrace};
pub use refusal::{Reason, Refusal};
pub use roles::RequiredRoles;
pub use scopes::{RequiredScopes, ScopeMatching};
pub use single_flight::SingleFlight;
pub use verifier::{PresentedToken, ProtectedRequest, Verified, Verifier, VerifierConfig};
