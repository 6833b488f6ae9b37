//! Start, reload and shutdown.

use std::time::Duration;

use gateway::App;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};

use super::{
    raw_client::{RawClient, exchange},
    running_gateway::{RunningGateway, open_configuration, open_rules, options},
    upstream::{Upstream, scripted},
};

#[tokio::test]
async fn shutdown_finishes_what_is_under_way() {
    let proceed = std::sync::Arc::new(Notify::new());
    let started = std::sync::Arc::new(Notify::new());
    let (gate, begun) = (std::sync::Arc::clone(&proceed), std::sync::Arc::clone(&started));
    let upstream = scripted(move |mut stream| {
        let (gate, begun) = (std::sync::Arc::clone(&gate), std::sync::Arc::clone(&begun));
        async move {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            begun.notify_one();
            gate.notified().await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await;
        }
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let (address, management) = (gateway.address(), gateway.app.management_address());
    let mut idle = RawClient::connect(address).await;
    let mut client = RawClient::connect(address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    started.notified().await;
    let stopping = tokio::spawn(gateway.stop());
    assert!(idle.read_answer().await.is_none(), "idle connections close at once");
    let ask = |path: &str| exchange(management, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let ready = ask("/.well-known/ready").await.unwrap();
    assert_eq!(ready.text(), r#"{"missing":["the gateway is stopping"],"status":"unavailable"}"#);
    assert_eq!((ready.status, ask("/.well-known/health").await.unwrap().status), (503, 200));
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
    proceed.notify_one();
    let answer = client.read_answer().await.unwrap();
    assert_eq!((answer.text().as_str(), answer.header("connection")), ("done", Some("close")));
    stopping.await.unwrap();
    assert!(tokio::net::TcpStream::connect(management).await.is_err(), "the management port goes last");
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let started = std::sync::Arc::new(Notify::new());
    let begun = std::sync::Arc::clone(&started);
    let upstream = scripted(move |mut stream| {
        let begun = std::sync::Arc::clone(&begun);
        async move {
            let mut buffer = [0; 4096];
            while let Ok(1..) = stream.read(&mut buffer).await {
                begun.notify_one();
            }
        }
    })
    .await;
    let gateway = RunningGateway::open_to(upstream).await;
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    started.notified().await;
    assert!(!gateway.app.shutdown_within(Duration::from_millis(100)).await);
    assert!(client.read_answer().await.is_none());
}

/// Asks until the answer has a status; the watch needs a moment.
async fn wait_for_status(gateway: &RunningGateway, path: &str, status: u16) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let waiting = async {
        while exchange(gateway.address(), &request).await.unwrap().status != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), waiting)
        .await
        .unwrap_or_else(|_| panic!("{path} never gave {status}"));
}

#[tokio::test]
async fn rules_follow_their_files() {
    let upstream = Upstream::start().await;
    let rule = |path: &str| {
        open_rules(upstream.address)
            .replace("/rw/**", path)
            .replace("/named/**", "/named/:x")
            .split("  - id: open")
            .next()
            .unwrap()
            .to_owned()
    };
    let gateway = RunningGateway::start(&open_configuration(""), &[("a.yaml", &rule("/first/**"))]).await;
    let file = gateway.folder.path().join("rules/a.yaml");
    let replace = |text: &str| {
        let temporary = gateway.folder.path().join("rules/.a.tmp");
        std::fs::write(&temporary, text).unwrap();
        std::fs::rename(&temporary, &file).unwrap();
    };
    wait_for_status(&gateway, "/first/x", 200).await;
    wait_for_status(&gateway, "/second/x", 404).await;

    replace(&rule("/second/**"));
    wait_for_status(&gateway, "/second/x", 200).await;
    wait_for_status(&gateway, "/first/x", 404).await;

    // A broken file keeps the last good rules, and the next good one counts again.
    replace("rules: [{id: broken, math: nonsense}]");
    tokio::time::sleep(Duration::from_millis(300)).await;
    wait_for_status(&gateway, "/second/x", 200).await;
    replace(&rule("/third/**"));
    wait_for_status(&gateway, "/third/x", 200).await;

    std::fs::remove_file(&file).unwrap();
    wait_for_status(&gateway, "/third/x", 404).await;
}

#[tokio::test]
async fn mistakes_stop_the_start_and_are_told_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    let rules = folder.path().join("rules/bad.yaml");
    std::fs::write(&rules, "version: \"1beta1\"\nrules:\n  - id: a\n    math: {}\n").unwrap();
    let configuration = folder.path().join("config.yaml");
    let text = open_configuration("  prot: 1\n").replace("/etc/heimdall", folder.path().to_str().unwrap());
    std::fs::write(&configuration, text).unwrap();
    let error = App::start(options(&configuration)).await.err().unwrap().to_string();
    assert!(error.contains("unknown key `prot` in `serve`"), "{error}");
    assert!(error.contains("unknown key `math`") && error.contains("bad.yaml:4:5"), "{error}");
}
