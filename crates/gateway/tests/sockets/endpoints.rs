//! Calls to endpoints over real connections: retries, limits, caching, and how the gateway shows who it is.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{Response, body::Bytes};
use jose::{Algorithm, KeyPair, PublicJwk, base64url};
use rustls::{
    RootCertStore, ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer,
    server::WebPkiClientVerifier,
};
use serde_json::Value;
use tokio_rustls::TlsAcceptor;

use super::{
    raw_client::{Answer, RawClient},
    running_gateway::RunningGateway,
    service::{Service, json_answer},
    tls_client::{Identity, identity},
    upstream::{Upstream, scripted, seen_header},
};

/// A gateway that asks one endpoint about each request, and tells the upstream what it heard.
async fn asking(endpoint: &str, rest: &str, upstream: SocketAddr) -> RunningGateway {
    asking_with(endpoint, rest, "", upstream).await
}

async fn asking_with(endpoint: &str, rest: &str, secrets: &str, upstream: SocketAddr) -> RunningGateway {
    let configuration = format!(
        r#"
serve: {{host: 127.0.0.1}}
secret_management:
  texts:
    type: inline
    config:
      key: k-1
      user: {{user_id: gw, password: "p:w"}}
      client: {{client_id: gw, client_secret: s3cret}}
{secrets}
mechanisms:
  authenticators: [{{id: anybody, type: anonymous}}]
  contextualizers:
    - id: knowledge
      type: generic
      config:
        endpoint: {endpoint}
        cache_ttl: 0s
{rest}
  finalizers:
    - {{id: heard, type: header, config: {{headers: {{X-Heard: "{{{{ toJson .Outputs.knowledge }}}}"}}}}}}
providers:
  file_system: {{src: /etc/heimdall/rules}}
"#
    );
    let rules = format!(
        r#"
version: "1beta1"
rules:
  - id: all
    match: {{http: {{paths: [{{path: /**}}]}}}}
    forward_to: {{host: "{upstream}"}}
    execute: [{{authenticator: anybody}}, {{contextualizer: knowledge}}, {{finalizer: heard}}]
"#
    );
    RunningGateway::start(&configuration, &[("all.yaml", &rules)]).await
}

async fn get(gateway: &RunningGateway) -> Answer {
    let mut client = RawClient::connect(gateway.address()).await;
    client.send("GET /x HTTP/1.1\r\nhost: gw.example\r\n\r\n").await;
    client.read_answer().await.unwrap()
}

/// What the upstream heard.
fn heard(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    seen_header(&answer.json(), "x-heard")
}

#[tokio::test]
async fn a_failure_that_passes_is_tried_again_where_that_is_safe() {
    let upstream = Upstream::start().await;
    let service = Service::start(|_, count| match count {
        0 | 1 => json_answer(503, ""),
        _ => json_answer(200, r#"{"a":1}"#),
    })
    .await;
    let retry = "retry: {give_up_after: 5s, max_delay: 20ms}";
    let endpoint = format!("{{url: 'http://{}/q', method: GET, {retry}}}", service.address);
    let gateway = asking(&endpoint, "", upstream.address).await;
    assert_eq!(heard(&get(&gateway).await), [r#"{"a":1}"#]);
    assert_eq!(service.asked().len(), 3);
    assert!(service.asked()[0].header("user-agent").starts_with("keybound/"));
    gateway.stop().await;

    // A POST that the server has seen is not repeated.
    let service = Service::start(|_, _| json_answer(503, "")).await;
    let endpoint = format!("{{url: 'http://{}/q', {retry}}}", service.address);
    let gateway = asking(&endpoint, "", upstream.address).await;
    assert_eq!(get(&gateway).await.status, 502);
    assert_eq!(service.asked().len(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn without_retry_a_call_is_made_once() {
    let upstream = Upstream::start().await;
    let service = Service::start(|_, _| json_answer(500, "")).await;
    let endpoint = format!("{{url: 'http://{}/q', method: GET}}", service.address);
    let gateway = asking(&endpoint, "", upstream.address).await;
    assert_eq!(get(&gateway).await.status, 502);
    assert_eq!((service.asked().len(), upstream.seen()), (1, 0));
    gateway.stop().await;
}

#[tokio::test]
async fn a_silent_endpoint_is_given_up_in_time() {
    let upstream = Upstream::start().await;
    let silent = scripted(|stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let endpoint = format!("{{url: 'http://{silent}/q', timeout: 150ms, retry: {{give_up_after: 1s}}}}");
    let gateway = asking(&endpoint, "", upstream.address).await;
    let started = Instant::now();
    assert_eq!(get(&gateway).await.status, 504);
    let took = started.elapsed();
    assert!((Duration::from_millis(150)..Duration::from_secs(4)).contains(&took), "{took:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_no_answer() {
    let upstream = Upstream::start().await;
    // The second one comes without a length.
    let service = Service::start(|_, _| json_answer(200, &format!("\"{}\"", "x".repeat(2_000)))).await;
    let endpoint = format!("{{url: 'http://{}/q', max_response_size: 1KB}}", service.address);
    let gateway = asking(&endpoint, "", upstream.address).await;
    assert_eq!(get(&gateway).await.status, 502);
    gateway.stop().await;
    let endpoint = format!("{{url: 'http://{}/q', max_response_size: 2KB}}", service.address);
    let gateway = asking(&endpoint, "", upstream.address).await;
    assert_eq!(get(&gateway).await.status, 200);
    gateway.stop().await;
    let endless = scripted(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        while stream.write_all(&[b'x'; 512]).await.is_ok() {}
    })
    .await;
    let endpoint = format!("{{url: 'http://{endless}/q', max_response_size: 1KB}}");
    let gateway = asking(&endpoint, "", upstream.address).await;
    assert_eq!(get(&gateway).await.status, 502);
    gateway.stop().await;
}

#[tokio::test]
async fn answers_are_cached_by_the_rules_of_http() {
    let upstream = Upstream::start().await;
    let service = Service::start(|asked, count| {
        let mut answer = json_answer(200, &count.to_string());
        let says = if asked.target == "/fresh" { "max-age=60" } else { "no-store" };
        answer.headers_mut().insert("cache-control", says.parse().unwrap());
        answer
    })
    .await;
    let endpoint = |path: &str| {
        let url = format!("http://{}{path}", service.address);
        format!("{{url: '{url}', method: GET, http_cache: {{enabled: true, default_ttl: 1m}}}}")
    };
    let gateway = asking(&endpoint("/fresh"), "", upstream.address).await;
    for _ in 0..3 {
        assert_eq!(heard(&get(&gateway).await), ["0"]);
    }
    assert_eq!(service.asked().len(), 1);
    gateway.stop().await;
    let gateway = asking(&endpoint("/other"), "", upstream.address).await;
    assert_eq!(heard(&get(&gateway).await), ["1"]);
    assert_eq!(heard(&get(&gateway).await), ["2"]);
    gateway.stop().await;
}

#[tokio::test]
async fn the_mechanisms_own_cache_counts_what_was_sent() {
    let upstream = Upstream::start().await;
    let service = Service::start(|_, count| json_answer(200, &count.to_string())).await;
    let endpoint = format!("{{url: 'http://{}/q'}}", service.address);
    let rest = "        payload: '{{ .Request.Header \"X-Who\" }}'";
    let gateway = asking(&endpoint, rest, upstream.address).await;
    assert_eq!(heard(&get(&gateway).await), ["0"]);
    assert_eq!(heard(&get(&gateway).await), ["1"], "0s keeps nothing");
    gateway.stop().await;
}

#[tokio::test]
async fn the_endpoint_sees_who_asks() {
    let upstream = Upstream::start().await;
    let service = Service::start(|_, _| json_answer(200, "1")).await;
    let check = async |auth: &str| {
        let endpoint = format!("{{url: 'http://{}/q?a=b', auth: {{{auth}}}}}", service.address);
        let gateway = asking(&endpoint, "", upstream.address).await;
        assert_eq!(heard(&get(&gateway).await), ["1"], "{auth}");
        gateway.stop().await;
        service.asked().pop().unwrap()
    };
    let asked = check("type: basic_auth, config: {credentials: {source: texts, selector: user}}").await;
    assert_eq!(asked.header("authorization"), "Basic Z3c6cDp3");
    let key = |place: &str, name: &str| {
        format!(
            "type: api_key, config: {{in: {place}, name: {name}, secret: {{source: texts, selector: key}}}}"
        )
    };
    assert_eq!(check(&key("header", "X-Key")).await.header("x-key"), "k-1");
    assert_eq!(check(&key("cookie", "key")).await.header("cookie"), "key=k-1");
    assert_eq!(check(&key("query", "the-key")).await.target, "/q?a=b&the%2Dkey=k%2D1");
}

#[tokio::test]
async fn a_granted_token_is_shown_until_it_is_refused() {
    let upstream = Upstream::start().await;
    let tokens = Service::start(|_, count| {
        let token = format!("t{count}");
        json_answer(200, &format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":300}}"#))
    })
    .await;
    let service = Service::start(|asked, count| match count {
        2 => json_answer(401, ""),
        _ => json_answer(200, &format!("{:?}", asked.header("authorization"))),
    })
    .await;
    let auth = format!(
        "type: oauth2_client_credentials, config: {{token_url: 'http://{}/token', credentials: {{source: texts, selector: client}}, scopes: [a]}}",
        tokens.address
    );
    let endpoint = format!("{{url: 'http://{}/q', auth: {{{auth}}}}}", service.address);
    let gateway = asking(&endpoint, "", upstream.address).await;
    for _ in 0..2 {
        assert_eq!(heard(&get(&gateway).await), ["\"Bearer t0\""]);
    }
    assert_eq!(get(&gateway).await.status, 502, "401 of the endpoint is its failure to us");
    assert_eq!(heard(&get(&gateway).await), ["\"Bearer t1\""], "a refused token is not shown again");
    assert_eq!(tokens.asked().len(), 2);
    assert_eq!(tokens.asked()[0].body, "grant_type=client_credentials&scope=a");
    gateway.stop().await;
}

/// The signature is computed anew from what arrived, with the key that the management port publishes.
#[tokio::test]
async fn signed_requests_verify_with_the_published_key() {
    let upstream = Upstream::start().await;
    let service = Service::start(|_, _| Response::new(Full::from(Bytes::from_static(b"1")))).await;
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("signer.pem");
    std::fs::write(&pem, KeyPair::generate(Algorithm::Es256).unwrap().to_pkcs8_pem().unwrap().as_bytes())
        .unwrap();
    let secrets = format!("  keys: {{type: pem, config: {{path: {}}}}}", pem.display());
    let components = r#"["@method", "@authority", "@path", "@query", content-digest, content-type]"#;
    let endpoint = format!(
        "{{url: 'http://{}/q?a=b', headers: {{Content-Type: text/plain}}, auth: {{type: http_message_signatures, config: {{signer: {{name: gw, secret: {{source: keys}}}}, components: {components}, ttl: 30s, label: s1}}}}}}",
        service.address
    );
    let gateway = asking_with(&endpoint, "        payload: 'hello'", &secrets, upstream.address).await;
    assert_eq!(get(&gateway).await.status, 200);
    let asked = service.asked().pop().unwrap();
    assert_eq!(asked.body, "hello");
    let parameters = asked.header("signature-input").strip_prefix("s1=").unwrap().to_owned();
    let digest = asked.header("content-digest");
    let base = format!(
        "\"@method\": POST\n\"@authority\": {}\n\"@path\": /q\n\"@query\": ?a=b\n\"content-digest\": {digest}\n\
         \"content-type\": text/plain\n\"@signature-params\": {parameters}",
        service.address
    );
    let standard = |text: &str| {
        base64url::decode(text.trim_end_matches('=').replace('+', "-").replace('/', "_")).unwrap()
    };
    let digest = digest.strip_prefix("sha-256=:").unwrap().strip_suffix(':').unwrap();
    assert_eq!(standard(digest), jose::crypto::sha256(b"hello"));
    let signature = asked.header("signature").strip_prefix("s1=:").unwrap().strip_suffix(':').unwrap();
    let mut management = RawClient::connect(gateway.app.management_address()).await;
    management.send("GET /.well-known/jwks HTTP/1.1\r\nhost: m\r\n\r\n").await;
    let keys: Value = management.read_answer().await.unwrap().json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    let key = keys["keys"][0].as_object().unwrap();
    let key_id = key["kid"].as_str().unwrap();
    assert!(parameters.contains(&format!("keyid=\"{key_id}\";tag=\"gw\"")), "{parameters}");
    let key = PublicJwk::parse(key).unwrap();
    assert!(key.verify(Algorithm::Es256, base.as_bytes(), &standard(signature)).is_ok());
    assert!(
        key.verify(Algorithm::Es256, base.replace("POST", "PUT").as_bytes(), &standard(signature)).is_err()
    );
    gateway.stop().await;
}

/// The endpoint's certificate is trusted because the configuration says so, and the gateway shows one of its own.
#[tokio::test]
async fn an_endpoint_has_trust_and_certificate_of_its_own() {
    let upstream = Upstream::start().await;
    let (server, client) = (identity(), identity());
    let address = tls_service(&server, &client).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let certificate_of = |pem: &str| pem[pem.find("-----BEGIN CERTIFICATE").unwrap()..].to_owned();
    let secrets = format!(
        "  roots: {{type: pem, config: {{path: {}}}}}\n  mine: {{type: pem, config: {{path: {}}}}}",
        write("roots.pem", &certificate_of(&server.pem)),
        write("mine.pem", &client.pem),
    );
    let check = async |tls: &str, expected: u16| {
        let endpoint = format!("{{url: 'https://localhost:{}/q', tls: {{{tls}}}}}", address.port());
        let gateway = asking_with(&endpoint, "", &secrets, upstream.address).await;
        assert_eq!(get(&gateway).await.status, expected, "{tls}");
        gateway.stop().await;
    };
    check("ca: {source: roots}, certificate: {source: mine}", 200).await;
    check("ca: {source: roots}", 502).await;
    check("certificate: {source: mine}", 502).await;
}

/// Answers over TLS to clients that show the one certificate.
async fn tls_service(server: &Identity, client: &Identity) -> SocketAddr {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(client.certificate.clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let blocks = jose::pem::parse(&server.pem).unwrap();
    let key = blocks.iter().find(|block| block.label == "PRIVATE KEY").unwrap().der.to_vec();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![server.certificate.clone()], PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    scripted(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1").await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}
