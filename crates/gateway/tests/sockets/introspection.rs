//! `oauth2_introspection` with the development authorization server: real metadata, introspection, revocation.

use std::path::Path;

use dev_authorization_server::{AuthorizationServer, Handle, Options, Realm};
use dpop::ProofBuilder;
use jose::{Algorithm, KeyPair, UnixTime};

use super::{
    issuer::{now, proof},
    raw_client::{Answer, exchange},
    running_gateway::RunningGateway,
    upstream::Upstream,
};

const CLIENT: &str = "client_id=kc-admin-client&client_secret=admin-secret";

fn configuration(issuer: &str) -> String {
    format!(
        "serve: {{host: 127.0.0.1}}
secret_management:
  clients:
    type: inline
    config: {{web: {{user_id: web, password: web-secret}}}}
mechanisms:
  authenticators:
    - id: opaque
      type: oauth2_introspection
      config:
        metadata_endpoint:
          url: {issuer}/.well-known/openid-configuration
          resolved_endpoints:
            introspection_endpoint:
              auth: {{type: basic_auth, config: {{credentials: {{source: clients, selector: web}}}}}}
        assertions: {{allowed_algorithms: [ES256]}}
        cache_ttl: 0s
  finalizers:
    - {{id: as_is, type: noop}}
providers:
  file_system: {{src: /etc/heimdall/rules}}
"
    )
}

fn rules(upstream: &Upstream) -> String {
    format!(
        "version: \"1beta1\"
rules:
  - id: api
    match: {{http: {{paths: [{{path: /api}}]}}}}
    forward_to: {{host: \"{}\"}}
    execute: [{{authenticator: opaque}}, {{finalizer: as_is}}]
",
        upstream.address
    )
}

async fn authorization_server() -> Handle {
    let realm =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../dev-authorization-server/tests/server/acme.json");
    let realm = Realm::read(&realm).unwrap();
    AuthorizationServer::start(Options::new(([127, 0, 0, 1], 0).into(), vec![realm])).await.unwrap()
}

async fn post_form(server: &Handle, path: &str, fields: &str, form: &str) -> Answer {
    let address = server.address();
    let request = format!(
        "POST /realms/acme/protocol/openid-connect/{path} HTTP/1.1\r\nHost: {address}\r\n{fields}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    exchange(address, &request).await.unwrap()
}

/// A token that is bound to the key.
async fn bound_token(server: &Handle, key: &KeyPair) -> String {
    let endpoint = format!("{}/protocol/openid-connect/token", server.issuer("acme"));
    let proof = ProofBuilder::new(key, "POST", &endpoint).sign(UnixTime::from_seconds(now())).unwrap();
    let form = format!("grant_type=client_credentials&{CLIENT}");
    let answer = post_form(server, "token", &format!("DPoP: {proof}\r\n"), &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn call(gateway: &RunningGateway, scheme: &str, token: &str, key: &KeyPair) -> (u16, Option<String>) {
    let uri = format!("http://{}/api", gateway.address());
    let proof = proof(key, "GET", &uri, token, None, 0);
    let request = format!(
        "GET /api HTTP/1.1\r\nHost: {}\r\nAuthorization: {scheme} {token}\r\nDPoP: {proof}\r\n\r\n",
        gateway.address()
    );
    let answer = exchange(gateway.address(), &request).await.unwrap();
    (answer.status, answer.header("www-authenticate").map(str::to_owned))
}

#[tokio::test]
async fn a_bound_token_passes_with_its_proof_until_it_is_revoked() {
    let (server, upstream) = (authorization_server().await, Upstream::start().await);
    let gateway =
        RunningGateway::start(&configuration(&server.issuer("acme")), &[("api.yaml", &rules(&upstream))])
            .await;
    let [client, thief] = [(); 2].map(|()| KeyPair::generate(Algorithm::Es256).unwrap());
    let token = bound_token(&server, &client).await;
    let invalid_token = "DPoP error=\"invalid_token\", algs=\"ES256\", Bearer";
    assert_eq!(call(&gateway, "DPoP", &token, &client).await, (200, None));
    assert_eq!(call(&gateway, "DPoP", &token, &thief).await, (401, Some(invalid_token.to_owned())));
    let as_bearer = call(&gateway, "Bearer", &token, &client).await;
    assert_eq!(as_bearer, (401, Some("DPoP algs=\"ES256\", Bearer error=\"invalid_token\"".to_owned())));
    assert_eq!(call(&gateway, "DPoP", &token, &client).await, (200, None));

    let revoked = post_form(&server, "revoke", "", &format!("token={token}&{CLIENT}")).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!(call(&gateway, "DPoP", &token, &client).await, (401, Some(invalid_token.to_owned())));

    let token = bound_token(&server, &client).await;
    server.shutdown().await;
    assert_eq!(call(&gateway, "DPoP", &token, &client).await, (502, None));
    gateway.stop().await;
}
