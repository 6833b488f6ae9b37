//! OAuth vocabulary as data: confirmation, challenges, error codes, metadata, PKCE.
//!
//! No I/O and no clock. What several roles read or write stands here once: a resource server reads [`Credentials`] and a [`Confirmation`] and
//! writes a [`Challenge`]; a client reads challenges and a [`TokenResponse`]; an authorization server writes those and an [`ErrorResponse`].
//!
//! | module or type | specification |
//! |---|---|
//! | [`AccessToken`], [`Credentials`], [`Scheme`] | RFC 6750, section 2.1; RFC 9449, section 7.1; RFC 9110, section 11.4 |
//! | [`challenge`] | RFC 9110, section 11.6.1; RFC 6750, section 3; RFC 9449, section 7.1; RFC 9728, section 5.1 |
//! | [`Confirmation`] | RFC 7800, section 3.1; RFC 9449, section 6; RFC 8705, section 3.1 |
//! | [`ErrorCode`], [`ErrorResponse`], [`TokenResponse`] | RFC 6749, sections 4.1.2.1, 5.1 and 5.2; RFC 6750, section 3.1; RFC 9449 |
//! | [`ClientCredentials`], [`ClientSecret`], [`ClientKey`], [`ClientAssertion`] | RFC 6749, section 2.3.1; RFC 7523, section 2.2 |
//! | [`Scope`], [`Audience`] | RFC 6749, section 3.3; RFC 8693, section 4.2; RFC 7519, section 4.1.3 |
//! | [`pkce`] | RFC 7636 |
//! | [`metadata`] | RFC 8414; OpenID Connect Discovery 1.0 |
//! | [`introspection`] | RFC 7662 |

pub mod challenge;
pub mod introspection;
pub mod metadata;
pub mod pkce;

mod access_token;
mod audience;
mod client_assertion;
mod client_credentials;
mod client_secret;
mod confirmation;
mod credentials;
mod error_code;
mod scope;
mod token_response;

pub use access_token::{AccessToken, AccessTokenError, AccessTokenRef};
pub use audience::{Audience, AudienceError};
pub use challenge::{Challenge, ParsedChallenge};
pub use client_assertion::{ClientAssertion, ClientKey};
pub use client_credentials::ClientCredentials;
pub use client_secret::ClientSecret;
pub use confirmation::{Confirmation, ConfirmationError};
pub use credentials::{Credentials, CredentialsError, CredentialsRef, Scheme, UnknownScheme};
pub use error_code::{ErrorCode, ErrorResponse, UnknownErrorCode};
pub use scope::{Scope, ScopeError};
pub use token_response::TokenResponse;
