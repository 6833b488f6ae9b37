//! A tower layer: any HTTP client that is a service of requests gets tokens, proofs and the one retry.

use std::{
    error::Error as StdError,
    future::poll_fn,
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    resource_access::ResourceAccess,
    session::{Attempt, Next},
};

type BoxError = Box<dyn StdError + Send + Sync>;

/// Adds `Authorization: DPoP …` and a new proof to every request, and repeats a request once when the server wants a
/// nonce. A layer that follows redirects may stand outside of this one: a new target gets a proof of its own, a foreign
/// origin an error.
///
/// A layer that repeats requests belongs outside as well; inside it would send the same proof twice.
///
/// ```
/// use std::{convert::Infallible, sync::Arc};
/// use bytes::Bytes;
/// use dpop_client::{DpopLayer, ResourceAccess, Session};
/// use http::{Request, Response};
/// use jose::{Algorithm, KeyPair, UnixTime};
/// use oauth::AccessToken;
/// use tower_layer::Layer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let session = Session::new(Arc::new(KeyPair::generate(Algorithm::Es256)?));
/// // A `TokenKeeper` gives tokens that are renewed; this one is as it is.
/// let token = Arc::new(AccessToken::parse("the.access.token")?);
/// let clock = || UnixTime::from_seconds(1_784_444_400);
/// let access = ResourceAccess::new(session, token, clock).to(&"https://api.example.com/".parse()?)?;
/// // Any HTTP client of the tower world stands here.
/// #[derive(Clone)]
/// struct Client;
/// # impl tower_service::Service<Request<Bytes>> for Client {
/// #     type Response = Response<Bytes>;
/// #     type Error = Infallible;
/// #     type Future = std::future::Ready<Result<Response<Bytes>, Infallible>>;
/// #     fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
/// #         std::task::Poll::Ready(Ok(()))
/// #     }
/// #     fn call(&mut self, _: Request<Bytes>) -> Self::Future {
/// #         std::future::ready(Ok(Response::new(Bytes::new())))
/// #     }
/// # }
/// let client = DpopLayer::<Bytes>::new(access).layer(Client);
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DpopLayer<B> {
    access: Arc<ResourceAccess>,
    replay: fn(&B) -> Option<B>,
}

impl<B: Clone> DpopLayer<B> {
    /// For bodies that can be cloned: `Full<Bytes>`, `Empty<Bytes>`, `Bytes`.
    #[must_use]
    pub fn new(access: impl Into<Arc<ResourceAccess>>) -> Self {
        Self::with_replay(access, |body| Some(body.clone()))
    }
}

impl<B> DpopLayer<B> {
    /// For other bodies. `replay` gives the body once more, or `None` when it can be sent only once: then a challenge
    /// goes to the caller, and its nonce is used for the next request.
    #[must_use]
    pub fn with_replay(access: impl Into<Arc<ResourceAccess>>, replay: fn(&B) -> Option<B>) -> Self {
        Self { access: access.into(), replay }
    }
}

impl<B> Clone for DpopLayer<B> {
    fn clone(&self) -> Self {
        Self { access: self.access.clone(), replay: self.replay }
    }
}

impl<S, B> Layer<S> for DpopLayer<B> {
    type Service = DpopService<S, B>;

    fn layer(&self, inner: S) -> Self::Service {
        DpopService { inner, layer: self.clone() }
    }
}

/// What [`DpopLayer`] makes of a service.
#[derive(Debug)]
pub struct DpopService<S, B> {
    inner: S,
    layer: DpopLayer<B>,
}

impl<S: Clone, B> Clone for DpopService<S, B> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for DpopService<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<R>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        Box::pin(send(inner, request, self.layer.clone()))
    }
}

