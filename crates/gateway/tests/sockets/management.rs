//! The management port.

use super::{raw_client::exchange, running_gateway::RunningGateway, upstream::Upstream};

#[tokio::test]
async fn answers_health_ready_and_keys_and_nothing_else() {
    let upstream = Upstream::start().await;
    let gateway = RunningGateway::open_to(upstream.address).await;
    let address = gateway.app.management_address();
    let ask = |method: &str, path: &str, more: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n");
        async move { exchange(address, request).await.unwrap() }
    };
    let health = ask("GET", "/.well-known/health", "").await;
    assert_eq!((health.status, health.text().as_str()), (200, r#"{"status":"ok"}"#));
    assert_eq!(ask("GET", "/.well-known/ready", "").await.status, 200);
    let keys = ask("GET", "/.well-known/jwks", "").await;
    assert_eq!((keys.status, keys.text().as_str()), (200, r#"{"keys":[]}"#));
    let etag = keys.header("etag").unwrap().to_owned();
    let again = ask("GET", "/.well-known/jwks", &format!("If-None-Match: {etag}\r\n")).await;
    assert_eq!((again.status, again.header("etag")), (304, Some(etag.as_str())));
    assert_eq!(ask("POST", "/.well-known/health", "").await.status, 405);
    assert_eq!(ask("GET", "/", "").await.status, 404);
}
