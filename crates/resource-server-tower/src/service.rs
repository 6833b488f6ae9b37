//! The service that a layer makes of another.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::guard::Guard;
use crate::response::hand_out_nonce;

/// Asks the verifier, then the service inside. The body of the request is not touched, and a refused one never read.
///
/// A request whose token is known costs one signature check, at most 28 allocations and no waiting beside the replay store's;
/// one whose proof was made with another key than the token's costs no signature check, and at most 36 allocations with
/// its answer.
///
/// The body of responses must be constructible from [`Bytes`], as axum's `Body` and `http_body_util::Full` are.
///
/// ```
/// use http::Response;
/// use http_body_util::Full;
/// use resource_server_tower::{DpopLayer, DpopService};
/// use tower::{Layer, service_fn};
///
/// fn protect(layer: &DpopLayer) -> DpopService<impl Clone> {
///     layer.layer(service_fn(async |_: http::Request<()>| {
///         Ok::<_, std::convert::Infallible>(Response::new(Full::new(bytes::Bytes::from("hello"))))
///     }))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct DpopService<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S> DpopService<S> {
    pub(crate) fn new(inner: S, guard: Arc<Guard>) -> Self {
        Self { inner, guard }
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for DpopService<S>
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
        // The one that was asked for readiness takes the request; its clone waits for the next.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let guard = Arc::clone(&self.guard);
        ResponseFuture::new(async move {
            let (mut parts, body) = request.into_parts();
            let verified = match guard.admit(&parts).await {
                Ok(verified) => Arc::new(verified),
                Err(answer) => return Ok(answer.into_response()),
            };
            parts.extensions.insert(Arc::clone(&verified));
            parts.extensions.insert(guard);
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            hand_out_nonce(&verified, response.headers_mut());
            Ok(response)
        })
    }
}
