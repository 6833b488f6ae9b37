//! Requests that the gateway has not read when it is told to stop.

use std::{io::Write, net::SocketAddr};

use tokio::net::TcpStream;

use crate::{
    faults::one_thread::OneThread,
    sockets::{raw_client::RawClient, running_gateway::RunningGateway, upstream::Upstream},
};

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

/// In one thread nothing of the gateway runs between two awaits: what is sent there lies unread.
#[test]
fn what_has_arrived_unread_is_answered_before_the_end() {
    let mut thread = OneThread::new();
    let upstream = thread.run(Upstream::start());
    // What the first gateway of a process sets up for all stays.
    thread.run(start_and_stop(upstream.address));
    let level = thread.level();
    thread.run(start_and_stop(upstream.address));
    thread.is_back_at(level);
}

async fn start_and_stop(upstream: SocketAddr) {
    let gateway = RunningGateway::open_to(upstream).await;
    let address = gateway.address();
    let mut kept = RawClient::connect(address).await;
    kept.send(GET).await;
    assert_eq!(kept.read_answer().await.unwrap().status, 200);
    let mut idle = RawClient::connect(address).await;

    assert_eq!(kept.stream.try_write(GET).unwrap(), GET.len());
    let mut unaccepted = std::net::TcpStream::connect(address).unwrap();
    unaccepted.write_all(GET).unwrap();
    let stopping = tokio::spawn(gateway.stop());

    unaccepted.set_nonblocking(true).unwrap();
    let unaccepted = RawClient { stream: TcpStream::from_std(unaccepted).unwrap(), unread: Vec::new() };
    for (mut client, which) in [(kept, "on a kept connection"), (unaccepted, "on one not accepted yet")] {
        let answer = client.read_answer().await.unwrap_or_else(|| panic!("no answer {which}"));
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{which}");
    }
    assert!(idle.read_answer().await.is_none(), "idle connections end");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    stopping.await.unwrap();
}
