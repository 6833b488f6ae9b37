//! Framing, odd bytes and connection fields of HTTP/1.1.

use jose::crypto;
use serde_json::json;

use super::{
    draft::{Draft, Wire},
    expectation::*,
    site::{Case, Site, at, plain},
};
use crate::sockets::{raw_client::RawClient, upstream::seen_header};

#[tokio::test]
async fn bytes_that_are_no_plain_request_are_not_forwarded() {
    Site::start().await.run(rows()).await;
}

/// P3: what follows a request with two lengths is no request.
#[tokio::test]
async fn the_connection_is_closed_after_two_lengths() {
    let site = Site::start().await;
    let mut draft = Draft::new(&site.issuer, "/plain/a");
    let token = draft.make_token(&site.issuer_key);
    let mut wire = draft.make_wire(&token);
    two_lengths(&mut wire);
    let mut next = Draft::new(&site.issuer, "/plain/b");
    let token = next.make_token(&site.issuer_key);
    let seen = site.upstream.seen();
    let mut client = RawClient::connect(site.gateway.address()).await;
    client.send([wire.bytes(), next.make_wire(&token).bytes()].concat()).await;
    let first = client.read_answer().await;
    assert!(first.is_none_or(|answer| answer.status < 500));
    assert!(client.read_answer().await.is_none(), "no second answer");
    assert!(site.upstream.seen() - seen <= 1);
}

/// P47: the body is asked for and passed on.
#[tokio::test]
async fn an_expected_body_is_sent_after_the_interim_answer() {
    let site = Site::start().await;
    let mut draft = Draft::new(&site.issuer, "/plain/a");
    draft.method = "POST";
    draft.wire = Some(|w| {
        w.add("Expect", "100-continue");
        w.add("Content-Length", "5");
    });
    let token = draft.make_token(&site.issuer_key);
    let mut client = RawClient::connect(site.gateway.address()).await;
    client.send(draft.make_wire(&token).bytes()).await;
    let interim = client.read_head().await.unwrap();
    assert_eq!(interim.status, 100);
    client.send("hello").await;
    let answer = client.read_answer().await.unwrap();
    assert_eq!((answer.status, answer.json()["body"].clone()), (200, json!("hello")));
}

/// P49: every request of a connection is judged for itself.
#[tokio::test]
async fn good_and_bad_proofs_alternate_on_one_connection() {
    let site = Site::start().await;
    let mut client = RawClient::connect(site.gateway.address()).await;
    for expected in [200, 401, 200, 401, 200, 401] {
        let mut draft = Draft::new(&site.issuer, "/plain/a");
        if expected == 401 {
            wrong_ath(&mut draft);
        }
        let token = draft.make_token(&site.issuer_key);
        client.send(draft.make_wire(&token).bytes()).await;
        assert_eq!(client.read_answer().await.unwrap().status, expected);
    }
}

fn wrong_ath(draft: &mut Draft) {
    draft.claim("ath", json!(jose::base64url::encode(crypto::sha256(b"another"))));
}

fn two_lengths(wire: &mut Wire) {
    wire.line = wire.line.replace("GET", "POST");
    wire.add("Content-Length", "5");
    wire.add("Transfer-Encoding", "chunked");
    wire.body = b"0\r\n\r\n".to_vec();
}

fn chunked(draft: &mut Draft, edit: fn(&mut Wire)) {
    draft.method = "POST";
    draft.wire = Some(edit);
}

/// A whole request in the place of a body.
fn hidden(wire: &Wire) -> Vec<u8> {
    let mut hidden = Wire {
        line: "GET /plain/hidden HTTP/1.1".to_owned(),
        fields: Vec::new(),
        body: Vec::new(),
        token: String::new(),
        proof: String::new(),
        raw: None,
    };
    hidden.add("Host", super::draft::HOST);
    hidden.add("Authorization", format!("DPoP {}", wire.token));
    hidden.add("DPoP", &wire.proof);
    hidden.bytes()
}

