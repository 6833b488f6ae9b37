//! For axum: the claims of a verified token as a handler's argument (feature `axum`).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use oauth::ErrorCode;
use resource_server::Verified;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::guard::Guard;
use crate::response::Answer;

/// The claims of the access token, for handlers behind a [`DpopLayer`](crate::DpopLayer).
///
/// For the proven key and the rest of the verdict take `Extension<Arc<Verified>>`.
///
/// ```
/// use axum::{Router, routing::get};
/// use resource_server_tower::axum::Dpop;
///
/// #[derive(serde::Deserialize)]
/// struct Claims { sub: String }
///
/// async fn hello(Dpop(claims): Dpop<Claims>) -> String {
///     format!("hello {}", claims.sub)
/// }
///
/// let routes: Router = Router::new().route("/", get(hello)); // and .layer(the DpopLayer)
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Dpop<C>(pub C);

/// Why there are no claims.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DpopRejection {
    /// No [`DpopLayer`](crate::DpopLayer) stands in front of the handler: 500.
    #[error("no DPoP layer stands in front of this route")]
    NotProtected,
    /// The token is good but lacks a claim that the handler demands, or has another type for it: 401 `invalid_token`.
    #[error("the access token's claims are not those that the route demands")]
    Claims(#[source] ClaimsRejection),
}

/// The answer to a token with other claims than those demanded.
#[derive(Debug, Error)]
#[error("a claim is missing or has another type")]
pub struct ClaimsRejection {
    source: serde_json::Error,
    answer: Answer,
}

impl<S: Sync, C: DeserializeOwned> FromRequestParts<S> for Dpop<C> {
    type Rejection = DpopRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, DpopRejection> {
        let extensions = &parts.extensions;
        let (Some(verified), Some(guard)) =
            (extensions.get::<Arc<Verified>>(), extensions.get::<Arc<Guard>>())
        else {
            return Err(DpopRejection::NotProtected);
        };
        C::deserialize(&*verified.claims).map(Self).map_err(|source| {
            let description = "access token lacks a claim";
            let challenge = guard.challenge(verified.scheme, ErrorCode::InvalidToken, description, None);
            let answer = Answer::challenged(StatusCode::UNAUTHORIZED, &challenge, guard.shared.error_body);
            DpopRejection::Claims(ClaimsRejection { source, answer })
        })
    }
}

impl IntoResponse for DpopRejection {
    fn into_response(self) -> Response {
        match self {
            Self::NotProtected => Answer::unprotected().into_response(),
            Self::Claims(rejection) => rejection.answer.into_response(),
        }
    }
}
