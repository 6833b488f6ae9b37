//! Requests whose length can be read in two ways (RFC 9112 §11.2): what one reading takes for a body hides a second
//! request. Whatever the gateway makes of the first, the second is never forwarded, and its connection is not used again
//! where the two readings differ.

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::{
    gateway_process::PATIENCE,
    site::{Setting, Site},
    sockets::raw_client::RawClient,
};

/// The request that must not be seen by anybody.
const HIDDEN: &str = "GET /open/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
/// How long the hidden request is.
const HIDDEN_LENGTH: usize = HIDDEN.len();

/// A request with these lines and this body.
fn post(lines: &str, body: &str) -> String {
    format!("POST /open/first HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}")
}

/// The shapes by name. Each holds [`HIDDEN`] where one of two readings finds a request.
fn shapes() -> Vec<(&'static str, String)> {
    let after_last_chunk = format!("0\r\n\r\n{HIDDEN}");
    let whole = after_last_chunk.len();
    let in_chunk = format!("{HIDDEN_LENGTH:x}\r\n{HIDDEN}\r\n0\r\n\r\n");
    let both = |first: &str, second: &str| post(&format!("{first}\r\n{second}\r\n"), &after_last_chunk);
    let length = format!("Content-Length: {whole}");
    let mut shapes = vec![
        ("CL.TE", both(&length, "Transfer-Encoding: chunked")),
        ("TE.CL", both("Transfer-Encoding: chunked", &length)),
        ("TE.CL, short", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", &in_chunk)),
        ("CL.0", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", &after_last_chunk)),
        (
            "TE in HTTP/1.0",
            both(&length, "Transfer-Encoding: chunked")
                .replace("HTTP/1.1\r\nHost: a\r\nC", "HTTP/1.0\r\nHost: a\r\nC"),
        ),
        // Without a length that both would find, what follows is a request of its own or an error.
        (
            "chunk size that overflows",
            post("Transfer-Encoding: chunked\r\n", &format!("10000000000000000\r\n{HIDDEN}")),
        ),
        ("negative chunk size", post("Transfer-Encoding: chunked\r\n", &format!("-1\r\n{HIDDEN}"))),
        ("chunk size with a prefix", post("Transfer-Encoding: chunked\r\n", &format!("0x0\r\n\r\n{HIDDEN}"))),
        ("chunk size with a plus", post("Transfer-Encoding: chunked\r\n", &format!("+0\r\n\r\n{HIDDEN}"))),
        ("empty chunk size", post("Transfer-Encoding: chunked\r\n", &format!("\r\n\r\n{HIDDEN}"))),
        (
            "chunk size with a blank in front",
            post("Transfer-Encoding: chunked\r\n", &format!(" 0\r\n\r\n{HIDDEN}")),
        ),
        ("chunk size, bare CR", post("Transfer-Encoding: chunked\r\n", &format!("0\r\r\n{HIDDEN}"))),
        (
            "chunk extension with a bare LF",
            post(
                "Transfer-Encoding: chunked\r\n",
                &format!("2;\nxx\r\n{HIDDEN_LENGTH:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
            ),
        ),
        (
            "chunk extension over any limit",
            post(
                "Transfer-Encoding: chunked\r\n",
                &format!("1;{}\r\na\r\n0\r\n\r\n{HIDDEN}", "x".repeat(100_000)),
            ),
        ),
        (
            "chunk without its end",
            post("Transfer-Encoding: chunked\r\n", &format!("1\r\nab0\r\n\r\n{HIDDEN}")),
        ),
        (
            "chunk that ends with a bare LF",
            post("Transfer-Encoding: chunked\r\n", &format!("1\r\na\n0\r\n\r\n{HIDDEN}")),
        ),
        (
            "trailer with a blank in its name",
            post("Transfer-Encoding: chunked\r\n", &format!("0\r\nX : y\r\n\r\n{HIDDEN}")),
        ),
    ];
    // Codings that one side may take for `chunked` and another for none, beside a length that says the rest.
    for (name, line) in [
        ("TE.TE, xchunked", "Transfer-Encoding: xchunked"),
        ("TE.TE, chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        ("TE.TE, chunked and x", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
        ("TE.TE, x and chunked", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked"),
        ("TE.TE, list", "Transfer-Encoding: chunked, identity"),
        ("TE.TE, identity first", "Transfer-Encoding: identity, chunked"),
        ("TE.TE, blank before the colon", "Transfer-Encoding : chunked"),
        ("TE.TE, tab before the colon", "Transfer-Encoding\t: chunked"),
        ("TE.TE, vertical tab", "Transfer-Encoding: \u{b}chunked"),
        ("TE.TE, quotes", "Transfer-Encoding: \"chunked\""),
        ("TE.TE, folded", "Transfer-Encoding:\r\n chunked"),
        ("TE.TE, folded name", "X: y\r\n Transfer-Encoding: chunked"),
        ("TE.TE, bare LF in front", "X: y\nTransfer-Encoding: chunked"),
        ("TE.TE, bare CR in front", "X: y\rTransfer-Encoding: chunked"),
        ("TE.TE, parameter", "Transfer-Encoding: chunked;q=1"),
        ("TE.TE, comma in front", "Transfer-Encoding: ,chunked"),
        ("TE.TE, underscore", "Transfer_Encoding: chunked"),
        ("TE.TE, NUL", "Transfer-Encoding: chunked\0"),
    ] {
        shapes.push((name, both(line, &length)));
    }
    // Lengths that one side may read as a number and another not.
    for (name, value) in [
        ("CL with a plus", "+0".to_owned()),
        ("CL with a minus", "-0".to_owned()),
        ("CL as a list", format!("0, {HIDDEN_LENGTH}")),
        ("CL as an equal list", "0, 0".to_owned()),
        ("CL with a blank inside", "0 0".to_owned()),
        ("CL in hexadecimal", "0x0".to_owned()),
        ("CL with a fraction", "0.0".to_owned()),
        ("CL that overflows", "18446744073709551616".to_owned()),
        ("CL empty", String::new()),
        ("CL twice, different", format!("0\r\nContent-Length: {HIDDEN_LENGTH}")),
        ("CL twice, different, long first", format!("{HIDDEN_LENGTH}\r\nContent-Length: 0")),
        ("CL with a blank before the colon", format!("{HIDDEN_LENGTH}\r\nContent-Length : 0")),
        ("CL with a vertical tab", "\u{b}0".to_owned()),
        ("CL folded", format!("\r\n {HIDDEN_LENGTH}")),
    ] {
        shapes.push((name, post(&format!("Content-Length: {value}\r\n"), HIDDEN)));
    }
    shapes
}

/// What follows where both readings agree: the hidden request is one of its own, and forwarded as such. Otherwise this test
/// would see nothing at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_an_undoubted_body_is_a_request() {
    let site = Site::start().await;
    for request in [
        post("Content-Length: 0\r\n", HIDDEN),
        post("Transfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{HIDDEN}")),
        post("Transfer-Encoding: chunked\r\n", &format!("1;a=b\r\nx\r\n0\r\n\r\n{HIDDEN}")),
    ] {
        let before = hidden_seen(&site);
        let mut client = RawClient::connect(site.gateway.address).await;
        client.send(&request).await;
        for _ in 0..2 {
            assert_eq!(client.read_answer().await.unwrap().status, 200, "{request}");
        }
        assert_eq!(hidden_seen(&site), before + 1, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_shape_smuggles_a_request() {
    // Where the request is plain for once, the gateway waits for the next one, and then closes.
    let serve = "  timeout: {read: 2s, idle: 1s}\n";
    let mut site = Site::start_with(Setting { serve, ..Setting::default() }).await;
    site.warm_up().await;
    let mut wrong = Vec::new();
    for (name, request) in shapes() {
        let before = site.upstream.targets().len();
        let answers = statuses(&site, &request).await;
        let forwarded = site.upstream.targets().split_off(before);
        if forwarded.iter().any(|target| target != "/open/first") || forwarded.len() > 1 {
            wrong.push(format!("{name}: forwarded {forwarded:?}, answered {answers:?}"));
        }
        let is_refusal = |status: &u16| (400..=431).contains(status) || *status == 501;
        if answers.len() > 1 || answers.iter().any(|status| *status != 200 && !is_refusal(status)) {
            wrong.push(format!("{name}: answered {answers:?}"));
        }
        if site.call().await != 200 {
            wrong.push(format!("{name}: the next good call"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(hidden_seen(&site), 0);
    site.has_recovered_from("smuggling").await;
}

fn hidden_seen(site: &Site) -> usize {
    site.upstream.targets().iter().filter(|target| *target == "/open/hidden").count()
}

/// The statuses of all answers on a connection that is closed by the gateway.
async fn statuses(site: &Site, request: &str) -> Vec<u16> {
    let stream = TcpStream::connect(site.gateway.address).await.unwrap();
    let mut client = RawClient { stream, unread: Vec::new() };
    client.send(request).await;
    let mut received = Vec::new();
    let reading = async {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = client.stream.read(&mut buffer).await {
            received.extend_from_slice(&buffer[..count]);
        }
    };
    timeout(PATIENCE, reading)
        .await
        .unwrap_or_else(|_| panic!("the gateway closes the connection of {request}"));
    let text = String::from_utf8_lossy(&received).into_owned();
    text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}
