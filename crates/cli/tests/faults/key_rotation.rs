//! The issuer changes its key while clients call all the time: no good call is refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::RwLock, task::JoinSet};

use crate::{gateway_process::eventually, key_endpoint::KeyAnswer, site::Site, sockets::issuer::Issuer};

const CLIENTS: usize = 8;
const ROTATIONS: usize = 4;

/// Clients that call with tokens of the key of the moment until they are told to stop.
struct Load {
    issuer: Arc<RwLock<Arc<Issuer>>>,
    done: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<Vec<u16>>,
}

impl Load {
    fn start(site: &Arc<Site>, issuer: Arc<Issuer>) -> Self {
        let mut load = Self {
            issuer: Arc::new(RwLock::new(issuer)),
            done: Arc::default(),
            stop: Arc::default(),
            clients: JoinSet::new(),
        };
        for _ in 0..CLIENTS {
            let (site, issuer) = (Arc::clone(site), Arc::clone(&load.issuer));
            let (done, stop) = (Arc::clone(&load.done), Arc::clone(&load.stop));
            load.clients.spawn(async move {
                let mut refused = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    // A call holds on to the key that it began with: a key goes only when nobody uses it any more.
                    let issuer = issuer.read().await;
                    let status = site.call_with(&issuer.token(&site.alice)).await;
                    if status != 200 {
                        refused.push(status);
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
                refused
            });
        }
        load
    }

    /// Waits for so many more calls.
    async fn goes_on_for(&self, calls: usize) {
        let enough = self.done.load(Ordering::SeqCst) + calls;
        eventually("calls go on", async || self.done.load(Ordering::SeqCst) >= enough).await;
    }

    /// Signs with this key from now on. Returns when no call uses the old one.
    async fn sign_with(&self, issuer: Arc<Issuer>) {
        *self.issuer.write().await = issuer;
    }

    /// The statuses of calls that were refused.
    async fn end(self) -> Vec<u16> {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

fn key(site: &Site, name: &str) -> Arc<Issuer> {
    Arc::new(Issuer::with_key_served_elsewhere(site.keys.address, name))
}

fn keys(issuers: &[&Arc<Issuer>]) -> KeyAnswer {
    KeyAnswer::Keys(issuers.iter().map(|issuer| issuer.public_jwk()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_good_call_is_refused_while_keys_rotate() {
    let mut site = Site::start().await;
    site.warm_up().await;
    let site = Arc::new(site);
    let mut current = key(&site, "key-0");
    site.keys.answers(keys(&[&current]));
    let load = Load::start(&site, Arc::clone(&current));
    for rotation in 1..=ROTATIONS {
        load.goes_on_for(50).await;
        let next = key(&site, &format!("key-{rotation}"));
        // The new key is offered and used at once: the gateway has never seen it.
        site.keys.answers(keys(&[&current, &next]));
        load.sign_with(Arc::clone(&next)).await;
        load.goes_on_for(50).await;
        // The old key vanishes.
        site.keys.answers(keys(&[&next]));
        current = next;
    }
    load.goes_on_for(50).await;
    let refused = load.end().await;
    assert!(refused.is_empty(), "{refused:?}");
    // One call for each key, and the one before anybody asked.
    assert!(site.keys.asked() <= ROTATIONS + 2, "{} calls", site.keys.asked());
    // Good calls are signed with the first key from here on.
    site.keys.answers(site.good_keys());
    site.has_recovered_from("rotations").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_key_names_delay_a_new_key_by_seconds_at_most() {
    let mut site = Site::start().await;
    eventually("keys are there", async || site.call().await == 200).await;
    site.warm_up().await;
    let site = Arc::new(site);
    let stop = Arc::new(AtomicBool::new(false));
    let (attacked, stopped) = (Arc::clone(&site), Arc::clone(&stop));
    let flood = tokio::spawn(async move {
        let mut count = 0;
        while !stopped.load(Ordering::SeqCst) {
            let stranger = key(&attacked, &format!("made-up-{count}"));
            assert_eq!(attacked.call_with(&stranger.token(&attacked.alice)).await, 401);
            count += 1;
        }
        count
    });
    let asked = site.keys.asked();
    eventually("the flood arrived", async || site.keys.asked() > asked).await;
    let next = key(&site, "next");
    site.keys.answers(KeyAnswer::Keys(vec![site.issuer.public_jwk(), next.public_jwk()]));
    let start = tokio::time::Instant::now();
    eventually("the new key counts", async || site.call_with(&next.token(&site.alice)).await == 200).await;
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    stop.store(true, Ordering::SeqCst);
    let flood = flood.await.unwrap();
    // The flood costs the issuer next to nothing.
    assert!(site.keys.asked() - asked <= 6, "{} calls for {flood} tokens", site.keys.asked() - asked);
    site.has_recovered_from("a flood of made-up key names").await;
}
