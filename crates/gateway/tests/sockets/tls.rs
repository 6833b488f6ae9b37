//! TLS of the listeners: versions, suites, protocols, certificates, and what comes over the handshake.

use std::time::Duration;

use gateway::App;
use tokio::{io::AsyncReadExt, net::TcpStream};

use super::{
    dpop_setup::DpopSetup,
    issuer::proof,
    raw_client::exchange,
    running_gateway::{RunningGateway, open_configuration, open_rules, options},
    tls_client::{
        BOTH, Http2Client, Identity, OLD, connect, connect_as, exchange_tls, get, identity, identity_for,
    },
    upstream::{Upstream, seen_header},
};

/// `serve` with TLS, and what stands behind it, for [`open_configuration`].
pub fn with_tls(settings: &str) -> String {
    format!(
        "  tls: {{secret: {{source: tls}}{settings}}}\n\
         management:\n  tls: {{secret: {{source: tls}}}}\n\
         secret_management:\n  tls: {{type: pem, config: {{path: /etc/heimdall/tls.pem, watch: true}}}}\n"
    )
}

/// A gateway with TLS that lets everything through, with more lines of `serve`.
pub async fn start_with(
    identity: &Identity,
    serve: &str,
    tls: &str,
    upstream: std::net::SocketAddr,
) -> RunningGateway {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/open.yaml"), open_rules(upstream)).unwrap();
    std::fs::write(folder.path().join("tls.pem"), &identity.pem).unwrap();
    let here = folder.path().to_str().unwrap();
    let text = open_configuration(&format!("{serve}{}", with_tls(tls))).replace("/etc/heimdall", here);
    // The upstream is plain: its scheme is not that of the request.
    let rules = open_rules(upstream).replace("rewrite: {", "rewrite: {scheme: http, ").replace(
        &format!("forward_to: {{host: \"{upstream}\"}}"),
        &format!("forward_to: {{host: \"{upstream}\", rewrite: {{scheme: http}}}}"),
    );
    std::fs::write(folder.path().join("rules/open.yaml"), rules).unwrap();
    let path = folder.path().join("heimdall-config.yaml");
    std::fs::write(&path, text).unwrap();
    RunningGateway::start_in(folder, &path).await
}

pub async fn start(identity: &Identity, upstream: std::net::SocketAddr) -> RunningGateway {
    start_with(identity, "", "", upstream).await
}

const GET: &str = "GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn clients_choose_the_version_of_http() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let gateway = start(&identity, upstream.address).await;
    for offered in [&[][..], &["http/1.1"]] {
        let stream = connect(gateway.address(), &identity, offered).await;
        let answer = exchange_tls(stream, GET).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{offered:?}: {answer}");
        assert!(answer.contains(r#"["x-forwarded-proto","https"]"#), "{answer}");
    }
    let mut client = Http2Client::connect(gateway.address(), &identity).await;
    let (status, seen) = client.get("https://localhost/a?x", &[]).await;
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    assert_eq!((status, seen["target"].as_str()), (200, Some("/a?x")));
    assert_eq!(seen_header(&seen, "x-forwarded-proto"), ["https"]);
    assert_eq!(seen_header(&seen, "host"), ["localhost"]);
    // ALPN without a protocol that we speak ends the handshake (RFC 7301 §3.2).
    assert!(connect_as(gateway.address(), &identity, &["h3"], BOTH).await.is_err());
    assert_eq!(upstream.seen(), 3);
}

#[tokio::test]
async fn the_management_port_speaks_tls_too() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let gateway = start(&identity, upstream.address).await;
    let mut client = Http2Client::connect(gateway.app.management_address(), &identity).await;
    assert_eq!(client.get("https://localhost/.well-known/health", &[]).await.0, 200);
}

