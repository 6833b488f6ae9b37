//! Clients that authenticate by signing (`private_key_jwt`, RFC 7523).

use dev_authorization_server::Realm;
use jose::{Algorithm, KeyPair, jws};
use serde_json::{Value, json};

use crate::world::{Answer, START, World, key};

/// The server, and the key of its client `signer`.
pub(crate) struct Signer {
    pub(crate) world: World,
    pub(crate) key: KeyPair,
}

impl Signer {
    pub(crate) async fn start(nonces: bool) -> Self {
        let key = key();
        let keys = json!({ "keys": [key.public_jwk().to_json()] }).to_string();
        let mut realm: Value = serde_json::from_slice(include_bytes!("acme.json")).unwrap();
        realm["clients"].as_array_mut().unwrap().push(json!({
            "clientId": "signer",
            "clientAuthenticatorType": "client-jwt",
            "serviceAccountsEnabled": true,
            "attributes": { "jwks.string": keys, "dpop.bound.access.tokens": "true" },
        }));
        let realm = Realm::parse(realm.to_string().as_bytes()).unwrap();
        let world = World::start_with(|options| {
            options.realms = vec![realm];
            options.nonces = nonces;
        })
        .await;
        Self { world, key }
    }

    fn claims(&self) -> Value {
        json!({
            "iss": "signer",
            "sub": "signer",
            "aud": self.world.server.issuer("acme"),
            "jti": dpop::fresh_jti(),
            "iat": START,
            "exp": START + 60,
        })
    }

    fn assertion(&self, claims: &Value) -> String {
        jws::sign(&json!({ "alg": "ES256" }), claims, &self.key, Algorithm::Es256).unwrap()
    }

    /// A token request with this assertion, and a proof with this nonce.
    async fn token(&self, assertion: &str, nonce: Option<&str>) -> Answer {
        let (url, key) = (self.world.endpoint("token"), key());
        let proof = match nonce {
            Some(nonce) => self.world.proof_with_nonce(&key, "POST", &url, nonce),
            None => self.world.proof(&key, "POST", &url),
        };
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        self.world.post(&url, &[("dpop", &proof)], &form).await
    }
}

#[tokio::test]
async fn an_assertion_authenticates_once() {
    let signer = Signer::start(false).await;
    let assertion = signer.assertion(&signer.claims());
    let answer = signer.token(&assertion, None).await;
    assert_eq!(answer.claims()["azp"], "signer");
    signer.token(&assertion, None).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn a15_an_assertion_survives_use_dpop_nonce() {
    let signer = Signer::start(true).await;
    let assertion = signer.assertion(&signer.claims());
    let challenged = signer.token(&assertion, None).await;
    challenged.assert_error(400, "use_dpop_nonce");
    let nonce = challenged.header("dpop-nonce").to_owned();
    assert_eq!(signer.token(&assertion, Some(&nonce)).await.status, 200);
    signer.token(&assertion, Some(&nonce)).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn an_assertion_is_by_the_client_for_this_server_and_short_lived() {
    let signer = Signer::start(false).await;
    let issuer = signer.world.server.issuer("acme");
    let token_endpoint = signer.world.endpoint("token");
    let cases = [
        ("iss", json!("web"), false),
        ("sub", json!("kc-admin-client"), false),
        ("aud", json!("https://other.example"), false),
        ("aud", json!([issuer, "https://other.example"]), false),
        ("aud", json!([]), false),
        ("aud", json!([issuer]), true),
        ("aud", json!(token_endpoint), true),
        ("exp", json!(START), false),
        ("exp", json!(START + 601), false),
        ("exp", json!("soon"), false),
        ("exp", Value::Null, false),
        ("nbf", json!(START + 11), false),
        ("iat", json!(START + 10), true),
        ("jti", json!(""), false),
        ("jti", json!(7), false),
    ];
    for (name, value, accepted) in cases {
        let mut claims = signer.claims();
        claims[name] = value.clone();
        let answer = signer.token(&signer.assertion(&claims), None).await;
        assert_eq!(answer.status.is_success(), accepted, "{name}: {value}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_assertion_by_another_key_is_refused() {
    let signer = Signer::start(false).await;
    let header = json!({ "alg": "ES256" });
    let forged = jws::sign(&header, &signer.claims(), &key(), Algorithm::Es256).unwrap();
    signer.token(&forged, None).await.assert_error(401, "invalid_client");
    signer.token("not.a.jwt", None).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn a_client_with_a_key_has_no_secret_and_the_reverse() {
    let signer = Signer::start(false).await;
    let named = [("grant_type", "client_credentials"), ("client_id", "signer"), ("client_secret", "")];
    signer.world.token(&key(), &named).await.assert_error(401, "invalid_client");
    let mut claims = signer.claims();
    claims["iss"] = json!("watcher");
    claims["sub"] = json!("watcher");
    signer.token(&signer.assertion(&claims), None).await.assert_error(401, "invalid_client");
}
