//! HTTP/2 rapid reset (CVE-2023-44487): streams opened and reset at once, over and over.

use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use tokio::{task::JoinSet, time::timeout};

use crate::{
    site::{PROMPT, Setting, Site},
    sockets::tls_client::{Http2Client, Identity, connect, get, identity},
};

async fn abuse(address: std::net::SocketAddr, identity: &Identity) -> usize {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_max_send_streams(10_000);
    let stream = connect(address, identity, &["h2"]).await;
    let mut client = Http2Client::over(stream, builder).await;
    let mut resets = 0;
    while resets < 2_000 && !client.requests.is_closed() {
        // Dropped at once: hyper sends the request and resets it.
        let sending = client.requests.send_request(get("https://localhost/open/a", &[]));
        tokio::select! {
            biased;
            _ = sending => {}
            () = std::future::ready(()) => {}
        }
        resets += 1;
        tokio::task::yield_now().await;
    }
    resets
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_resets_cost_no_memory_and_nobody_else() {
    let identity = identity();
    let setting = Setting { identity: Some(identity), ..Setting::default() };
    let mut site = Site::start_with(setting).await;
    site.warm_up().await;
    let identity = site.identity.clone().unwrap();
    let mut attacks = JoinSet::new();
    for _ in 0..10 {
        let (address, identity) = (site.gateway.address, std::sync::Arc::clone(&identity));
        attacks.spawn(async move {
            let mut resets = 0;
            while resets < 2_000 {
                resets += abuse(address, &identity).await;
            }
        });
    }
    while !attacks.is_empty() {
        assert_eq!(timeout(PROMPT, site.call()).await.expect("in time"), 200);
        while attacks.try_join_next().is_some() {}
    }
    site.has_recovered_from("rapid resets").await;
}
