//! Keys that never leave their hardware: PKCS #11 (OASIS, version 3.1), named by URIs of RFC 7512.

mod key;
mod uri;

pub use key::{Pkcs11Error, Pkcs11Key};
pub use uri::Pkcs11Uri;
