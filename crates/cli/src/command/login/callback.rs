//! The loopback server to which the browser comes back after the login (RFC 8252 §7.3).

use std::{convert::Infallible, net::Ipv4Addr, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use dpop_client::grant::{AuthorizationCodeGrant, AuthorizationRequest, CallbackError};
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{net::TcpListener, sync::mpsc};

const PATH: &str = "/callback";

/// How long the user may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How long the browser may take to fetch the last page.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

type Outcome = Result<AuthorizationCodeGrant, CallbackError>;

/// Listens on 127.0.0.1 only: the code is for this machine.
pub(crate) struct CallbackServer {
    listener: TcpListener,
    port: u16,
}

impl CallbackServer {
    /// Listens on `port`; 0 takes a free one.
    pub(crate) async fn bind(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("listen on 127.0.0.1:{port} for the redirect"))?;
        let port = listener.local_addr().context("listen for the redirect")?.port();
        Ok(Self { listener, port })
    }

    /// What to register at the authorization server.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the redirect of this login.
    pub(crate) async fn wait(self, login: AuthorizationRequest) -> Result<AuthorizationCodeGrant> {
        let login = Arc::new(login);
        let graceful = GracefulShutdown::new();
        let (outcomes, mut outcome) = mpsc::channel::<Outcome>(1);
        let deadline = tokio::time::sleep(TIMEOUT);
        tokio::pin!(deadline);
        let outcome = loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    // Browsers open connections ahead of need; each is served on its own.
                    let Ok((stream, _)) = accepted else { continue };
                    let (login, outcomes) = (login.clone(), outcomes.clone());
                    let service = service_fn(move |request| {
                        let response = answer(&request, &login, &outcomes);
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service);
                    let connection = graceful.watch(connection);
                    tokio::spawn(async move { drop(connection.await) });
                }
                Some(outcome) = outcome.recv() => break outcome,
                () = &mut deadline => bail!("Did not receive authorization callback"),
            }
        };
        // The browser still has to get its page. A time-out is its loss.
        drop(tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await);
        Ok(outcome?)
    }
}

fn answer(
    request: &Request<Incoming>,
    login: &AuthorizationRequest,
    outcomes: &mpsc::Sender<Outcome>,
) -> Response<Full<Bytes>> {
    if request.uri().path() != PATH {
        return page(StatusCode::NOT_FOUND, "Not found");
    }
    if request.method() != Method::GET {
        return page(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    }
    let outcome = login.callback(request.uri().query().unwrap_or_default());
    let response = match &outcome {
        Ok(_) => page(StatusCode::OK, "Login successful. You can close this tab and return to the terminal."),
        Err(CallbackError::Refused { .. }) => {
            page(StatusCode::BAD_REQUEST, "Login failed. You can close this tab.")
        }
        Err(CallbackError::State) => page(StatusCode::BAD_REQUEST, "Invalid state. You can close this tab."),
        Err(_) => page(StatusCode::BAD_REQUEST, "Invalid callback. You can close this tab."),
    };
    // Only the first outcome counts; the channel has room for it.
    drop(outcomes.try_send(outcome));
    response
}

fn page(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
