//! Framing, odd bytes and connection fields of HTTP/1.1.

use jose::crypto;
use serde_json::json;

use super::{
    case::{Case, at, plain},
    draft::{Draft, Wire},
    expectation::*,
    f_claims::wrong_ath,
};

pub fn two_lengths(wire: &mut Wire) {
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
        plain("P36", MALFORMED_OR_401, |d| {
            line(d, |w| w.raw = Some([&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[7; 64]].concat()));
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
                    || ["upgrade", "http2-settings"].iter().all(|name| answer.upstream_saw(name).is_empty()))
        }),
        plain("P41", BAD_HTM, |d| {
            d.claim("htm", json!("POST"));
            line(d, |w| {
                w.add("Connection", "Upgrade");
                w.add("Upgrade", "websocket");
                w.add("Sec-WebSocket-Version", "13");
                w.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
            });
        }),
        plain("P42", NO_PROOF, |d| line(d, |w| w.remove("dpop")))
            .also(|answer| answer.header("cache-control") == Some("no-store")),
        plain("P43", BAD_ATH, wrong_ath).also(|answer| answer.header("cache-control") == Some("no-store")),
        at("/user/a", "P44", EITHER, |d| line(d, |w| w.add("Connection", "X-User")))
            .also(|answer| answer.status != 200 || answer.upstream_saw("x-user") == ["alice-id"]),
        plain("P45", ALLOWED, |d| {
            line(d, |w| {
                w.add("Connection", "close, X-Other");
                w.add("X-Other", "a");
                w.add("X-Kept", "b");
            });
        })
        .also(|answer| answer.upstream_saw("x-other").is_empty() && answer.upstream_saw("x-kept") == ["b"]),
        plain("P46", BAD_ATH, |d| {
            wrong_ath(d);
            chunked(d, |w| {
                w.add("Expect", "100-continue");
                w.add("Content-Length", "100000");
            });
        }),
        plain("P48", EITHER, |d| line(d, |w| w.add("Expect", "200-maybe"))),
        plain("P50", NO_PROOF, |d| {
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
        .also(|answer| ["te", "x-hop"].iter().all(|name| answer.upstream_saw(name).is_empty())),
    ]
}
