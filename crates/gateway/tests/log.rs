//! What the log says about requests, and what it never says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs, unreachable_pub, dead_code)]

mod sockets {
    pub mod dpop_setup;
    pub mod issuer;
    pub mod raw_client;
    pub mod running_gateway;
    pub mod upstream;
}

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{Event, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
};

use sockets::{dpop_setup::DpopSetup, issuer::proof};

/// Keeps everything that any code of the process says, at every level.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl<S: Subscriber> Layer<S> for Everything {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
}

#[tokio::test]
async fn one_access_event_for_each_request_and_no_credentials_anywhere() {
    let said = Everything::default();
    tracing::subscriber::set_global_default(Registry::default().with(said.clone())).unwrap();
    let setup = DpopSetup::start("article/heimdall-config.yaml", &["rules/article.yaml"]).await;
    let token = setup.issuer.token(&setup.alice);
    let nonce = setup.nonce(&token).await;
    let authorization = format!("DPoP {token}");
    let proof = proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let fields =
        [("Authorization", authorization.as_str()), ("DPoP", proof.as_str()), ("traceparent", traceparent)];
    let answer = setup.send("GET", "/api?code=in-the-query", &fields).await;
    assert_eq!(answer.status, 200);
    assert_eq!(setup.send("GET", "/api", &fields).await.status, 401, "replayed");
    assert_eq!(setup.send("GET", "/other\u{1b}[31m", &[]).await.status, 400);
    assert_eq!(setup.send("GET", "/a\\b", &[]).await.status, 400);
    assert_eq!(setup.send("GET", "/nowhere", &[]).await.status, 401);
    let internal = sockets::upstream::seen_header(&answer.json(), "authorization").remove(0);

    let said = said.0.lock().unwrap();
    let access: Vec<&String> = said.iter().filter(|line| line.starts_with("keybound::access")).collect();
    let thumbprint = setup.alice.thumbprint().to_string();
    let jti_hash = resource_server::JtiHash::of(&jti(&proof)).to_string();
    let expected: [&[&str]; 6] = [
        &["decision=\"denial\"", "reason=\"use_dpop_nonce\"", "proof=\"nonce_missing\"", "status=401"],
        &[
            "mode=\"proxy\"",
            "client=\"127.0.0.1\"",
            "method=\"GET\"",
            "scheme=\"http\"",
            "path=\"/api\"",
            "http_version=\"1.1\"",
            "rule=\"upstream:api\"",
            "decision=\"permit\"",
            "denial=\"\"",
            "reason=\"\"",
            "subject=\"alice-id\"",
            "proof=\"accepted\"",
            &thumbprint,
            &jti_hash,
            "status=200",
            "trace_id=\"0af7651916cd43dd8448eb211c80319c\"",
            "parent_id=\"b7ad6b7169203331\"",
        ],
        &["reason=\"proof_replayed\"", "proof=\"replayed\"", "subject=\"\"", &thumbprint, &jti_hash],
        &["method=\"\"", "denial=\"bad_request\"", "reason=\"no_http\"", "status=400"],
        &["rule=\"-\"", "denial=\"bad_request\"", "proof=\"\"", "status=400", "trace_id=\"\""],
        &["rule=\"default\"", "rule_set=\"\"", "reason=\"unauthorized\"", "jkt=\"\"", "status=401"],
    ];
    assert_eq!(access.len(), expected.len(), "{access:#?}");
    for (line, parts) in access.iter().zip(expected) {
        for part in parts {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
    assert!(access[1].contains("rule_set=\"") && !access[1].contains("rule_set=\"\""), "{}", access[1]);
    let secrets = [
        token.rsplit('.').next().unwrap(),
        proof.rsplit('.').next().unwrap(),
        proof.split('.').nth(1).unwrap(),
        nonce.as_str(),
        internal.rsplit('.').next().unwrap(),
        "in-the-query",
    ];
    let jti = jti(&proof);
    for line in said.iter() {
        for secret in secrets.iter().chain([&jti.as_str()]) {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

fn jti(proof: &str) -> String {
    let payload = jose::base64url::decode(proof.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}
