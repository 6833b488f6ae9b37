//! Calls end, whatever the other side does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use jose::UnixTime;
use outbound::HyperClients;
use resource_server::{ClientSettings, OutboundClients, OutboundError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that writes `answer` to whoever has asked, and keeps the connection if it is not to be `closed`.
async fn server(answer: String, closed: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                let _ = connection.write_all(answer.as_bytes()).await;
                if !closed {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    address
}

async fn call(address: SocketAddr) -> Result<Response<Bytes>, OutboundError> {
    let settings = ClientSettings {
        timeout: Duration::from_millis(300),
        max_response_bytes: 100,
        ..ClientSettings::default()
    };
    let client = HyperClients::new().unwrap().client(&settings).unwrap();
    let request = Request::builder().uri(format!("http://{address}/keys")).body(Bytes::new()).unwrap();
    client.send(request, UnixTime::from_seconds(0)).await
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let too_large = Err(OutboundError::TooLarge { max_bytes: 100 });
    let body = |bytes: usize| "x".repeat(bytes);
    for (answer, closed, expected) in [
        (format!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}", body(100)), false, Ok(100)),
        // Refused by its announcement alone.
        ("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n".to_owned(), false, too_large.clone()),
        // Not announced: counted while it comes.
        (
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n65\r\n{}\r\n", body(101)),
            false,
            too_large.clone(),
        ),
        (format!("HTTP/1.1 200 OK\r\n\r\n{}", body(101)), true, too_large),
        // Silence: before the head, and in the body.
        (String::new(), false, Err(OutboundError::TimedOut)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_owned(), false, Err(OutboundError::TimedOut)),
    ] {
        let outcome = call(server(answer.clone(), closed).await).await;
        assert_eq!(outcome.map(|response| response.body().len()), expected, "{answer}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_an_answer() {
    let elsewhere = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(), false).await;
    let answer =
        format!("HTTP/1.1 302 Found\r\nlocation: http://{elsewhere}/keys\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(call(server(answer, false).await).await.unwrap().status(), 302);
}

#[tokio::test]
async fn nobody_there_is_told_with_the_cause() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    match call(closed).await {
        Err(OutboundError::Unreachable(cause)) => assert!(cause.contains("refused"), "{cause}"),
        other => panic!("{other:?}"),
    }
}
