//! What browsers must be allowed to send and to read across origins (CORS): without these a single-page application can
//! neither send a proof nor learn of a nonce.
//!
//! Values for whatever answers preflights, which stands outside of the layer: preflights carry no credentials.
//!
//! ```
//! use resource_server_tower::cors;
//! use tower_http::cors::{AllowOrigin, CorsLayer};
//!
//! let cors = CorsLayer::new()
//!     .allow_origin(AllowOrigin::exact(http::HeaderValue::from_static("https://app.example.com")))
//!     .allow_methods([http::Method::GET, http::Method::POST])
//!     .allow_headers(cors::allowed_headers())
//!     .expose_headers(cors::exposed_headers());
//! ```

use dpop::{DPOP, DPOP_NONCE};
use http::HeaderName;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};

/// Request fields for `Access-Control-Allow-Headers`: `Authorization` and `DPoP`. A wildcard there does not cover
/// `Authorization` (Fetch §3.3.3).
///
/// ```
/// use resource_server_tower::cors;
///
/// let names = cors::allowed_headers().map(|name| name.to_string()).join(", ");
/// assert_eq!(names, "authorization, dpop");
/// ```
#[must_use]
pub fn allowed_headers() -> [HeaderName; 2] {
    [AUTHORIZATION, DPOP]
}

/// Response fields for `Access-Control-Expose-Headers`: `WWW-Authenticate`, which says what was wrong, `DPoP-Nonce`, which
/// the next proof needs (RFC 9449 §8), and `Retry-After` of a 503.
///
/// ```
/// use resource_server_tower::cors;
///
/// let names = cors::exposed_headers().map(|name| name.to_string()).join(", ");
/// assert_eq!(names, "www-authenticate, dpop-nonce, retry-after");
/// ```
#[must_use]
pub fn exposed_headers() -> [HeaderName; 3] {
    [WWW_AUTHENTICATE, DPOP_NONCE, RETRY_AFTER]
}
