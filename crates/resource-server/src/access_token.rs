//! The access token itself: who issued it, for whom, until when, and to which key it is bound.

mod jwt;

pub(crate) use jwt::verify;
pub use jwt::{TokenError, VerifiedToken};
