//! What single routes demand of a token that the layer has found good.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Request, Response, StatusCode};
use oauth::ErrorCode;
use resource_server::{RequiredRoles, RequiredScopes, Verified};
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::guard::Guard;
use crate::response::Answer;

/// What a route demands.
#[derive(Debug)]
pub(crate) enum Requirement {
    Scopes(RequiredScopes),
    Roles(RequiredRoles),
}

/// What [`RequireScopes`](crate::RequireScopes) and [`RequireRoles`](crate::RequireRoles) make of a service.
#[derive(Debug, Clone)]
pub struct RequirementService<S> {
    inner: S,
    requirement: Arc<Requirement>,
}

impl<S> RequirementService<S> {
    pub(crate) fn new(inner: S, requirement: Arc<Requirement>) -> Self {
        Self { inner, requirement }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for RequirementService<S>
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
        let refusal = self.requirement.refusal(request.extensions());
        ResponseFuture::new(async move {
            match refusal {
                Some(answer) => Ok(answer.into_response()),
                None => inner.call(request).await,
            }
        })
    }
}

impl Requirement {
    fn refusal(&self, extensions: &Extensions) -> Option<Answer> {
        let (Some(verified), Some(guard)) =
            (extensions.get::<Arc<Verified>>(), extensions.get::<Arc<Guard>>())
        else {
            return Some(Answer::unprotected());
        };
        let (is_met, description, scope) = match self {
            Self::Scopes(scopes) => (
                scopes.are_granted(&verified.claims),
                "a required scope is missing",
                Some(scopes.values.join(" ")),
            ),
            Self::Roles(roles) => (roles.are_granted(&verified.claims), "a required role is missing", None),
        };
        if is_met {
            return None;
        }
        // RFC 6750 §3.1: the code for every token that grants too little.
        let challenge = guard.challenge(verified.scheme, ErrorCode::InsufficientScope, description, scope);
        Some(Answer::challenged(StatusCode::FORBIDDEN, &challenge, guard.shared.error_body))
    }
}
