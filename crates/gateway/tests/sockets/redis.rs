//! Gateways that remember used proofs, and answers, in one Redis.

use std::time::{Duration, Instant};

use jose::{Algorithm, KeyPair};

use super::{
    issuer::{Issuer, proof},
    raw_client::{Answer, exchange},
    redis_server::{Server, installed},
    running_gateway::RunningGateway,
    upstream::Upstream,
};

/// What the proofs are for, at every gateway.
const TARGET: &str = "https://api.example.com/api";

struct Site {
    issuer: Issuer,
    upstream: Upstream,
    alice: KeyPair,
}

impl Site {
    async fn new() -> Self {
        let alice = KeyPair::generate(Algorithm::Es256).unwrap();
        Self { issuer: Issuer::start().await, upstream: Upstream::start().await, alice }
    }

    async fn gateway(&self, cache: &str, more: &str) -> RunningGateway {
        let (issuer, upstream) = (self.issuer.origin(), self.upstream.address);
        let configuration = format!(
            "serve: {{public_origin: 'https://api.example.com'}}
cache: {cache}
{more}
mechanisms:
  authenticators:
    - id: dpop
      type: jwt
      config:
        jwks_endpoint: {{url: '{issuer}/realms/dpop/protocol/openid-connect/certs'}}
        assertions:
          issuers: ['{issuer}/realms/dpop']
          allowed_algorithms: [RS256, ES256]
          proof_of_possession: {{type: dpop}}
providers:
  file_system: {{src: /etc/heimdall/rules}}
"
        );
        let rules = format!(
            "version: '1beta1'
name: all
rules:
  - id: api
    match: {{routes: [{{path: /api}}]}}
    forward_to: {{host: '{upstream}', rewrite: {{scheme: http}}}}
    execute: [{{authenticator: dpop}}]
"
        );
        RunningGateway::start(&configuration, &[("rules.yaml", &rules)]).await
    }

    fn request(&self) -> String {
        let token = self.issuer.token(&self.alice);
        let proof = proof(&self.alice, "GET", TARGET, &token, None, 0);
        format!("GET /api HTTP/1.1\r\nHost: a\r\nAuthorization: DPoP {token}\r\nDPoP: {proof}\r\n\r\n")
    }
}

async fn send(gateway: &RunningGateway, request: &str) -> Answer {
    exchange(gateway.address(), request.to_owned()).await.unwrap()
}

/// Sends fresh proofs until one gets through.
async fn recovers(site: &Site, gateway: &RunningGateway) {
    let start = Instant::now();
    while send(gateway, &site.request()).await.status != 200 {
        assert!(start.elapsed() < Duration::from_secs(20), "it stays closed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn single(server: &Server) -> String {
    format!("{{type: redis, config: {{address: '{}', tls: {{disabled: true}}}}}}", server.address())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_with_one_redis_accept_a_proof_once() {
    if !installed("two_gateways_with_one_redis_accept_a_proof_once") {
        return;
    }
    let (site, server) = (Site::new().await, Server::start(&[]));
    let cache = single(&server);
    let gateways = [site.gateway(&cache, "").await, site.gateway(&cache, "").await];
    for gateway in &gateways {
        recovers(&site, gateway).await;
    }
    for round in 0..20 {
        let before = site.upstream.seen();
        let request = site.request();
        let (one, other) = tokio::join!(send(&gateways[0], &request), send(&gateways[1], &request));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "round {round}");
        assert_eq!(site.upstream.seen(), before + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_redis_a_gateway_refuses_in_time_and_recovers() {
    if !installed("without_its_redis_a_gateway_refuses_in_time_and_recovers") {
        return;
    }
    let (site, mut server) = (Site::new().await, Server::start(&[]));
    let port = server.port;
    let gateway = site.gateway(&single(&server), "").await;
    recovers(&site, &gateway).await;
    let (before, request) = (site.upstream.seen(), site.request());
    server.kill();
    for _ in 0..5 {
        let start = Instant::now();
        let answer = send(&gateway, &site.request()).await;
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert!(answer.header("www-authenticate").is_none(), "{answer:?}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(send(&gateway, &request).await.status, 503);
    assert_eq!(site.upstream.seen(), before, "nothing gets through meanwhile");
    let _again = Server::start_on(port, &[], &[]);
    recovers(&site, &gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_never_finds_its_redis_refuses() {
    let site = Site::new().await;
    let cache = "{type: redis, config: {address: '127.0.0.1:1', tls: {disabled: true}}}";
    let gateway = site.gateway(cache, "").await;
    assert_eq!(send(&gateway, &site.request()).await.status, 503);
    assert_eq!(site.upstream.seen(), 0);
    let ready = "GET /.well-known/ready HTTP/1.1\r\nHost: a\r\n\r\n".to_owned();
    let answer = exchange(gateway.app.management_address(), ready).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("the connection to Redis"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn used_proofs_may_stay_in_memory_beside_a_redis_cache() {
    let site = Site::new().await;
    let cache = "{type: redis, config: {address: '127.0.0.1:1', tls: {disabled: true}}}";
    let gateway = site.gateway(cache, "replay_store: {type: memory}").await;
    let request = site.request();
    assert_eq!(send(&gateway, &request).await.status, 200);
    assert_eq!(send(&gateway, &request).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_from_before_the_start_can_be_refused() {
    let site = Site::new().await;
    let gateway = site.gateway("{type: in-memory}", "replay_store: {refuse_older_than_start: true}").await;
    // Within the clock skew nobody can tell whether the proof was made before the start.
    let answer = send(&gateway, &site.request()).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().contains("invalid_dpop_proof"), "{answer:?}");
}
