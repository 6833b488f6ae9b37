//! WebSocket: after the upstream agreed, bytes are carried both ways until one side ends (RFC 6455).
//!
//! The proof covered the opening request; nothing is decided about the frames.

use http::{Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::{
    body::ResponseBody,
    connection::{Connection, Shutdown},
    forward::{ask_for_websocket, names_websocket},
};

/// Whether the upstream's answer to an opening request is the agreement.
pub(crate) fn is_agreed<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS && names_websocket(response.headers())
}

/// Answers the client with the upstream's agreement and joins the two connections once the answer is sent. Shutdown waits
/// for the streams as it waits for requests.
pub(crate) fn join<B>(
    client: OnUpgrade,
    mut response: Response<B>,
    mut answer: Response<ResponseBody>,
    connection: &Connection,
    shutdown: &Shutdown,
) -> Response<ResponseBody> {
    let upstream = hyper::upgrade::on(&mut response);
    connection.phase.upgraded();
    ask_for_websocket(answer.headers_mut());
    shutdown.spawn(async move {
        let (client, upstream) = match tokio::try_join!(client, upstream) {
            Ok(sides) => sides,
            Err(error) => {
                tracing::debug!(%error, "websocket not established");
                return;
            }
        };
        let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        if let Err(error) = copy_bidirectional(&mut client, &mut upstream).await {
            tracing::debug!(%error, "websocket ended");
        }
    });
    answer
}
