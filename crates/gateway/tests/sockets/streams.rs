//! Bodies pass piece by piece, WebSockets and event streams pass, and a client that leaves is noticed upstream.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};

use super::{
    raw_client::{RawClient, exchange},
    running_gateway::RunningGateway,
    upstream::{Upstream, scripted},
};

async fn read_head(stream: &mut tokio::net::TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn an_upload_reaches_the_upstream_while_it_is_sent() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let upstream = scripted(move |mut stream| {
        let report = report.clone();
        async move {
            read_head(&mut stream).await;
            let mut buffer = [0; 64];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                let _ = report.send(String::from_utf8_lossy(&buffer[..count]).into_owned());
                if buffer[..count].ends_with(b"end") {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            }
        }
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\none").await;
    assert_eq!(reports.recv().await.unwrap(), "one");
    client.send("end").await;
    assert_eq!(reports.recv().await.unwrap(), "end");
    assert_eq!(client.read_answer().await.unwrap().status, 204);
}

#[tokio::test]
async fn events_reach_the_client_as_they_are_sent() {
    let (next, nexts) = mpsc::unbounded_channel::<&str>();
    let nexts = std::sync::Arc::new(tokio::sync::Mutex::new(nexts));
    let upstream = scripted(move |mut stream| {
        let nexts = std::sync::Arc::clone(&nexts);
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await;
            while let Some(event) = nexts.lock().await.recv().await {
                let _ = stream.write_all(event.as_bytes()).await;
            }
        }
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.read_head().await.unwrap();
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    next.send("data: 1\n\n").unwrap();
    assert!(client.read_until("data: 1\n\n").await.is_some());
    next.send("data: 2\n\n").unwrap();
    assert!(client.read_until("data: 2\n\n").await.is_some());
}

#[tokio::test]
async fn websockets_are_joined_after_the_upstream_agreed() {
    let upstream = scripted(|mut stream| async move {
        let head = read_head(&mut stream).await.to_ascii_lowercase();
        assert!(head.contains("upgrade: websocket") && head.contains("connection: upgrade"), "{head}");
        assert!(head.contains("sec-websocket-key: k"), "{head}");
        let _ = stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\nhello")
            .await;
        let mut buffer = [0; 64];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            let _ = stream.write_all(&buffer[..count]).await;
        }
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client
        .send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n")
        .await;
    let head = client.read_head().await.unwrap();
    assert_eq!((head.status, head.header("upgrade")), (101, Some("websocket")));
    assert_eq!(head.header("sec-websocket-accept"), Some("a"));
    assert!(client.read_until("hello").await.is_some());
    client.send("frame").await;
    assert!(client.read_until("frame").await.is_some());
    drop(client);
    gateway.stop().await;
}

#[tokio::test]
async fn a_websocket_the_upstream_does_not_want_is_an_ordinary_answer() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let request = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(exchange(gateway.address(), request).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_upstream_may_not_switch_protocols_unasked() {
    let upstream = scripted(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            )
            .await;
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let answer = exchange(gateway.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(answer.status, 502);
}

#[tokio::test]
async fn expect_continue_is_answered_only_when_the_body_is_wanted() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.read_head().await.unwrap().status, 100);
    client.send("body").await;
    assert_eq!(client.read_answer().await.unwrap().json()["body"], "body");
    let refused = "POST /a%2Fb HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let mut client = RawClient::connect(gateway.address()).await;
    client.send(refused).await;
    assert_eq!(client.read_head().await.unwrap().status, 400);
}

#[tokio::test]
async fn the_upstream_learns_that_the_client_left() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let upstream = scripted(move |mut stream| {
        let report = report.clone();
        async move {
            read_head(&mut stream).await;
            let _ = report.send("started");
            let mut buffer = [0; 64];
            while let Ok(1..) = stream.read(&mut buffer).await {}
            let _ = report.send("closed");
        }
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(reports.recv().await, Some("started"));
    drop(client);
    assert_eq!(reports.recv().await, Some("closed"));
}
