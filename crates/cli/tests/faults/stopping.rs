//! SIGTERM while clients call.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    gateway_process::{GatewayProcess, eventually, level_of},
    site::{Setting, Site, open_rule},
    sockets::{raw_client::RawClient, upstream::scripted},
};

const CLIENTS: usize = 24;
const UPLOADS: usize = 8;
/// An answer, of which the second half comes later.
const HALF: [u8; 10_000] = [b'x'; 10_000];

type Targets = Arc<Mutex<BTreeSet<String>>>;

/// Answers in two halves, on connections that are used again, and notes which requests arrived.
async fn answer_slowly(mut stream: TcpStream, begun: Targets) {
    let (mut received, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        received.extend_from_slice(&buffer[..count]);
        let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(received.drain(..end + 4).collect()).unwrap();
        begun.lock().unwrap().insert(head.split(' ').nth(1).unwrap().to_owned());
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 2 * HALF.len());
        let _ = stream.write_all(&[head.as_bytes(), &HALF].concat()).await;
        sleep(Duration::from_millis(150)).await;
        let _ = stream.write_all(&HALF).await;
    }
}

/// Calls on kept connections for as long as somebody listens. A head without its whole body fails the test.
async fn keep_calling(site: Arc<Site>, client: usize, answered: Targets) {
    let mut number = 0;
    while let Ok(stream) = TcpStream::connect(site.gateway.address).await {
        let mut connection = RawClient { stream, unread: Vec::new() };
        loop {
            number += 1;
            let target = format!("/slow/{client}-{number}");
            connection.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let Some(answer) = connection.read_answer().await else { break };
            assert_eq!((answer.status, answer.body.len()), (200, 2 * HALF.len()));
            answered.lock().unwrap().insert(target);
            if answer.header("connection") == Some("close") {
                break;
            }
            // Now and then a connection is idle for a moment.
            sleep(Duration::from_millis(number % 3)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_loses_no_request_that_had_begun() {
    let (begun, answered) = (Targets::default(), Targets::default());
    let noted = Arc::clone(&begun);
    let slow = scripted(move |stream| answer_slowly(stream, Arc::clone(&noted))).await;
    let setting = Setting { rules: open_rule("/slow/**", slow), ..Setting::default() };
    let mut site = Site::start_with(setting).await;
    site.warm_up().await;
    let (level, warmed_up_with) = (level_of(site.warm_bytes()), site.upstream.seen());
    let site = Arc::new(site);
    let address = site.gateway.address;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(keep_calling(Arc::clone(&site), client, Arc::clone(&answered)));
    }
    let mut uploads = Vec::new();
    for _ in 0..UPLOADS {
        let mut upload = RawClient::connect(address).await;
        upload.send("POST /open/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await;
        uploads.push(upload);
    }
    let mut idle = RawClient::connect(address).await;
    eventually("uploads begin", async || site.upstream.seen() == warmed_up_with + UPLOADS).await;
    eventually("calls go on", async || answered.lock().unwrap().len() > 4 * CLIENTS).await;

    let asked_to_stop = Instant::now();
    site.gateway.terminate();
    assert!(idle.read_answer().await.is_none(), "idle connections end");
    eventually("nobody listens any more", async || TcpStream::connect(address).await.is_err()).await;
    let ready = site.ask_management("/.well-known/ready").await;
    assert_eq!(ready.status, 503, "the uploads are still under way: {}", ready.text());
    let peak = site.gateway.peak_resident_bytes();
    assert!(peak <= level, "{} MB for the load and its end", peak >> 20);
    for mut upload in uploads {
        upload.send("world").await;
        let answer = upload.read_answer().await.expect("an answer to an upload that had begun");
        assert_eq!(answer.json()["body"], "helloworld");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    clients.join_all().await;
    let mut site = Arc::into_inner(site).unwrap();
    let (status, log, folder) = site.gateway.ended().await;
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("msg=\"Stopped\" finished=true"), "{log}");
    assert!(asked_to_stop.elapsed() < Duration::from_secs(20), "{:?}", asked_to_stop.elapsed());
    let lost: Vec<_> = {
        let (begun, answered) = (begun.lock().unwrap(), answered.lock().unwrap());
        begun.difference(&answered).cloned().collect()
    };
    assert!(lost.is_empty(), "lost: {lost:?}");
    // Whoever starts next in its place takes good calls at once, and needs no more memory than the one before did.
    site.gateway = GatewayProcess::start_in(folder).await;
    eventually("keys are there", async || site.call().await == 200).await;
    site.has_recovered_from("SIGTERM").await;
}