fn line(draft: &mut Draft, edit: fn(&mut Wire)) {
    draft.wire = Some(edit);
}

pub fn rows() -> Vec<Case> {
    vec![
        plain("P1", EITHER, |d| {
            d.method = "POST";
            d.wire = Some(two_lengths);
        }),
        plain("P2", EITHER, |d| {
            chunked(d, |w| {
                let hidden = hidden(w);
                w.add("Content-Length", (hidden.len() + 5).to_string());
                w.add("Transfer-Encoding", "chunked");
                w.body = [b"0\r\n\r\n".to_vec(), hidden].concat();
            });
        }),
        plain("P5", MALFORMED, |d| chunked(d, |w| w.add("Transfer-Encoding", "chunked, identity"))),
        plain("P6", MALFORMED, |d| {
            chunked(d, |w| {
                w.add("Transfer-Encoding", "chunked, chunked");
                w.body = b"0\r\n\r\n".to_vec();
            });
        }),
        plain("P7", MALFORMED, |d| {
            chunked(d, |w| {
                w.add("Transfer-Encoding", "chunked");
                w.add("Transfer-Encoding", "chunked");
                w.body = b"0\r\n\r\n".to_vec();
            });
        }),
        plain("P9", MALFORMED, |d| {
            chunked(d, |w| {
                w.add("Content-Length ", "5");
                w.body = b"hello".to_vec();
            });
        }),
        plain("P10", BROKEN_BODY, |d| {
            chunked(d, |w| {
                w.add("Transfer-Encoding", "chunked");
                w.body = b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n".to_vec();
            });
        }),
        plain("P11", BROKEN_BODY, |d| {
            chunked(d, |w| {
                w.add("Transfer-Encoding", "chunked");
                w.body = b"3\r\nhello\r\n0\r\n\r\n".to_vec();
            });
        }),
        plain("P13", MALFORMED_OR_401, |d| chunked(d, |w| w.add("Content-Length", "0x0"))),
        plain("P14", MALFORMED_OR_401, |d| chunked(d, |w| w.add("Content-Length", "0;"))),
        plain("P16", MALFORMED_OR_401, |d| line(d, |w| w.rename("DPoP", "DP\0oP"))),
        plain("P17", DENIED, |d| line(d, |w| w.rename("Authorization", "Authorization_"))),
        plain("P19", MALFORMED_OR_401, |d| line(d, |w| w.add("X-Other", "a\rb"))),
        plain("P20", MALFORMED_OR_401, |d| line(d, |w| w.replace("Host: ", "NoColon\r\nHost: "))),
        plain("P21", MALFORMED_OR_401, |d| line(d, |w| w.replace("Host: ", " Host: "))),
        plain("P23", MALFORMED_OR_401, |d| line(d, |w| w.replace("\r\nDPoP: ", "\r\nDPoP:\r\n "))),
        plain("P24", EITHER, |d| {
            line(d, |w| {
                let text = String::from_utf8(w.bytes()).unwrap();
                w.raw = Some(text.replace("\r\n", "\n").into_bytes());
            });
        }),
        plain("P25", MALFORMED_OR_401, |d| line(d, |w| w.add("X/Other", "a"))),
        plain("P26", MALFORMED_OR_401, |d| line(d, |w| w.add("X-\u{e9}", "a"))),
        plain("P27", MALFORMED, |d| line(d, |w| w.line = "GET /plain/a/b".to_owned())),
        plain("P28", MALFORMED, |d| line(d, |w| w.replace("HTTP/1.1", "HTTP/2.0"))),
        plain("P29", MALFORMED, |d| line(d, |w| w.replace("HTTP/1.1", "HTTP/1.10"))),
        plain("P30", MALFORMED, |d| line(d, |w| w.replace("HTTP/1.1", "http/1.1"))),
        plain("P31", MALFORMED_OR_401, |d| line(d, |w| w.replace("GET", "G\x01T"))),
        plain("P32", ALLOWED, |d| line(d, |w| w.replace("HTTP/1.1", "HTTP/1.0"))),
        plain("P33", EITHER, |d| {
            chunked(d, |w| {
                w.line = w.line.replace("HTTP/1.1", "HTTP/1.0");
                w.add("Transfer-Encoding", "chunked");
                w.body = b"0\r\n\r\n".to_vec();
            });
        }),
        plain("P34", MALFORMED_OR_401, |d| {
            line(d, |w| {
                let mut bytes: Vec<u8> = (0..16).flat_map(|_| crypto::random::<32>()).collect();
                bytes.extend_from_slice(b"\r\n\r\n");
                w.raw = Some(bytes);
            });
        }),
        plain("P35", MALFORMED_OR_401, |d| {
            line(d, |w| w.raw = Some([vec![0x16, 3, 1, 0, 0x60, 1, 0, 0, 0x5c, 3, 3], vec![7; 90]].concat()));
        }),
        plain("P38", LIMIT_OR_414, |d| {
            line(d, |w| w.line = format!("GET /plain/a/b?{} HTTP/1.1", "q".repeat(200_000)));
        }),
        plain("P39", ALLOWED, |d| {
            line(d, |w| w.line = format!("GET /plain/a/b?{} HTTP/1.1", "q".repeat(4_096)));
        }),
        plain("P40", EITHER, |d| {
            line(d, |w| {
                w.add("Connection", "Upgrade, HTTP2-Settings");
                w.add("Upgrade", "h2c");
                w.add("HTTP2-Settings", "AAMAAABkAAQAAP__");
            });
        })
        .also(|answer| {
            answer.status != 101
                && (answer.status != 200
                    || ["upgrade", "http2-settings"]
                        .iter()
                        .all(|name| seen_header(&answer.json(), name).is_empty()))
        }),
        plain("P41", PROOF, |d| {
            d.claim("htm", json!("POST"));
            line(d, |w| {
                w.add("Connection", "Upgrade");
                w.add("Upgrade", "websocket");
                w.add("Sec-WebSocket-Version", "13");
                w.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
            });
        }),
        plain("P42", PROOF, |d| line(d, |w| w.remove("dpop")))
            .also(|answer| answer.header("cache-control") == Some("no-store")),
        plain("P43", PROOF, wrong_ath).also(|answer| answer.header("cache-control") == Some("no-store")),
        at("/user/a", "P44", EITHER, |d| line(d, |w| w.add("Connection", "X-User")))
            .also(|answer| answer.status != 200 || seen_header(&answer.json(), "x-user") == ["alice-id"]),
        plain("P45", ALLOWED, |d| {
            line(d, |w| {
                w.add("Connection", "close, X-Other");
                w.add("X-Other", "a");
                w.add("X-Kept", "b");
            });
        })
        .also(|answer| {
            let seen = answer.json();
            seen_header(&seen, "x-other").is_empty() && seen_header(&seen, "x-kept") == ["b"]
        }),
        plain("P46", PROOF, |d| {
            wrong_ath(d);
            chunked(d, |w| {
                w.add("Expect", "100-continue");
                w.add("Content-Length", "100000");
            });
        }),
        plain("P48", EITHER, |d| line(d, |w| w.add("Expect", "200-maybe"))),
        plain("P50", PROOF, |d| {
            chunked(d, |w| {
                w.body = hidden(w);
                w.add("Content-Length", w.body.len().to_string());
                w.remove("dpop");
            });
        }),
        plain("P51", ALLOWED, |d| line(d, |w| w.body("hello"))),
        plain("P52", ALLOWED, |d| {
            line(d, |w| {
                w.add("Connection", "TE, X-Hop");
                w.add("TE", "trailers");
                w.add("X-Hop", "a");
            });
        })
        .also(|answer| {
            let seen = answer.json();
            ["te", "x-hop"].iter().all(|name| seen_header(&seen, name).is_empty())
        }),
    ]
}
