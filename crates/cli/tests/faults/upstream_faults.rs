//! Upstreams that are slow, reset the connection, or answer half.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::{
    gateway_process::PATIENCE,
    site::{PROMPT, Setting, Site, open_rule},
    sockets::{raw_client::RawClient, upstream::scripted},
};

/// What an upstream does once it read a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Silence,
    CloseAtOnce,
    ResetAtOnce,
    HalfAHead,
    NoHttp,
    EndlessHead,
    HalfABody,
    HalfAChunk,
    ResetWithinABody,
}

const HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";

async fn play(mut stream: TcpStream, fault: Fault) {
    let _ = stream.read(&mut [0; 8192]).await;
    match fault {
        Fault::Silence => {
            let _ = stream.read(&mut [0; 16]).await;
        }
        Fault::CloseAtOnce => {}
        Fault::ResetAtOnce => stream.set_zero_linger().unwrap(),
        Fault::HalfAHead => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await;
        }
        Fault::NoHttp => {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        }
        Fault::EndlessHead => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            let more = "X-More: and more\r\n".repeat(500);
            while stream.write_all(more.as_bytes()).await.is_ok() {}
        }
        Fault::HalfABody => {
            let _ = stream.write_all(HALF).await;
            let _ = stream.write_all(&[b'x'; 500_000]).await;
        }
        Fault::HalfAChunk => {
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n";
            let _ = stream.write_all(head).await;
            let _ = stream.write_all(&[b'x'; 1000]).await;
        }
        Fault::ResetWithinABody => {
            let _ = stream.write_all(HALF).await;
            let _ = stream.write_all(&[b'x'; 1000]).await;
            // Sent, not thrown away with the connection.
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.set_zero_linger().unwrap();
        }
    }
}

/// What a client got.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    /// A whole answer with this status.
    Whole(u16),
    /// A head with 200, and an end that no client can take for the end of the body.
    Cut,
}

async fn get(site: &Site, fault: Fault) -> Got {
    let mut client = RawClient::connect(site.gateway.address).await;
    client.send(format!("GET /{fault:?}/a HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    let head = client.read_head().await.expect("a head");
    let length = head.header("content-length").map(|length| length.parse::<usize>().unwrap());
    let is_whole = |body: &[u8]| match length {
        Some(length) => body.len() >= length,
        None => body.ends_with(b"0\r\n\r\n"),
    };
    while !is_whole(&client.unread) {
        if !client.read_some().await {
            assert_eq!(head.status, 200, "a refusal is sent whole");
            return Got::Cut;
        }
    }
    Got::Whole(head.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_fails_is_told_and_half_an_answer_is_never_whole() {
    let faults = [
        (Fault::Silence, Got::Whole(504)),
        (Fault::CloseAtOnce, Got::Whole(502)),
        (Fault::ResetAtOnce, Got::Whole(502)),
        (Fault::HalfAHead, Got::Whole(502)),
        (Fault::NoHttp, Got::Whole(502)),
        (Fault::EndlessHead, Got::Whole(502)),
        (Fault::HalfABody, Got::Cut),
        (Fault::HalfAChunk, Got::Cut),
        (Fault::ResetWithinABody, Got::Cut),
    ];
    let mut rules = String::new();
    for (fault, _) in &faults {
        let fault = *fault;
        let address = scripted(move |stream| play(stream, fault)).await;
        rules += &open_rule(&format!("/{fault:?}/**"), address);
    }
    let serve = "  timeout: {read: 2s}\n";
    let mut site = Site::start_with(Setting { serve, rules, ..Setting::default() }).await;
    site.warm_up().await;
    let site = std::sync::Arc::new(site);
    for (fault, expected) in faults {
        let mut calls = JoinSet::new();
        for _ in 0..30 {
            let site = std::sync::Arc::clone(&site);
            calls
                .spawn(async move { timeout(PATIENCE, get(&site, fault)).await.expect("an answer in time") });
        }
        // Who asks for something else notices nothing.
        assert_eq!(timeout(PROMPT, site.call()).await.unwrap(), 200, "beside {fault:?}");
        for got in calls.join_all().await {
            assert_eq!(got, expected, "{fault:?}");
        }
        site.has_recovered_from(&format!("{fault:?}")).await;
    }
}
