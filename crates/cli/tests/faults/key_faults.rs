//! The key endpoint: down, slow, or answering something else than keys; before there are keys, and after.

use tokio::time::Instant;

use crate::{
    gateway_process::eventually,
    key_endpoint::KeyAnswer,
    site::{PROMPT, Setting, Site, nameless, without},
};

/// The faults of a key endpoint that accepts connections, by name.
fn faults(site: &Site) -> Vec<(&'static str, KeyAnswer)> {
    let keys = vec![site.issuer.public_jwk()];
    vec![
        ("500", KeyAnswer::Status("500 Internal Server Error", keys.clone())),
        ("HTML", KeyAnswer::Html),
        ("50 MB, announced", KeyAnswer::Huge(keys.clone(), true)),
        ("50 MB, not announced", KeyAnswer::Huge(keys.clone(), false)),
        ("half an answer", KeyAnswer::Half(keys)),
        ("a reset", KeyAnswer::Reset),
        ("silence", KeyAnswer::Silence),
        ("a byte now and then", KeyAnswer::Drip),
    ]
}

/// Less than 50 MB, of which the gateway must not read more than its limit of 1 MB; far more than it needs for that.
const MOST_FOR_AN_ANSWER: u64 = 40 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_nothing_passes_and_the_first_good_answer_ends_that() {
    let mut site = Site::start_with(Setting { offers_keys: false, ..Setting::default() }).await;
    let refused = [502, 503, 504];
    assert!(refused.contains(&site.call().await), "down at start");
    let ready = site.ask_management("/.well-known/ready").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("keys of the authenticator `dpop`"), "{}", ready.text());
    eventually("the log tells", async || site.gateway.lines_with("keys not reachable yet, not ready") > 0)
        .await;
    let before = site.gateway.resident_bytes();

    site.keys.answers(KeyAnswer::Html);
    site.keys.come_up().await;
    for (fault, answer) in faults(&site) {
        site.keys.answers(answer);
        // A failure is remembered for a second.
        let asked = site.keys.asked();
        eventually("the endpoint is asked with this fault", async || {
            let start = Instant::now();
            let status = site.call().await;
            assert!(refused.contains(&status), "{fault}: {status}");
            assert!(start.elapsed() < PROMPT, "{fault}: {:?}", start.elapsed());
            site.keys.asked() > asked
        })
        .await;
        let status = site.call().await;
        assert!(refused.contains(&status), "{fault}: {status}");
        let peak = site.gateway.peak_resident_bytes().saturating_sub(before);
        assert!(peak < MOST_FOR_AN_ANSWER, "{fault}: {} MB more", peak >> 20);
        let refused_calls = async || assert!(refused.contains(&site.call().await), "{fault}");
        site.gateway.memory_is_back(before, fault, refused_calls).await;
    }
    assert_eq!(site.upstream.seen(), 0);

    site.keys.answers(site.good_keys());
    eventually("keys are there", async || site.call().await == 200).await;
    eventually("ready", async || site.ask_management("/.well-known/ready").await.status == 200).await;
    assert_eq!(site.upstream.seen(), 1);
    site.warm_up().await;
    let peak = site.gateway.peak_resident_bytes().saturating_sub(before);
    assert!(peak < MOST_FOR_AN_ANSWER, "{} MB more", peak >> 20);
    // There is no level from before the faults: that of a gateway that has met none.
    let mut undisturbed = Site::start().await;
    eventually("keys are there", async || undisturbed.call().await == 200).await;
    undisturbed.warm_up().await;
    let more_calls = async || site.good_calls(20).await;
    site.gateway.memory_is_back(undisturbed.warm_bytes(), "faults before there were keys", more_calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_there_are_outlive_every_fault() {
    let mut site = Site::start_with(Setting { keys_ttl: "1s", ..Setting::default() }).await;
    eventually("keys are there", async || site.call().await == 200).await;
    site.warm_up().await;
    for (fault, answer) in faults(&site) {
        site.keys.answers(answer);
        let asked = site.keys.asked();
        eventually("the endpoint is asked twice with this fault", async || {
            let start = Instant::now();
            assert_eq!(site.call().await, 200, "{fault}");
            assert!(start.elapsed() < PROMPT, "{fault}: {:?}", start.elapsed());
            site.keys.asked() >= asked + 2
        })
        .await;
        site.keys.answers(site.good_keys());
        site.has_recovered_from(fault).await;
        let peak = site.gateway.peak_resident_bytes().saturating_sub(site.warm_bytes());
        assert!(peak < MOST_FOR_AN_ANSWER, "{fault}: {} MB more", peak >> 20);
    }
    site.keys.go_down().await;
    let failures = || site.gateway.lines_with("Connection refused");
    let before = failures();
    eventually("the endpoint is found to be down", async || {
        assert_eq!(site.call().await, 200, "down");
        failures() > before
    })
    .await;
    site.keys.come_up().await;
    site.has_recovered_from("down").await;
    // An outage is no reason to be taken out of service.
    assert_eq!(site.ask_management("/.well-known/ready").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_need_neither_algorithm_nor_name() {
    let mut site = Site::start_with(Setting { keys_ttl: "1s", ..Setting::default() }).await;
    eventually("keys are there", async || site.call().await == 200).await;
    site.warm_up().await;
    let key = site.issuer.public_jwk();
    let named = || site.issuer.token(&site.alice);
    let plain = || site.issuer.sign_under(&nameless(), &site.issuer.claims(&site.alice));
    for (missing, with_name, without_name) in [
        (&["alg"][..], 200, 200),
        // A key without a name is not the one that a token names (RFC 7515 §4.1.4).
        (&["kid"], 401, 200),
        (&["alg", "kid", "use"], 401, 200),
        (&[], 200, 200),
    ] {
        site.keys.answers(KeyAnswer::Keys(vec![without(&key, missing)]));
        let reached = async || {
            site.call_with(&named()).await == with_name && site.call_with(&plain()).await == without_name
        };
        eventually(&format!("without {missing:?}"), reached).await;
    }
    site.has_recovered_from("keys without names").await;
}
