//! Limits in time and size. The limits are set short; nothing here waits longer than they are.

use tokio::io::AsyncReadExt;

use super::{
    raw_client::{RawClient, exchange},
    running_gateway::RunningGateway,
    upstream::{Upstream, scripted},
};

const SHORT: &str = "  timeout: {read: 200ms, write: 1s, idle: 300ms}\n";
/// Long enough for a busy machine to connect to an upstream in the meantime.
const LONGER: &str = "  timeout: {read: 1s, write: 1s, idle: 1s}\n";

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_504() {
    let upstream = scripted(|mut stream| async move {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer).await {}
    })
    .await;
    let gateway = RunningGateway::open_with(SHORT, upstream).await;
    let answer = exchange(gateway.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(answer.status, 504);
}

#[tokio::test]
async fn a_body_that_stalls_is_408() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_with(LONGER, upstream.address).await;
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf";
    let answer = exchange(gateway.address(), request).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
}

#[tokio::test]
async fn a_slow_body_that_moves_may_take_its_time() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_with(LONGER, upstream.address).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n").await;
    for byte in "slow it goes".split("").filter(|piece| !piece.is_empty()) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        client.send(byte).await;
    }
    assert_eq!(client.read_answer().await.unwrap().json()["body"], "slow it goes");
}

#[tokio::test]
async fn a_head_that_is_not_finished_closes_the_connection() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_with(SHORT, upstream.address).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("GET / HTTP/1.1\r\nHo").await;
    assert!(client.read_answer().await.is_none());
    let mut silent = RawClient::connect(gateway.address()).await;
    assert!(silent.read_answer().await.is_none());
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_with("  limits: {max_body_size: 8B}\n", upstream.address).await;
    let announced = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789";
    assert_eq!(exchange(gateway.address(), announced).await.unwrap().status, 413);
    assert_eq!(upstream.seen(), 0);
    let chunked =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n";
    assert_eq!(exchange(gateway.address(), chunked).await.unwrap().status, 413);
    let fits = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n12345678";
    assert_eq!(exchange(gateway.address(), fits).await.unwrap().status, 200);
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_with("  limits: {max_connections: 1}\n", upstream.address).await;
    let mut first = RawClient::connect(gateway.address()).await;
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(first.read_answer().await.unwrap().status, 200);
    let mut second = RawClient::connect(gateway.address()).await;
    second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let waited = tokio::time::timeout(std::time::Duration::from_millis(100), second.read_head()).await;
    assert!(waited.is_err(), "the second connection is not served yet");
    drop(first);
    assert_eq!(second.read_answer().await.unwrap().status, 200);
}
