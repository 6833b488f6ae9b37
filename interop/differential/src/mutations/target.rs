//! `htu`: the same target written in another way, and another target that looks alike (RFC 9449 §4.3 (9), RFC 3986 §6.2).

use serde_json::json;

use super::{Mutation, accepted, refused};
use crate::draft::Draft;

const ORIGIN: &str = "https://api.example.com";

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        accepted("htu-scheme-in-upper-case", |d, _| claim(d, |htu| htu.replacen("https", "HTTPS", 1))),
        accepted("htu-host-in-upper-case", |d, _| {
            claim(d, |htu| htu.replacen("api.example.com", "API.Example.COM", 1));
        }),
        accepted("htu-default-port", |d, _| claim(d, |htu| htu.replacen(".com", ".com:443", 1))),
        accepted("htu-empty-port", |d, _| claim(d, |htu| htu.replacen(".com", ".com:", 1))),
        accepted("htu-default-port-of-the-request", |d, _| {
            let htu = d.target();
            d.go_to(&htu.replacen(".com", ".com:443", 1), &htu);
        }),
        accepted("htu-with-query", |d, _| {
            let query = d.url.split_once('?').map_or("x=1", |(_, query)| query).to_owned();
            claim(d, |htu| format!("{htu}?{query}"));
        }),
        accepted("htu-with-another-query", |d, _| claim(d, |htu| format!("{htu}?other=1"))),
        accepted("htu-with-empty-query", |d, _| claim(d, |htu| format!("{htu}?"))),
        accepted("htu-with-fragment", |d, _| claim(d, |htu| format!("{htu}#part"))),
        accepted("htu-dot-segment", |d, _| claim(d, |htu| htu.replacen(".com/", ".com/./", 1))),
        accepted("htu-parent-segment", |d, _| claim(d, |htu| htu.replacen(".com/", ".com/x/../", 1))),
        accepted("htu-parent-segment-above-root", |d, _| {
            claim(d, |htu| htu.replacen(".com/", ".com/../", 1))
        }),
        accepted("htu-parent-segment-encoded", |d, _| {
            claim(d, |htu| htu.replacen(".com/", ".com/x/%2E%2e/", 1));
        }),
        accepted("htu-unreserved-encoded", |d, _| claim(d, |htu| htu.replacen("/s", "/%73", 1))),
        accepted("htu-unreserved-encoded-in-the-request", |d, _| {
            d.go_to(&format!("{ORIGIN}/%7Euser"), &format!("{ORIGIN}/~user"));
        }),
        accepted("htu-hexadecimal-in-other-case", |d, _| {
            d.go_to(&format!("{ORIGIN}/%e2%82%ac"), &format!("{ORIGIN}/%E2%82%AC"));
        }),
        accepted("htu-slash-encoded-in-both", |d, _| {
            d.go_to(&format!("{ORIGIN}/a%2Fb"), &format!("{ORIGIN}/a%2Fb"));
        }),
        accepted("htu-double-slash-in-both", |d, _| {
            d.go_to(&format!("{ORIGIN}//a//b"), &format!("{ORIGIN}//a//b"))
        }),
        accepted("htu-without-path", |d, _| d.go_to(&format!("{ORIGIN}/"), ORIGIN)),
        accepted("htu-without-path-but-query", |d, _| {
            d.go_to(&format!("{ORIGIN}/?x=1"), &format!("{ORIGIN}?x=1"));
        }),
        accepted("htu-ipv6-written-otherwise", |d, _| {
            d.go_to("https://[2001:db8::1]/a", "https://[2001:DB8:0:0::1]/a");
        }),
        accepted("htu-ipv6", |d, _| d.go_to("https://[2001:db8::1]/a", "https://[2001:db8::1]/a")),
        accepted("htu-port", |d, _| d.go_to(&format!("{ORIGIN}:8443/a"), &format!("{ORIGIN}:8443/a"))),
        refused("htu-other-path", "htu", |d, _| claim(d, |htu| format!("{htu}x"))),
        refused("htu-other-case-of-path", "htu", |d, _| claim(d, |htu| htu.replacen("/s", "/S", 1))),
        refused("htu-trailing-slash", "htu", |d, _| claim(d, |htu| format!("{htu}/"))),
        refused("htu-double-slash", "htu", |d, _| claim(d, |htu| htu.replacen(".com/", ".com//", 1))),
        refused("htu-slash-encoded", "htu", |d, _| {
            d.go_to(&format!("{ORIGIN}/a/b"), &format!("{ORIGIN}/a%2Fb"))
        }),
        refused("htu-reserved-encoded", "htu", |d, _| {
            d.go_to(&format!("{ORIGIN}/a+b;c"), &format!("{ORIGIN}/a%2Bb%3Bc"));
        }),
        refused("htu-plus-for-blank", "htu", |d, _| {
            d.go_to(&format!("{ORIGIN}/a%20b"), &format!("{ORIGIN}/a+b"));
        }),
        refused("htu-percent-encoded-twice", "htu", |d, _| {
            d.go_to(&format!("{ORIGIN}/a%20b"), &format!("{ORIGIN}/a%2520b"));
        }),
        refused("htu-other-host", "htu", |d, _| claim(d, |htu| htu.replacen("api.", "other.", 1))),
        refused("htu-host-with-suffix", "htu", |d, _| {
            claim(d, |htu| htu.replacen(".com/", ".com.evil.example/", 1))
        }),
        refused("htu-host-with-trailing-dot", "htu", |d, _| {
            claim(d, |htu| htu.replacen(".com/", ".com./", 1))
        }),
        refused("htu-host-encoded", "htu", |d, _| claim(d, |htu| htu.replacen("//api", "//%61pi", 1))),
        refused("htu-other-scheme", "htu", |d, _| claim(d, |htu| htu.replacen("https", "http", 1))),
        refused("htu-other-port", "htu", |d, _| claim(d, |htu| htu.replacen(".com", ".com:8443", 1))),
        refused("htu-port-of-http", "htu", |d, _| claim(d, |htu| htu.replacen(".com", ".com:80", 1))),
        refused("htu-port-with-leading-zero", "htu", |d, _| {
            claim(d, |htu| htu.replacen(".com", ".com:0443", 1))
        }),
        refused("htu-port-too-large", "htu", |d, _| claim(d, |htu| htu.replacen(".com", ".com:65979", 1))),
        refused("htu-with-user", "htu", |d, _| claim(d, |htu| htu.replacen("//", "//user:secret@", 1))),
        refused("htu-with-empty-user", "htu", |d, _| claim(d, |htu| htu.replacen("//", "//@", 1))),
        refused("htu-as-user-of-another-host", "htu", |d, _| {
            claim(d, |htu| htu.replacen(".com/", ".com@evil.example/", 1));
        }),
        refused("htu-path-only", "htu", |d, _| claim(d, |htu| htu.replacen(ORIGIN, "", 1))),
        refused("htu-without-scheme", "htu", |d, _| claim(d, |htu| htu.replacen("https:", "", 1))),
        refused("htu-with-one-slash", "htu", |d, _| claim(d, |htu| htu.replacen("https://", "https:/", 1))),
        refused("htu-without-slashes", "htu", |d, _| claim(d, |htu| htu.replacen("https://", "https:", 1))),
        refused("htu-with-three-slashes", "htu", |d, _| {
            claim(d, |htu| htu.replacen("https://", "https:///", 1))
        }),
        refused("htu-with-backslashes", "htu", |d, _| claim(d, |htu| htu.replace('/', "\\"))),
        refused("htu-with-blank-before", "htu", |d, _| claim(d, |htu| format!(" {htu}"))),
        refused("htu-with-blank-behind", "htu", |d, _| claim(d, |htu| format!("{htu} "))),
        refused("htu-with-tab-inside", "htu", |d, _| claim(d, |htu| htu.replacen("/s", "/\ts", 1))),
        refused("htu-with-line-break-behind", "htu", |d, _| claim(d, |htu| format!("{htu}\r\n"))),
        refused("htu-with-zero-byte", "htu", |d, _| claim(d, |htu| format!("{htu}\0"))),
        refused("htu-with-broken-percent", "htu", |d, _| claim(d, |htu| format!("{htu}%zz"))),
        refused("htu-not-ascii", "htu", |d, _| {
            d.go_to(&format!("{ORIGIN}/caf%C3%A9"), &format!("{ORIGIN}/café"))
        }),
        refused("htu-host-not-ascii", "htu", |d, _| {
            d.go_to("https://xn--mnchen-3ya.example/a", "https://münchen.example/a");
        }),
        refused("htu-ipv4-in-short", "htu", |d, _| d.go_to("https://127.0.0.1/a", "https://127.1/a")),
        refused("htu-ipv4-as-number", "htu", |d, _| d.go_to("https://127.0.0.1/a", "https://2130706433/a")),
        refused("htu-ipv4-hexadecimal", "htu", |d, _| d.go_to("https://127.0.0.1/a", "https://0x7f.0.0.1/a")),
        refused("htu-of-web-socket", "htu", |d, _| claim(d, |htu| htu.replacen("https", "wss", 1))),
        refused("htu-too-long", "claim_too_long", |d, _| {
            claim(d, |htu| format!("{htu}?{}", "x".repeat(2048)));
        }),
        refused("htu-empty", "claim_malformed", |d, _| claim(d, |_| String::new())),
    ]
}

/// Another text for the claim.
fn claim(draft: &mut Draft<'_>, write: impl FnOnce(String) -> String) {
    let htu = write(draft.target());
    draft.set_claim("htu", json!(htu));
}
