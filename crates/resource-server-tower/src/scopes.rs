//! Scopes of single routes, behind the layer that checks token and proof.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Request, Response, StatusCode};
use oauth::ErrorCode;
use resource_server::{RequiredScopes, ScopeMatching, Verified};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::guard::Guard;
use crate::response::Answer;

/// A layer for routes that demand scopes of their own: 403 `insufficient_scope` without them (RFC 6750 §3.1). It stands
/// inside of a [`DpopLayer`](crate::DpopLayer); where there is none, every request is answered with 500.
#[derive(Debug, Clone)]
pub struct RequireScopes {
    required: Arc<RequiredScopes>,
}

impl RequireScopes {
    /// All of these scopes, compared as they are.
    #[must_use]
    pub fn all(scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::matching(ScopeMatching::Exact, scopes)
    }

    /// All of these scopes, compared by `matching`.
    #[must_use]
    pub fn matching(matching: ScopeMatching, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = scopes.into_iter().map(Into::into).collect();
        Self { required: Arc::new(RequiredScopes { matching, values }) }
    }
}

impl<S> Layer<S> for RequireScopes {
    type Service = RequireScopesService<S>;

    fn layer(&self, inner: S) -> RequireScopesService<S> {
        RequireScopesService { inner, required: Arc::clone(&self.required) }
    }
}

/// What [`RequireScopes`] makes of a service.
#[derive(Debug, Clone)]
pub struct RequireScopesService<S> {
    inner: S,
    required: Arc<RequiredScopes>,
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for RequireScopesService<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send,
    RequestBody: Send + 'static,
    ResponseBody: From<Bytes>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = ResponseFuture<ResponseBody, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let refusal = refusal(&self.required, request.extensions());
        ResponseFuture::new(async move {
            match refusal {
                Some(answer) => Ok(answer.into_response()),
                None => inner.call(request).await,
            }
        })
    }
}

fn refusal(required: &RequiredScopes, extensions: &Extensions) -> Option<Answer> {
    let (Some(verified), Some(guard)) = (extensions.get::<Arc<Verified>>(), extensions.get::<Arc<Guard>>())
    else {
        return Some(Answer::unprotected());
    };
    if required.are_granted(&verified.claims) {
        return None;
    }
    let scope = Some(required.values.join(" "));
    let challenge =
        guard.challenge(verified.scheme, ErrorCode::InsufficientScope, "a required scope is missing", scope);
    Some(Answer::challenged(StatusCode::FORBIDDEN, &challenge, guard.error_body))
}
