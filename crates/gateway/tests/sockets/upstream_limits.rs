//! `serve.connections_limit`: how many connections an upstream gets, and who waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};

use super::{
    raw_client::{RawClient, exchange},
    running_gateway::RunningGateway,
    upstream::scripted,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn requests_wait_for_a_connection_and_in_the_end_are_told_to_come_back() {
    let (connections, proceed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counter, gate) = (Arc::clone(&connections), Arc::clone(&proceed));
    let upstream = scripted(move |mut stream| {
        counter.fetch_add(1, Ordering::SeqCst);
        let gate = Arc::clone(&gate);
        async move {
            let mut buffer = [0; 4096];
            while let Ok(1..) = stream.read(&mut buffer).await {
                gate.notified().await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await;
            }
        }
    })
    .await;
    let serve = "  timeout: {read: 2s}\n  connections_limit: {max_per_host: 1}\n";
    let gateway = RunningGateway::open_with(serve, upstream).await;
    let mut first = RawClient::connect(gateway.address()).await;
    first.send(GET).await;
    while connections.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = tokio::spawn(exchange(gateway.address(), GET));
    tokio::time::sleep(Duration::from_millis(50)).await;
    proceed.notify_one();
    assert_eq!(first.read_answer().await.unwrap().text(), "done");
    proceed.notify_one();
    assert_eq!(second.await.unwrap().unwrap().text(), "done");
    assert_eq!(connections.load(Ordering::SeqCst), 1);

    // A request whose body moves on and on holds the only connection.
    let mut holding = RawClient::connect(gateway.address()).await;
    holding.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waiting = exchange(gateway.address(), GET);
    let moving = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            holding.send("1\r\na\r\n").await;
        }
    };
    let answer = tokio::select! {
        answer = waiting => answer.unwrap(),
        () = moving => unreachable!(),
    };
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