#[tokio::test]
async fn versions_and_suites_are_those_of_the_configuration() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let rows: [(&str, bool, Option<&str>); 4] = [
        ("", false, Some("TLS13_")),
        (", min_version: TLS1.2", true, Some("TLS13_")),
        (", min_version: TLS1.2, cipher_suites: [TLS_AES_256_GCM_SHA384]", false, Some("TLS13_AES_256_GCM")),
        (
            ", min_version: TLS1.2, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
            true,
            Some("TLS13_"),
        ),
    ];
    for (settings, takes_old, suite) in rows {
        let gateway = start_with(&identity, "", settings, upstream.address).await;
        let old = connect_as(gateway.address(), &identity, &[], OLD).await;
        assert_eq!(old.is_ok(), takes_old, "{settings}");
        let new = connect_as(gateway.address(), &identity, &[], BOTH).await;
        let chosen = new
            .ok()
            .map(|stream| format!("{:?}", stream.get_ref().1.negotiated_cipher_suite().unwrap().suite()));
        assert_eq!(
            chosen.as_deref().zip(suite).map(|(chosen, suite)| chosen.starts_with(suite)),
            suite.map(|_| true),
            "{settings}: {chosen:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_not_answered_and_does_not_stay() {
    let (identity, upstream) = (identity(), Upstream::start().await);
    let gateway = start_with(&identity, "  timeout: {read: 300ms}\n", "", upstream.address).await;
    let plain = exchange(gateway.address(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(plain.is_none(), "{plain:?}");
    let mut silent = TcpStream::connect(gateway.address()).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut [0; 16])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_secret_that_can_not_serve_tls_stops_the_start() {
    let (expired, early) = (identity_for((-30, -1)).pem, identity_for((1, 30)).pem);
    let good = identity();
    let key = |pem: &str| pem.split("-----BEGIN CERTIFICATE").next().unwrap().to_owned();
    let certificate = |pem: &str| pem.split_once("-----END PRIVATE KEY-----\n").unwrap().1.to_owned();
    let mixed = format!("{}{}", key(&good.pem), certificate(&identity().pem));
    for (pem, expected) in [
        (expired.as_str(), "its certificate expired on"),
        (&early, "its certificate is not valid before"),
        (&key(&good.pem), "no certificate for the private key"),
        (&mixed, "no certificate for the private key"),
        (&certificate(&good.pem), "needs a private key"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::write(folder.path().join("tls.pem"), pem).unwrap();
        let here = folder.path().to_str().unwrap();
        let configuration = folder.path().join("config.yaml");
        std::fs::write(&configuration, open_configuration(&with_tls("")).replace("/etc/heimdall", here))
            .unwrap();
        let error = App::start(options(&configuration)).await.err().unwrap().to_string();
        assert!(error.contains("`serve.tls.secret`") && error.contains("`management.tls.secret`"), "{error}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn suites_with_cbc_are_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("tls.pem"), identity().pem).unwrap();
    let settings = ", cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, TLS_RSA]";
    let here = folder.path().to_str().unwrap();
    let text = open_configuration(&with_tls(settings)).replace("/etc/heimdall", here);
    let configuration = folder.path().join("config.yaml");
    std::fs::write(&configuration, text).unwrap();
    let error = App::start(options(&configuration)).await.err().unwrap().to_string();
    assert!(error.contains("is a suite with CBC") && error.contains("RFC 9325"), "{error}");
    assert!(error.contains("TLS_RSA"), "{error}");
}

#[tokio::test]
async fn proofs_are_for_the_https_uri() {
    let identity = identity();
    let setup = DpopSetup::start_with_files(
        "article/heimdall-config.yaml",
        &["rules/article.yaml"],
        &[("tls.pem", &identity.pem)],
        |text| {
            let tls = "serve: {tls: {secret: {source: tls}}}\nsecret_management:\n  tls: {type: pem, config: {path: /etc/heimdall/tls.pem}}\n";
            text.replacen("secret_management:\n", tls, 1)
        },
    )
    .await;
    let address = setup.gateway.address();
    let uri = format!("https://localhost:{}/api", address.port());
    let token = setup.issuer.token(&setup.alice);
    let authorization = format!("DPoP {token}");
    let mut client = Http2Client::connect(address, &identity).await;
    let mut ask = async |htu: &str, nonce: Option<&str>| {
        let proof = proof(&setup.alice, "GET", htu, &token, nonce, 0);
        let fields = [("authorization", authorization.as_str()), ("dpop", &proof)];
        let response = client.send(get(&uri, &fields)).await.unwrap();
        let nonce = response.headers().get("dpop-nonce").map(|value| value.to_str().unwrap().to_owned());
        let challenge =
            response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), nonce, challenge.unwrap_or_default())
    };
    let (status, nonce, challenge) = ask(&uri, None).await;
    assert!(status == 401 && challenge.contains("use_dpop_nonce"), "{status} {challenge}");
    let plain = uri.replace("https", "http");
    let (status, _, challenge) = ask(&plain, nonce.as_deref()).await;
    assert!(status == 401 && challenge.contains("invalid_dpop_proof"), "{status} {challenge}");
    assert_eq!(setup.upstream.seen(), 0);
    // The upstream of this rule would be asked over https, which it does not speak: the decision was good all the same.
    assert_eq!(ask(&uri, nonce.as_deref()).await.0, 502);
}
