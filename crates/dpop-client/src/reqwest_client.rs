//! reqwest with tokens and proofs: a middleware of `reqwest-middleware`.

use std::{pin::Pin, sync::Arc};

use http::{Extensions, Uri};
use reqwest::{Request, Response, redirect, retry};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next as Rest, Result};

use crate::{
    origin::NoOrigin,
    resource_access::{AccessError, ResourceAccess},
    session::{Attempt, Next},
};

/// A reqwest client whose every request carries the token and a proof of its own, with one retry on `use_dpop_nonce`.
/// A body that was given as a stream is sent once: the challenge comes back then, and the next request has the nonce.
///
/// Of `builder` two settings are replaced, since below a middleware they would send a proof twice or to another URI:
/// redirects are not followed (C5), and nothing is repeated (C6).
///
/// A rustls provider must be installed before, for instance with `rustls::crypto::aws_lc_rs::default_provider()`.
///
/// ```no_run
/// use std::sync::Arc;
/// use dpop_client::{AccessTokenSource, ResourceAccess, Session, reqwest_client};
/// use jose::UnixTime;
///
/// # async fn example(session: Session, tokens: Arc<dyn AccessTokenSource>, clock: fn() -> UnixTime)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let access = ResourceAccess::new(session, tokens, clock).to(&"https://api.example.com/".parse()?)?;
/// let client = reqwest_client(reqwest::Client::builder(), access)?;
/// let answer = client.get("https://api.example.com/things?page=2").send().await?;
/// # drop(answer);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// reqwest's, when TLS can not be set up.
pub fn reqwest_client(
    builder: reqwest::ClientBuilder,
    access: impl Into<Arc<ResourceAccess>>,
) -> reqwest::Result<ClientWithMiddleware> {
    let client = builder.redirect(redirect::Policy::none()).retry(retry::never()).build()?;
    Ok(ClientBuilder::new(client).with(DpopMiddleware { access: access.into() }).build())
}

struct DpopMiddleware {
    access: Arc<ResourceAccess>,
}

impl DpopMiddleware {
    async fn send(&self, request: Request, extensions: &mut Extensions, rest: Rest<'_>) -> Result<Response> {
        let uri: Uri =
            request.url().as_str().parse().map_err(|_| Error::middleware(AccessError::from(NoOrigin)))?;
        let (mut request, mut attempt) = (request, Attempt::FIRST);
        loop {
            let again = request.try_clone();
            let method = request.method().clone();
            self.access.authorize(&method, &uri, request.headers_mut()).await.map_err(Error::middleware)?;
            let response = rest.clone().run(request, extensions).await?;
            let next = self.access.after(&uri, attempt, response.status(), response.headers());
            match (next, again) {
                (Next::Retry(retry), Some(again)) => (attempt, request) = (retry, again),
                (Next::Retry(_) | Next::Done, _) => return Ok(response),
            }
        }
    }
}

impl Middleware for DpopMiddleware {
    // As the trait's macro writes it.
    fn handle<'life0, 'life1, 'life2, 'async_trait>(
        &'life0 self,
        request: Request,
        extensions: &'life1 mut Extensions,
        rest: Rest<'life2>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(self.send(request, extensions, rest))
    }
}
