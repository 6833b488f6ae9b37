//! An authorization server for development and tests that issues DPoP-bound tokens (RFC 9449).
//!
//! It stands in for Keycloak where a whole Keycloak is too much: the same paths, the same realm file, the same claims. It is not
//! for production: passwords and secrets lie in its configuration, everything it remembers is in memory, it speaks plain http.
//! What is on the wire, though, is done by the RFCs, and what a client may not do is refused.
//!
//! | module | endpoint | specification |
//! |---|---|---|
//! | `authorize` | `auth`, the login form | RFC 6749 §4.1, RFC 7636, RFC 9207 |
//! | `par` | `ext/par/request` | RFC 9126, RFC 9449 §10.1 |
//! | `token` | `token`, one file per grant | RFC 6749, RFC 9449 §5 |
//! | `introspect`, `revoke`, `logout` | `token/introspect`, `revoke`, `logout` | RFC 7662, RFC 7009, RP-Initiated Logout |
//! | `metadata` | discovery, `certs` | RFC 8414 |
//! | `userinfo`, `admin` | protected by `resource-server`'s verifier | RFC 9449 §7 |
//!
//! [`AuthorizationServer::start`] gives a [`Handle`]; [`Realm`] reads Keycloak's import file.

mod access_token;
mod admin;
mod app;
mod authorization_request;
mod authorize;
mod call;
mod clock;
mod config;
mod cors;
mod device;
mod error;
mod id_token;
mod introspect;
mod keys;
mod logout;
mod metadata;
mod misbehaviour;
mod page;
mod par;
mod parameters;
mod proof;
mod protected;
mod realm;
mod revoke;
mod roles;
mod server;
mod store;
mod token;
mod userinfo;

pub use clock::{Clock, ManualClock};
pub use config::{RealmError, RealmFileError};
pub use misbehaviour::Misbehaviour;
pub use realm::Realm;
pub use server::{AuthorizationServer, Handle, Options, StartError};
