//! Where the request goes: `htu`, `Host`, forwarding fields and odd targets.

use serde_json::json;

use super::answer::Answer;
use super::{
    case::{Case, at, plain},
    draft::Draft,
    expectation::*,
};

fn htu(draft: &mut Draft, htu: &str) {
    draft.claim("htu", json!(htu));
}

fn host(draft: &mut Draft, host: &str) {
    host.clone_into(&mut draft.host);
}

fn target(draft: &mut Draft, target: &str) {
    target.clone_into(&mut draft.target);
}

/// A row on the plain route with this `htu`.
macro_rules! htu {
    ($id:literal, $expected:expr, $htu:expr) => {
        plain($id, $expected, |d| htu(d, $htu))
    };
}

/// A row whose `Host` is no host, with an `htu` that fits it.
macro_rules! no_host {
    ($id:literal, $host:literal) => {
        plain($id, BAD_HOST, |d| host(d, $host))
    };
}

/// Who is named to the upstream and to the client.
pub fn identities() -> Vec<Case> {
    vec![
        plain("A2", BARE, |d| {
            d.wire = Some(|w| {
                w.remove("authorization");
                w.remove("dpop");
            });
        })
        .also(|answer| answer.header("www-authenticate").unwrap().contains("algs=\"RS256 PS256 ES256 ")),
        at("/user/a", "A60", ALLOWED, |d| d.wire = Some(|w| w.add("X-User", "attacker"))).also(names_alice),
        at("/user/a", "A61", ALLOWED, |d| {
            d.wire = Some(|w| {
                w.add("x-uSER", "attacker");
                w.add("X-User", "attacker");
            });
        })
        .also(names_alice),
        at("/cookie/a", "A62", ALLOWED, |d| d.wire = Some(|w| w.add("Cookie", "x_user=attacker; a=b")))
            .also(|answer| answer.upstream_saw("cookie").concat() == "a=b; x_user=alice-id"),
        at("/internal/a", "A63", ALLOWED, |_| {}).also(|answer| {
            let [token] = &answer.upstream_saw("authorization")[..] else { return false };
            let is_ours = token.strip_prefix("Bearer ").is_some_and(|jwt| jwt.split('.').count() == 3);
            is_ours && answer.upstream_saw("dpop").is_empty()
        }),
        at("/user/a", "F29", ALLOWED, |d| {
            d.claim("iss", json!("https://evil.example"));
            d.claim("aud", json!("https://evil.example"));
            d.claim("sub", json!("attacker"));
        })
        .also(names_alice),
    ]
}

fn names_alice(answer: &Answer) -> bool {
    answer.upstream_saw("x-user") == ["alice-id"]
}

