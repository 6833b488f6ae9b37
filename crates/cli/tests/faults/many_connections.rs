//! 10,000 connections that do nothing, or next to nothing.

use std::{io::Write, net::SocketAddr, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    gateway_process::{PATIENCE, eventually},
    site::{PROMPT, Setting, Site, open_rule},
    sockets::{raw_client::RawClient, upstream::Upstream},
};

const CONNECTIONS: usize = 10_000;
/// File descriptors for everything else, at either end.
const SPARE: usize = 1_000;
/// Connections that an upstream gets.
const MAX_PER_HOST: usize = 100;
/// What a connection may cost the gateway, in bytes: two buffers of 8 KB, and what an unoptimised build needs beside them.
const MOST_FOR_A_CONNECTION: u64 = 48 << 10;

/// How many connections this machine allows: both ends count, each in its own process.
fn allowed() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let descriptors = limit.maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).unwrap());
    let allowed = descriptors.saturating_sub(SPARE).min(CONNECTIONS);
    if allowed < CONNECTIONS {
        assert!(std::env::var_os("KEYBOUND_SKIP_NOTHING").is_none(), "{descriptors} file descriptors");
        // Past the test runner, which shows the output of failures only.
        let _ = writeln!(
            std::io::stderr(),
            "fewer: ten_thousand_idle_and_slow_connections_disturb_nobody ({allowed} connections: {descriptors} file descriptors)"
        );
    }
    allowed
}

/// Opens connections, sends the same on each, and waits for the head of an answer where one is expected.
async fn open(address: SocketAddr, count: usize, first: &'static str, answered: bool) -> Vec<RawClient> {
    let mut opened = Vec::new();
    while opened.len() < count {
        let mut opening = JoinSet::new();
        for _ in 0..(count - opened.len()).min(200) {
            opening.spawn(async move {
                let stream = timeout(PATIENCE, TcpStream::connect(address)).await.unwrap().unwrap();
                let mut client = RawClient { stream, unread: Vec::new() };
                client.send(first).await;
                if answered {
                    assert_eq!(client.read_answer().await.unwrap().status, 200);
                }
                client
            });
        }
        opened.extend(opening.join_all().await);
    }
    opened
}

/// Sends one more byte on each. Those that are closed are let go; those that got an answer are given back.
async fn drip(clients: &mut Vec<RawClient>, byte: &[u8]) -> Vec<RawClient> {
    let (mut open, mut answered) = (Vec::with_capacity(clients.len()), Vec::new());
    for mut client in clients.drain(..) {
        let mut buffer = [0; 1024];
        match client.stream.try_read(&mut buffer) {
            Ok(count @ 1..) => {
                client.unread.extend_from_slice(&buffer[..count]);
                answered.push(client);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if client.stream.write_all(byte).await.is_ok() {
                    open.push(client);
                }
            }
            Ok(_) | Err(_) => {}
        }
    }
    *clients = open;
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_and_slow_connections_disturb_nobody() {
    let many = allowed();
    let (bodies, share) = (many / 20, many * 19 / 60);
    let slow = Upstream::start().await;
    let serve = format!(
        "  timeout: {{read: 10s, idle: 2m}}\n  connections_limit: {{max_per_host: {MAX_PER_HOST}}}\n"
    );
    let rules = open_rule("/slow/**", slow.address);
    let mut site = Site::start_with(Setting { serve: &serve, rules, ..Setting::default() }).await;
    site.warm_up().await;
    let address = site.gateway.address;

    let silent = open(address, share, "", false).await;
    let kept = open(address, share, "GET /open/a HTTP/1.1\r\nHost: a\r\n\r\n", true).await;
    let upload = "POST /slow/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    let mut uploads = open(address, bodies, upload, false).await;
    let mut heads = open(address, share, "GET /open/a HTTP/1.1\r\nHost: a\r\nX-", false).await;
    let opened = silent.len() + kept.len() + uploads.len() + heads.len();
    assert!(many - opened < 10, "{opened}");
    eventually("all are accepted", async || {
        site.metric("keybound_connections{listener=\"serve\"}").await >= opened as f64
    })
    .await;
    let per_connection = site.gateway.resident_bytes().saturating_sub(site.warm_bytes()) / opened as u64;
    assert!(per_connection < MOST_FOR_A_CONNECTION, "{per_connection} bytes for a connection");

    // Calls pass meanwhile, and heads that do not end are cut off.
    let (start, mut turned_away) = (Instant::now(), 0);
    while !heads.is_empty() {
        for _ in 0..5 {
            assert_eq!(timeout(PROMPT, site.call()).await.expect("in time"), 200);
        }
        assert!(drip(&mut heads, b"x").await.is_empty(), "nothing is answered to half a head");
        for mut answered in drip(&mut uploads, b"x").await {
            let answer = answered.read_answer().await.unwrap();
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
            turned_away += 1;
        }
        assert!(start.elapsed() < PATIENCE, "{} heads are still read", heads.len());
        sleep(Duration::from_millis(500)).await;
    }
    // One upstream takes as many uploads as it gets connections. The others waited for `timeout.read`; who was sending at
    // that moment may have found the connection closed instead of an answer.
    assert!(turned_away > 0 && turned_away + uploads.len() <= bodies, "{turned_away}");
    let mut answers = JoinSet::new();
    for mut upload in uploads {
        answers.spawn(async move {
            upload.send([b'x'; 1000]).await;
            upload.read_answer().await.map(|answer| answer.status)
        });
    }
    let answers = answers.join_all().await;
    let completed = answers.iter().filter(|status| **status == Some(200)).count();
    assert_eq!((completed, slow.seen()), (MAX_PER_HOST, MAX_PER_HOST));

    drop((silent, kept));
    eventually("all are closed", async || {
        site.metric("keybound_connections{listener=\"serve\"}").await < 10.0
    })
    .await;
    site.has_recovered_from("10,000 connections").await;
}