async fn send<S, B, R>(
    mut inner: S,
    request: Request<B>,
    layer: DpopLayer<B>,
) -> Result<Response<R>, BoxError>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let (mut next_body, mut attempt) = (Some(body), Attempt::FIRST);
    loop {
        let Some(body) = next_body.take() else { return Err("the body can not be sent again".into()) };
        next_body = (layer.replay)(&body);
        let mut request = Request::from_parts(parts.clone(), body);
        layer.access.authorize(&parts.method, &parts.uri, request.headers_mut()).await?;
        let response = inner.call(request).await.map_err(Into::into)?;
        // Always asked, so that the nonce is kept even when there is no second attempt.
        let next = layer.access.after(&parts.uri, attempt, response.status(), response.headers());
        match next {
            Next::Retry(retry) if next_body.is_some() => attempt = retry,
            Next::Retry(_) | Next::Done => return Ok(response),
        }
        poll_fn(|context| inner.poll_ready(context)).await.map_err(Into::into)?;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use bytes::Bytes;
    use http::{HeaderMap, Uri, header::AUTHORIZATION};
    use jose::{Algorithm, KeyPair, UnixTime, jwt::UnverifiedJwt};
    use oauth::AccessToken;

    use super::*;
    use crate::{AccessError, Session};

    /// Answers each request without the nonce `n1` with a challenge, and keeps what it got.
    #[derive(Clone, Default)]
    struct Api {
        received: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
        readied: Arc<AtomicUsize>,
    }

    impl Service<Request<Bytes>> for Api {
        type Response = Response<Bytes>;
        type Error = Infallible;
        type Future = BoxFuture<'static, Result<Response<Bytes>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.readied.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Bytes>) -> Self::Future {
            let proof = request.headers()[dpop::DPOP].to_str().unwrap();
            let has_nonce = UnverifiedJwt::parse(proof).unwrap().claims.contains_key("nonce");
            let (parts, body) = request.into_parts();
            self.received.lock().unwrap().push((parts.headers, body));
            let response = match has_nonce {
                true => Response::new(Bytes::from_static(b"fine")),
                false => Response::builder()
                    .status(401)
                    .header("www-authenticate", r#"DPoP error="use_dpop_nonce""#)
                    .header("dpop-nonce", "n1")
                    .body(Bytes::new())
                    .unwrap(),
            };
            Box::pin(async { Ok(response) })
        }
    }

    fn access() -> ResourceAccess {
        let session = Session::new(Arc::new(KeyPair::generate(Algorithm::Es256).unwrap()));
        let token = Arc::new(AccessToken::parse("the.access.token").unwrap());
        ResourceAccess::new(session, token, || UnixTime::from_seconds(1_784_444_400))
            .to(&Uri::from_static("https://api.example.com/"))
            .unwrap()
    }

    async fn call(service: &mut DpopService<Api, Bytes>, url: &str) -> Result<Response<Bytes>, BoxError> {
        let request =
            Request::post(url).header(AUTHORIZATION, "Bearer old").body(Bytes::from_static(b"payload"));
        poll_fn(|context| service.poll_ready(context)).await?;
        service.call(request.unwrap()).await
    }

    #[tokio::test]
    async fn repeats_once_with_body_and_nonce_and_remembers_the_nonce() {
        let api = Api::default();
        let mut service = DpopLayer::new(access()).layer(api.clone());
        let url = "https://api.example.com/things?page=2";
        assert_eq!(call(&mut service, url).await.unwrap().body().as_ref(), b"fine");
        assert_eq!(call(&mut service, url).await.unwrap().status(), 200);
        let received = api.received.lock().unwrap();
        assert_eq!(received.len(), 3, "the nonce of the first request serves the second");
        assert!(received.iter().all(|(headers, body)| {
            body.as_ref() == b"payload"
                && headers.get_all(AUTHORIZATION).iter().eq(["DPoP the.access.token"])
                && headers.get_all(dpop::DPOP).iter().count() == 1
        }));
        assert_ne!(received[0].0[dpop::DPOP], received[1].0[dpop::DPOP]);
        assert_eq!(api.readied.load(Ordering::Relaxed), 3, "ready before each call");
    }

    #[tokio::test]
    async fn a_body_that_can_be_sent_once_is_sent_once() {
        let api = Api::default();
        let mut service = DpopLayer::with_replay(access(), |_| None).layer(api.clone());
        let url = "https://api.example.com/";
        assert_eq!(call(&mut service, url).await.unwrap().status(), 401, "the caller sees the challenge");
        assert_eq!(api.received.lock().unwrap().len(), 1);
        assert_eq!(call(&mut service, url).await.unwrap().status(), 200, "the nonce was kept all the same");
    }

    #[tokio::test]
    async fn c5_no_other_origin_sees_token_or_proof() {
        let api = Api::default();
        let mut service = DpopLayer::new(access()).layer(api.clone());
        for url in [
            "https://evil.example.com/",
            "http://api.example.com/",
            "https://api.example.com:8443/",
            "https://api.example.com.evil.example/",
        ] {
            let error = call(&mut service, url).await.unwrap_err();
            assert!(matches!(error.downcast_ref(), Some(AccessError::ForeignOrigin { .. })), "{url}");
        }
        assert!(api.received.lock().unwrap().is_empty());
    }

    #[test]
    fn p15_plain_http_to_other_machines_is_an_explicit_choice() {
        let uri = Uri::from_static("http://api:8080/");
        assert!(matches!(access().to(&uri), Err(AccessError::PlainHttp { host }) if host == "api"));
        assert!(access().to_unprotected(&uri).is_ok());
        assert!(access().to(&Uri::from_static("http://127.0.0.1:8080/")).is_ok());
    }
}
