//! Requests that are refused for their HTTP alone. None of them reaches the upstream, none gets a challenge.

use super::{
    raw_client::{RawClient, exchange},
    running_gateway::RunningGateway,
    upstream::Upstream,
};

/// Sends each request; `None` stands for a connection that is closed without an answer.
async fn refused(requests: &[(&str, Option<u16>)]) {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    for (request, expected) in requests {
        let answer = exchange(gateway.address(), request).await;
        assert_eq!(answer.as_ref().map(|answer| answer.status), *expected, "{request:?}");
        if let Some(answer) = answer {
            assert_eq!(answer.header("www-authenticate"), None, "{request:?}");
            assert!(answer.body.is_empty(), "{request:?}");
        }
    }
    assert_eq!(upstream.seen(), 0);
    let good = exchange(gateway.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(good.status, 200, "others are still served");
}

#[tokio::test]
async fn hosts_that_are_no_hosts() {
    let hosts = [
        "",
        "api.example.com/plain?",
        "a@evil",
        "a#",
        "a\\",
        "a%2f",
        "a:port",
        "http://a",
        "a..b",
        "a?x",
        "<script>",
        "a.",
        "a:0",
        "[zz]",
        "a, b",
    ];
    let requests: Vec<String> =
        hosts.iter().map(|host| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).collect();
    let cases: Vec<_> = requests.iter().map(|request| (request.as_str(), Some(400))).collect();
    refused(&cases).await;
    refused(&[
        ("GET / HTTP/1.1\r\n\r\n", Some(400)),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Some(400)),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Some(400)),
    ])
    .await;
}

#[tokio::test]
async fn targets_that_are_no_paths() {
    refused(&[
        ("GET http://evil.example/x HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET https://a/x HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", Some(400)),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET plain HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET /a\\..\\b HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET /caf\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET /a/..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", Some(400)),
    ])
    .await;
}

#[tokio::test]
async fn methods_that_are_never_forwarded() {
    refused(&[
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", Some(405)),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", Some(405)),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n", Some(417)),
    ])
    .await;
}

#[tokio::test]
async fn framing_that_others_could_read_differently() {
    let chunks = "0\r\n\r\n";
    let with = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{chunks}");
    let requests = [
        with("Transfer-Encoding: xchunked"),
        with("Transfer-Encoding: chunked, identity"),
        with("Transfer-Encoding: chunked, chunked"),
        with("Transfer-Encoding: gzip, chunked"),
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        with("Transfer-Encoding : chunked"),
        with("Content-Length : 5"),
        with("Content-Length: +5"),
        with("Content-Length: 0x5"),
        with("Content-Length: 5;"),
        with("Content-Length: 5\r\nContent-Length: 6"),
        with("X-Folded: a\r\n b"),
        with("X-Nul: a\0b"),
        with("Connection: close, DPoP\r\nDPoP: x"),
        with("Connection: Authorization"),
    ];
    let cases: Vec<_> = requests.iter().map(|request| (request.as_str(), Some(400))).collect();
    refused(&cases).await;
}

#[tokio::test]
async fn other_protocols_and_oversized_heads() {
    let large_header = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Big: {}\r\n\r\n", "x".repeat(200_000));
    let large_target = format!("GET /?{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(40_000));
    refused(&[
        (&large_header, Some(431)),
        (&large_target, Some(431)),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", Some(400)),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", Some(400)),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03\r\n\r\n", Some(400)),
    ])
    .await;
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let preface = exchange(gateway.address(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage").await;
    assert!(preface.is_none_or(|answer| answer.status == 400));
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_hidden_request_behind_two_lengths_is_not_executed() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = RawClient::connect(gateway.address()).await;
    let body = format!("0\r\n\r\n{hidden}");
    let length = body.len();
    client
        .send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{body}"))
        .await;
    assert_eq!(client.read_answer().await.unwrap().status, 200);
    assert!(client.read_answer().await.is_none(), "closed after the answer");
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn a_bad_chunk_is_the_clients_fault() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    for body in ["FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n", "3\r\nabcdef\r\n0\r\n\r\n", "zz\r\n"] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let answer = exchange(gateway.address(), request).await;
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 400), "{body:?}: {answer:?}");
    }
}

#[tokio::test]
async fn good_and_bad_requests_alternate_on_one_connection() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let mut client = RawClient::connect(gateway.address()).await;
    for (path, expected) in [("/a", 200), ("/a%2Fb", 400), ("/a", 200), ("/a%2Fb", 400)] {
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n")).await;
        let answer = client.read_answer().await.unwrap();
        assert_eq!(answer.status, expected, "{path}");
    }
    assert_eq!(upstream.seen(), 2);
}