pub fn proofs() -> Vec<Case> {
    vec![
        plain("I1", ALLOWED, |_| {}),
        htu!("I3", ALLOWED, "http://api.example.com:/plain/a/b"),
        htu!("I6", ALLOWED, "http://api.example.com/plain/a/b?x=1"),
        htu!("I7", ALLOWED, "http://api.example.com/plain/a/b#f"),
        htu!("I8", ALLOWED, "http://api.example.com/plain/a/b?x=1#f"),
        htu!("I9", ALLOWED, "http://api.example.com/plain/./a/b"),
        htu!("I10", ALLOWED, "http://api.example.com/plain/c/../a/b"),
        htu!("I11", ALLOWED, "http://api.example.com/plain/a/%62"),
        htu!("I12", ALLOWED, "http://api.example.com/%70lain/a/b"),
        htu!("I14", BAD_HTU, "http://api.example.com//plain/a/b"),
        htu!("I15", BAD_HTU, "http://api.example.com/plain/A/B"),
        htu!("I16", BAD_HTU, "http://api.example.com/Plain/a/b"),
        htu!("I17", BAD_HTU, "api.example.com/plain/a/b"),
        htu!("I18", BAD_HTU, "http://@api.example.com/plain/a/b"),
        htu!("I20", BAD_HTU, "http://api.example.com./plain/a/b"),
        htu!("I21", BAD_HTU, " http://api.example.com/plain/a/b"),
        htu!("I22", BAD_HTU, "http://api.example.com/plain/a/b "),
        htu!("I23", BAD_HTU, "http://api.example.com/plain/\na/b"),
        htu!("I24", BAD_HTU, "http:\\\\api.example.com/plain/a/b"),
        htu!("I25", BAD_HTU, "http:api.example.com/plain/a/b"),
        htu!("I26", BAD_HTU, "http:/api.example.com/plain/a/b"),
        htu!("I27", BAD_HTU, "http:///api.example.com/plain/a/b"),
        htu!("I28", BAD_HTU, "http://api.example.com/plain/a/b\r\nX: y"),
        htu!("I29", BAD_HTU, "http://api.example.com/plain/a/b\0"),
        htu!("I30", BAD_HTU, "http://api.example.com/plain/a/b;v=1"),
        htu!("I31", BAD_HTU, "http://api.example.com/plain/a/b%zz"),
        at("http://api.example.com", "I32", ALLOWED, |d| htu(d, "http://api.example.com/")),
        plain("I33", ALLOWED, |d| host(d, "[2001:db8::1]")),
        plain("I34", ALLOWED, |d| {
            host(d, "[2001:db8::1]");
            htu(d, "http://[2001:DB8:0::1]/plain/a/b");
        }),
        plain("I35", BAD_HTU, |d| {
            host(d, "127.0.0.1");
            htu(d, "http://127.1/plain/a/b");
        }),
        plain("I36", BAD_HTU, |d| {
            host(d, "127.0.0.1");
            htu(d, "http://2130706433/plain/a/b");
        }),
        plain("I37", BAD_HTU, |d| {
            host(d, "127.0.0.1");
            htu(d, "http://0x7f.0.0.1/plain/a/b");
        }),
        plain("I38", BAD_HTU, |d| {
            host(d, "xn--mnchen-3ya.example");
            htu(d, "http://m\u{fc}nchen.example/plain/a/b");
        }),
        plain("I39", ALLOWED, |d| host(d, "xn--mnchen-3ya.example")),
        htu!("I40", BAD_HTU, "ws://api.example.com/plain/a/b"),
        htu!("I41", ALLOWED, "http://api.example.com/plain/a/b?"),
        htu!("I42", ALLOWED, "http://api.example.com/plain/a/b#"),
        // Whichever limit it meets first, of `htu` or of the whole proof.
        htu!("I43", PROOF_TOO_LARGE, &format!("http://api.example.com/plain/a/b{}", "b".repeat(9_000))),
        htu!("I44", LIMIT, &format!("http://api.example.com/plain/a/b?{}", "b".repeat(9_000))),
        htu!("I46", BAD_HTU, "*"),
        htu!("I47", BAD_HTU, "http://evil.example/?http://api.example.com/plain/a/b"),
        at("/enc/x/a%2Fb", "I98", BAD_HTU, |d| htu(d, "http://api.example.com/enc/x/a/b")),
        plain("I100", ALLOWED, |d| {
            host(d, "API.Example.COM");
            htu(d, "http://api.example.com/plain/a/b");
        }),
        plain("I101", ALLOWED, |d| {
            host(d, "api.example.com:80");
            htu(d, "http://api.example.com/plain/a/b");
        }),
        at("/tenant/a", "I103", ALLOWED, |d| host(d, "tenant-a.example")),
        at("/tenant/a", "I104", BAD_HTU, |d| {
            host(d, "tenant-a.example");
            htu(d, "http://tenant-b.example/tenant/a");
        }),
        at("/tenant/a", "I105", DENIED, |d| host(d, "Tenant-B.Example")),
    ]
}

