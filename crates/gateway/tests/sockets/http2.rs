//! HTTP/2 from clients: the same checks as for HTTP/1.1, and limits of its own.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Request, client::conn::http2};
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    tls::{start, start_with},
    tls_client::{AnyBody, Http2Client, Stalled, connect, get, identity, text_body, text_of},
    upstream::{Upstream, scripted, seen_header},
};

#[tokio::test]
async fn requests_are_checked_as_those_of_http_1_1() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let gateway = start(&identity, upstream.address).await;
    let uri = "https://localhost/a";
    let many: Vec<(&str, &str)> = vec![("x-field", "1"); 101];
    let large = "x".repeat(40 * 1024);
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], u16);
    let rows: [Row<'_>; 9] = [
        (uri, &[], 200),
        (uri, &[("host", "localhost")], 200),
        (uri, &[("host", "other")], 400),
        (uri, &[("host", "localhost"), ("host", "localhost")], 400),
        ("http://localhost/a", &[], 400),
        ("https://user@localhost/a", &[], 400),
        ("https://localhost/a%zz", &[], 400),
        (uri, &many, 431),
        (uri, &[("x-large", &large)], 431),
    ];
    for (uri, fields, expected) in rows {
        let mut client = Http2Client::connect(gateway.address(), &identity).await;
        let (status, _) = client.get(uri, fields).await;
        assert_eq!(status, expected, "{uri} with {} fields", fields.len());
    }
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    for (method, expected) in [("TRACE", 405), ("OPTIONS", 200), ("PURGE", 200)] {
        let request = Request::builder().method(method).uri(uri).body(text_body("")).unwrap();
        assert_eq!(client.send(request).await.unwrap().status(), expected, "{method}");
    }
    assert_eq!(upstream.seen(), 4);
}

#[tokio::test]
async fn bodies_pass_cookies_are_joined_and_trailers_end_here() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let gateway = start(&identity, upstream.address).await;
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    let trailers = http::HeaderMap::from_iter([("dpop".parse().unwrap(), "late".parse().unwrap())]);
    let body = text_body("hello").with_trailers(async move { Some(Ok(trailers)) }).boxed_unsync();
    let request = Request::builder()
        .method("POST")
        .uri("https://localhost/a")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("te", "trailers")
        .body(body)
        .unwrap();
    let response = client.send(request).await.unwrap();
    assert_eq!(response.headers()["x-upstream"], "echo");
    let seen: serde_json::Value = serde_json::from_str(&text_of(response).await).unwrap();
    assert_eq!(seen["body"], "hello");
    assert_eq!(seen_header(&seen, "cookie"), ["a=1; b=2"]);
    assert!(seen_header(&seen, "te").is_empty() && !seen.to_string().contains("late"), "{seen}");
}

#[tokio::test]
async fn bodies_have_the_limits_of_http_1_1() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let serve = "  timeout: {read: 2s}\n  limits: {max_body_size: 10B}\n";
    let gateway = start_with(&identity, serve, "", upstream.address).await;
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    let post = |body: AnyBody| Request::post("https://localhost/a").body(body).unwrap();
    assert_eq!(client.send(post(text_body("0123456789"))).await.unwrap().status(), 200);
    // With an announced length, and without one.
    assert_eq!(client.send(post(text_body("0123456789a"))).await.unwrap().status(), 413);
    let endless = |text: &'static str| Stalled(Some(Bytes::from_static(text.as_bytes()))).boxed_unsync();
    assert_eq!(client.send(post(endless("0123456789a"))).await.unwrap().status(), 413);
    assert_eq!(client.send(post(endless("01234"))).await.unwrap().status(), 408);
    // The connection lives on.
    assert_eq!(client.get("https://localhost/a", &[]).await.0, 200);
}

#[tokio::test]
async fn a_refusal_does_not_end_the_connection() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let gateway = start(&identity, upstream.address).await;
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    for expected in [400, 200] {
        let host = if expected == 400 { "other" } else { "localhost" };
        let response = client.send(get("https://localhost/a", &[("host", host)])).await.unwrap();
        assert_eq!(response.status(), expected);
        assert_eq!(response.headers().get("connection"), None);
    }
}

#[tokio::test]
async fn an_idle_connection_ends() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let gateway = start_with(&identity, "  timeout: {idle: 300ms}\n", "", upstream.address).await;
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    assert_eq!(client.get("https://localhost/a", &[]).await.0, 200);
    let ended = tokio::time::timeout(Duration::from_secs(10), client.connection).await.unwrap();
    assert!(ended.unwrap().is_ok(), "with a GOAWAY");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let upstream = scripted(|mut stream| async move {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1 << 30);
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(&[0; 65_536]).await.is_ok() {}
    })
    .await;
    let identity = identity();
    let gateway = start_with(&identity, "  timeout: {write: 500ms}\n", "", upstream).await;
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    let response = client.send(get("https://localhost/a", &[])).await.unwrap();
    // The body is kept and not read: the window closes.
    let ended = tokio::time::timeout(Duration::from_secs(10), client.connection).await;
    assert!(ended.is_ok(), "the gateway ended it");
    drop(response);
}

#[tokio::test]
async fn shutdown_finishes_streams_and_says_goodbye() {
    let (begun, proceed) =
        (std::sync::Arc::new(tokio::sync::Notify::new()), std::sync::Arc::new(tokio::sync::Notify::new()));
    let (starting, gate) = (begun.clone(), proceed.clone());
    let upstream = scripted(move |mut stream| {
        let (starting, gate) = (starting.clone(), gate.clone());
        async move {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            starting.notify_one();
            gate.notified().await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await;
        }
    })
    .await;
    let identity = identity();
    let gateway = start(&identity, upstream).await;
    let mut idle = Http2Client::connect(gateway.address(), &identity).await;
    assert!(idle.requests.ready().await.is_ok());
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    let answer = tokio::spawn(client.send(get("https://localhost/a", &[])));
    begun.notified().await;
    let stopping = tokio::spawn(gateway.stop());
    let ended = tokio::time::timeout(Duration::from_secs(10), idle.connection).await.unwrap().unwrap();
    assert!(ended.is_ok(), "idle connections get a GOAWAY: {ended:?}");
    proceed.notify_one();
    assert_eq!(text_of(answer.await.unwrap().unwrap()).await, "done");
    stopping.await.unwrap();
}

/// P76 of the catalogue of hostile requests.
#[tokio::test]
async fn rapid_resets_end_their_connection_and_no_other() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let gateway = start(&identity, upstream.address).await;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_max_send_streams(10_000);
    let stream = connect(gateway.address(), &identity, &["h2"]).await;
    let mut abusive = Http2Client::over(stream, builder).await;
    for _ in 0..2_000 {
        // Dropped at once: hyper sends the request and resets it.
        let sending = abusive.requests.send_request(get("https://localhost/a", &[]));
        tokio::select! {
            biased;
            _ = sending => {}
            () = std::future::ready(()) => {}
        }
        if abusive.requests.is_closed() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    let answer = tokio::time::timeout(Duration::from_secs(3), client.get("https://localhost/a", &[])).await;
    assert_eq!(answer.unwrap().0, 200);
}
