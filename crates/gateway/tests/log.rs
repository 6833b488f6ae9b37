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
    let fields = [("Authorization", authorization.as_str()), ("DPoP", proof.as_str())];
    let answer = setup.send("GET", "/api?code=in-the-query", &fields).await;
    assert_eq!(answer.status, 200);
    assert_eq!(setup.send("GET", "/api", &fields).await.status, 401, "replayed");
    assert_eq!(setup.send("GET", "/other\u{1b}[31m", &[]).await.status, 400);
    let internal = sockets::upstream::seen_header(&answer.json(), "authorization").remove(0);

    let said = said.0.lock().unwrap();
    let access: Vec<&String> = said.iter().filter(|line| line.starts_with("keybound::access")).collect();
    let events: Vec<bool> = [
        ("decision=\"denial\"", "reason=\"use_dpop_nonce\""),
        ("decision=\"permit\"", "status=200"),
        ("decision=\"denial\"", "status=401"),
    ]
    .iter()
    .zip(&access)
    .map(|((one, other), line)| line.contains(one) && line.contains(other))
    .collect();
    assert_eq!(events, [true, true, true], "{access:#?}");
    assert!(access[1].contains("rule=\"upstream:api\""), "{}", access[1]);
    let secrets = [
        token.rsplit('.').next().unwrap(),
        proof.rsplit('.').next().unwrap(),
        nonce.as_str(),
        internal.rsplit('.').next().unwrap(),
        "in-the-query",
    ];
    for line in said.iter() {
        for secret in secrets {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