pub fn requests() -> Vec<Case> {
    vec![
        no_host!("I48", "api.example.com/plain?"),
        no_host!("I50", "api.example.com#"),
        no_host!("I51", "api.example.com\\"),
        no_host!("I52", "api.example.com%2f"),
        no_host!("I54", "api.example.com:port"),
        no_host!("I55", "http://api.example.com"),
        no_host!("I56", "api..example.com"),
        no_host!("I57", "api.example.com?x"),
        no_host!("I58", "<script>"),
        plain("I61", BAD_HTU, |d| {
            htu(d, "https://api.example.com/plain/a/b");
            d.wire = Some(|w| w.add("X-Forwarded-Proto", "https"));
        }),
        plain("I62", BAD_HTU, |d| {
            htu(d, "http://api.example.com:8443/plain/a/b");
            d.wire = Some(|w| w.add("X-Forwarded-Port", "8443"));
        }),
        plain("I63", BAD_HTU, |d| {
            htu(d, "http://api.example.com/plain/other");
            d.wire = Some(|w| w.add("X-Original-URL", "/plain/other"));
        }),
        plain("I64", BAD_HTU, |d| {
            htu(d, "http://api.example.com/plain/other");
            d.wire = Some(|w| w.add("X-Rewrite-URL", "/plain/other"));
        }),
        plain("I65", BAD_HTU, |d| {
            htu(d, "http://evil.example/plain/a/b");
            d.wire = Some(|w| w.add("X-Host", "evil.example"));
        }),
        plain("I66", ALLOWED, |d| d.wire = Some(|w| w.add("X-Forwarded-Proto", "https"))),
        plain("I67", ALLOWED, |d| d.wire = Some(|w| w.add("X-Forwarded-Port", "8443"))),
        plain("I68", ALLOWED, |d| d.wire = Some(|w| w.add("X-Forwarded-Prefix", "/pre"))),
        plain("I69", ALLOWED, |d| d.wire = Some(|w| w.add("X-Forwarded-Uri", "/plain/other"))),
        plain("I70", ALLOWED, |d| d.wire = Some(|w| w.add("X-Original-URL", "/plain/other"))),
        plain("I71", ALLOWED, |d| d.wire = Some(|w| w.add("X-Rewrite-URL", "/plain/other"))),
        at("/plain-locked/x", "I72", DENIED, |d| {
            htu(d, "http://api.example.com/plain/a");
            d.wire = Some(|w| w.add("X-Original-URL", "/plain/a"));
        }),
        at("/plain-locked/x", "I73", DENIED, |d| {
            htu(d, "http://api.example.com/plain/a");
            d.wire = Some(|w| w.add("X-Rewrite-URL", "/plain/a"));
        }),
        at("/public/a/b", "I74", ALLOWED, |d| {
            d.trusted = true;
            htu(d, "https://public.example/public/a/b");
            d.wire = Some(|w| {
                w.add("X-Forwarded-Host", "public.example");
                w.add("X-Forwarded-Proto", "https");
            });
        }),
        plain("I75", BAD_HTU, |d| {
            d.trusted = true;
            d.wire = Some(|w| w.add("X-Forwarded-Host", "public.example"));
        }),
        plain("I76", MALFORMED_OR_401, |d| {
            d.trusted = true;
            d.wire = Some(|w| {
                w.add("X-Forwarded-Proto", "http");
                w.add("X-Forwarded-Proto", "https");
            });
        }),
        plain("I77", DENIED_OR_MALFORMED, |d| {
            d.trusted = true;
            htu(d, "http://evil.example/plain/a/b");
            d.wire = Some(|w| w.add("X-Forwarded-Host", "evil.example, api.example.com"));
        }),
        plain("I78", DENIED_OR_MALFORMED, |d| {
            d.trusted = true;
            htu(d, "http://evil.example/x?/plain/a/b");
            d.wire = Some(|w| w.add("X-Forwarded-Host", "evil.example/x?"));
        }),
        plain("I79", DENIED_OR_MALFORMED, |d| {
            d.trusted = true;
            htu(d, "http://evil.example#/plain/a/b");
            d.wire = Some(|w| w.add("X-Forwarded-Host", "evil.example#"));
        }),
        plain("I80", DENIED_OR_MALFORMED, |d| {
            d.trusted = true;
            htu(d, "http://api.example.com/plain/../plain-locked/x");
            d.wire = Some(|w| w.add("X-Forwarded-Uri", "/plain/../plain-locked/x"));
        }),
        at("http://evil.example/plain/a/b", "I81", MALFORMED_OR_401, |d| {
            htu(d, "http://api.example.com/plain/a/b");
        }),
        plain("I82", DENIED_OR_501, |d| {
            d.wire = Some(|w| w.line = "GET api.example.com:80 HTTP/1.1".to_owned())
        }),
        plain("I83", DENIED_OR_501, |d| d.wire = Some(|w| w.line = "GET plain/a/b HTTP/1.1".to_owned())),
        plain("I84", EITHER, |d| target(d, "/plain/a/b#f")),
        plain("I85", DENIED_OR_501, |d| target(d, "ftp://api.example.com/plain/a/b")),
        plain("I88", DENIED, |d| target(d, "/plain/..%5cplain-locked/x")),
        plain("I89", DENIED, |d| target(d, "/plain/..\\plain-locked/x")),
        plain("I91", EITHER, |d| target(d, "/plain/..;/plain-locked/x"))
            .also(|answer| answer.status != 200 || answer.json()["target"] == "/plain/..;/plain-locked/x"),
        plain("I92", DENIED, |d| target(d, "/plain/./../plain-locked/x")),
        plain("I93", DENIED, |d| target(d, "/plain//../../plain-locked/x")),
        plain("I94", EITHER, |d| target(d, "/plain/x/%252e%252e/x"))
            .also(|answer| answer.status != 200 || answer.json()["target"] == "/plain/x/%252e%252e/x"),
        plain("I95", EITHER, |d| target(d, "/plain/x//x"))
            // Rule and upstream see the collapsed path alike; `htu` is compared with the one that was sent.
            .also(|answer| answer.status != 200 || answer.json()["target"] == "/plain/x/x"),
        plain("I96", EITHER, |d| target(d, "/plain/x/a%20b"))
            .also(|answer| answer.status != 200 || answer.json()["target"] == "/plain/x/a%20b"),
        plain("I97", EITHER, |d| target(d, "/plain/x/a%3fb"))
            .also(|answer| answer.status != 200 || answer.json()["target"] == "/plain/x/a%3fb"),
        plain("I102", MALFORMED_OR_401, |d| host(d, "api.example.com.")),
        plain("O2", BAD_HTU, |d| htu(d, "http://x\"\r\nX-Evil: 1\\"))
            .also(|answer| !format!("{answer:?}").to_ascii_lowercase().contains("evil")),
        plain("O3", BAD_HTM, |d| d.claim("htm", json!("GET\"\r\nX-Evil: 1\\")))
            .also(|answer| !format!("{answer:?}").to_ascii_lowercase().contains("evil")),
        at("/dropping/a", "O12", FAULT, |_| {}),
        at("/nowhere", "O10", DENIED, |_| {}),
        at("/nowhere", "O11", DENIED, |_| {}).also(|answer| answer.status == 401),
    ]
}
