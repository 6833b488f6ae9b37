//! What the upstream sees of a request, and the client of an answer.

use super::{
    raw_client::{RawClient, exchange},
    running_gateway::RunningGateway,
    upstream::{Upstream, scripted, seen_header},
};

async fn seen(request: &str) -> serde_json::Value {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let answer = exchange(gateway.address(), request).await.unwrap();
    assert_eq!(answer.status, 200, "{request}");
    assert_eq!(upstream.seen(), 1);
    answer.json()
}

#[tokio::test]
async fn the_upstream_gets_the_request_and_the_forwarding_headers() {
    let seen = seen("POST /a%7Eb/../c?x=1&y HTTP/1.1\r\nHost: GW:99\r\nX-Own: 1\r\nX-Own: 2\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["target"], "/c?x=1&y");
    assert_eq!(seen["body"], "hello");
    assert_eq!(seen_header(&seen, "x-own"), ["1", "2"]);
    assert_eq!(seen_header(&seen, "forwarded"), [r#"for=127.0.0.1;host="gw:99";proto=http"#]);
    assert_eq!(seen_header(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen_header(&seen, "x-forwarded-host"), ["gw:99"]);
    assert_eq!(seen_header(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(seen_header(&seen, "content-length"), ["5"]);
}

#[tokio::test]
async fn forwarding_headers_of_strangers_do_not_pass() {
    let seen = seen(
        "GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Uri: /evil\r\nX-Forwarded-Method: POST\r\nX-Forwarded-Path: /evil\r\nX_Forwarded_For: evil\r\n\r\n",
    )
    .await;
    assert!(!seen.to_string().contains("evil") && !seen.to_string().contains("6.6.6.6"), "{seen}");
    assert_eq!(seen["method"], "GET");
}

#[tokio::test]
async fn rules_rewrite_path_query_and_host() {
    let seen = seen("GET /rw/q?z=1&debug=1&a=%20b+c HTTP/1.1\r\nHost: gw\r\n\r\n").await;
    assert_eq!(seen["target"], "/v2/q?z=1&a=%20b+c");
    assert!(seen_header(&seen, "host")[0].starts_with("127.0.0.1:"), "{seen}");
    assert_eq!(seen_header(&seen, "x-forwarded-host"), ["gw"]);
}

#[tokio::test]
async fn hop_by_hop_fields_end_here_and_finalizers_have_the_last_word() {
    let seen = seen(
        "GET /named/x HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop, X-User, TE\r\nX-Hop: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n\
         Proxy-Authorization: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX-User: evil\r\nX_User: evil\r\n\r\n",
    )
    .await;
    assert_eq!(seen_header(&seen, "x-user"), ["anonymous"]);
    for name in [
        "x-hop",
        "te",
        "keep-alive",
        "proxy-authorization",
        "upgrade",
        "http2-settings",
        "x_user",
        "connection",
    ] {
        assert!(seen_header(&seen, name).is_empty(), "{name} in {seen}");
    }
}

#[tokio::test]
async fn chunked_bodies_pass_and_trailers_do_not() {
    let seen = seen(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Late: 1\r\nAuthorization: x\r\n\r\n",
    )
    .await;
    assert_eq!(seen["body"], "abcde");
    assert!(!seen.to_string().contains("late"), "{seen}");
}

#[tokio::test]
async fn http_1_0_clients_are_served() {
    let seen = seen("GET /old HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert_eq!(seen["target"], "/old");
}

#[tokio::test]
async fn the_client_gets_the_upstreams_answer() {
    let upstream = scripted(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        let _ = stream
            .write_all(b"HTTP/1.1 418 Teapot\r\nX-Own: 1\r\nX-Own: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nContent-Length: 3\r\n\r\ntea")
            .await;
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let answer = exchange(gateway.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (418, "tea"));
    assert_eq!(answer.headers.iter().filter(|(name, _)| name == "x-own").count(), 2);
    assert_eq!(answer.header("x-hop"), None);
    assert_eq!(answer.header("connection"), None);
}

#[tokio::test]
async fn head_has_no_body_and_keeps_the_length() {
    let upstream = scripted(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        }
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let mut client = RawClient::connect(gateway.address()).await;
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = client.read_head().await.unwrap();
        assert_eq!((head.status, head.header("content-length")), (200, Some("1000")));
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_502() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let gateway = RunningGateway::open_to(address).await;
    let answer = exchange(gateway.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!((answer.status, answer.header("cache-control")), (502, Some("no-store")));
}

#[tokio::test]
async fn an_upstream_that_talks_nonsense_is_502() {
    let upstream = scripted(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9\r\n").await;
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let answer = exchange(gateway.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(answer.status, 502);
}

#[tokio::test]
async fn trusted_proxies_say_what_was_asked_for() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_with("  trusted_proxies: [127.0.0.0/8]\n", upstream.address).await;
    let request = "GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: Public.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Uri: /named/x?y\r\n\r\n";
    let answer = exchange(gateway.address(), request).await.unwrap();
    // The effective scheme is https, so the upstream is asked over TLS, which it does not speak.
    assert_eq!(answer.status, 502);
    let request = request.replace("X-Forwarded-Proto: https", "X-Forwarded-Proto: HTTP");
    let seen = exchange(gateway.address(), &request).await.unwrap().json();
    assert_eq!(seen["target"], "/named/x?y");
    assert_eq!(seen_header(&seen, "x-forwarded-for"), ["1.2.3.4, 127.0.0.1"]);
    assert_eq!(seen_header(&seen, "x-forwarded-host"), ["public.example"]);
    assert_eq!(seen_header(&seen, "host"), ["public.example"]);
    let twice =
        request.replace("X-Forwarded-Proto: HTTP", "X-Forwarded-Proto: http\r\nX-Forwarded-Proto: http");
    assert_eq!(exchange(gateway.address(), &twice).await.unwrap().status, 400);
}
