//! A DPoP client ([RFC 9449]): keys, proofs, nonces and the grants that get bound tokens.
//!
//! [`Session`] is the protocol without I/O: it makes proofs and reads responses. [`DpopClient`] drives it over an
//! [`HttpClient`], of which `HyperClient` (feature `hyper`, on by default) is one. [`grant`] has requests and answers
//! as values, [`discovery`] finds endpoints, [`TokenKeeper`] renews tokens in time. Keys are behind [`Signer`]: in memory,
//! in [files](key_store), in a hardware token (feature `pkcs11`).
//!
//! For clients that exist already there are a tower layer (`DpopLayer`, feature `tower`) and a middleware for reqwest
//! (`reqwest_client`, feature `reqwest`), both over [`ResourceAccess`].
//!
//! What a server may ask of this client is limited: one retry for a nonce, no redirect, no Bearer in place of DPoP.
//!
//! ```
//! use std::sync::Arc;
//! use dpop_client::{Attempt, Next, Session};
//! use http::{HeaderMap, Method, StatusCode, Uri};
//! use jose::{Algorithm, KeyPair, UnixTime};
//! use oauth::AccessToken;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = UnixTime::from_seconds(1_784_444_400);
//! let session = Session::new(Arc::new(KeyPair::generate(Algorithm::Es256)?));
//! let token = AccessToken::parse("the.access.token")?;
//! let uri: Uri = "https://api.example.com/things".parse()?;
//! let proof = session.resource_request_proof(&Method::GET, &uri, &token, now).await?;
//! // … send `Authorization: DPoP the.access.token` and `DPoP: <proof>`; the server wants a nonce:
//! let mut headers = HeaderMap::new();
//! headers.insert("www-authenticate", r#"DPoP error="use_dpop_nonce""#.parse()?);
//! headers.insert("dpop-nonce", "eyJ7S_zG.eyJH0-Z.HX4w-7v".parse()?);
//! let next = session.resource_response(&uri, Attempt::FIRST, StatusCode::UNAUTHORIZED, &headers, now);
//! assert!(matches!(next, Next::Retry(_)));
//! # Ok(())
//! # }
//! ```
//!
//! [RFC 9449]: https://www.rfc-editor.org/rfc/rfc9449

mod algorithm_choice;
mod client;
mod client_authentication;
pub mod discovery;
pub mod form;
pub mod grant;
mod http_client;
#[cfg(feature = "hyper")]
mod hyper_client;
pub mod key_store;
mod nonce_cache;
mod origin;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(feature = "reqwest")]
mod reqwest_client;
mod resource_access;
mod session;
mod signer;
mod token_keeper;
mod token_set;
#[cfg(feature = "tower")]
mod tower_layer;

pub use algorithm_choice::choose_algorithm;
pub use client::{ClientError, Clock, DpopClient};
pub use client_authentication::{ClientAuthentication, ClientAuthenticationError};
pub use http_client::{HttpClient, HttpError};
#[cfg(feature = "hyper")]
pub use hyper_client::{HyperClient, PlainHttp, ResponseStream, TlsSetupError};
pub use nonce_cache::{MAX_NONCE_BYTES, NonceCache, Server, nonce_of};
pub use origin::{NoOrigin, Origin};
#[cfg(feature = "pkcs11")]
pub use pkcs11::{Pkcs11Error, Pkcs11Key, Pkcs11Uri};
#[cfg(feature = "reqwest")]
pub use reqwest_client::reqwest_client;
pub use resource_access::{AccessError, ResourceAccess};
pub use session::{Attempt, Next, Session, SessionError, demanded_nonce};
pub use signer::{Signer, SignerError};
pub use token_keeper::{AccessTokenSource, OnRenewal, TokenKeeper, TokenKeeperError};
pub use token_set::{Binding, TokenError, TokenSet};
#[cfg(feature = "tower")]
pub use tower_layer::{DpopLayer, DpopService};
