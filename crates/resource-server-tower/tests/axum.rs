//! The extractors in a real axum router.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Extension;
use axum::routing::get;
use axum::{Router, http::Request};
use http_body_util::BodyExt;
use resource_server_tower::axum::Dpop;
use resource_server_tower::{
    DpopLayer, DpopLayerBuilder, MemoryReplayStore, Mode, PeerAddress, RequireRoles, RequireScopes,
    StaticKeys, Verified,
};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::{Attack, Call, FakeIssuer, ManualClock, TestClient};
use tower::ServiceExt;

const ORIGIN: &str = "https://api.example.com";

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Deserialize)]
struct Tenant {
    #[serde(rename = "tenant")]
    _tenant: u64,
}

async fn hello(Dpop(claims): Dpop<Claims>) -> String {
    format!("hello {}", claims.sub)
}

async fn tenant(Dpop(_): Dpop<Tenant>) {}

async fn key(Extension(verified): Extension<Arc<Verified>>) -> String {
    verified.thumbprint.unwrap().to_string()
}

struct Scene {
    clock: ManualClock,
    issuer: FakeIssuer,
    client: TestClient,
}

impl Scene {
    fn new() -> Self {
        let issuer = FakeIssuer::new("https://issuer.example");
        Self { clock: ManualClock::new(), issuer, client: TestClient::new() }
    }

    fn layer(&self) -> DpopLayer {
        self.builder().build().unwrap()
    }

    fn builder(&self) -> DpopLayerBuilder {
        DpopLayer::rfc9449()
            .issuer(self.issuer.name(), StaticKeys::new(self.issuer.jwk_set()))
            .audience("shop")
            .public_origin(ORIGIN)
            .mode(Mode::Require)
            .replay_store(MemoryReplayStore::new(1000))
            .clock(self.clock.reader())
    }

    fn app(&self) -> Router {
        let writing = Router::new().route("/orders", get(hello)).route_layer(RequireScopes::all(["orders"]));
        let routes = Router::new()
            .route("/", get(hello))
            .route("/tenant", get(tenant))
            .route("/key", get(key))
            .merge(writing);
        let admins = RequireRoles::all(["realm_access", "roles"], ["admin"]);
        let routes = routes.route("/admin", get(hello).route_layer(admins));
        routes.layer(self.layer())
    }

    fn call(&self, path: &str) -> Call<'_> {
        let token = self.issuer.token(self.clock.now()).audience("shop");
        Call::new(&self.client, token, "GET", &format!("{ORIGIN}{path}"), self.clock.now())
    }
}

async fn send(app: &Router, request: Request<Body>) -> (u16, String, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.map_or("", |value| value.to_str().unwrap()).to_owned();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, challenge, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_metadata_are_a_handler_and_need_no_token() {
    let scene = Scene::new();
    let layer = scene.builder().resource_metadata(ORIGIN).build().unwrap();
    let metadata = layer.resource_metadata().unwrap().clone();
    let app = Router::new().route("/", get(hello)).layer(layer);
    let app = app.route(metadata.path(), get(metadata.clone()));
    let path = "/.well-known/oauth-protected-resource";
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let (status, _, body) = send(&app, request).await;
    assert_eq!(status, 200);
    assert!(body.contains(r#""resource":"https://api.example.com""#), "{body}");
    let request = Request::builder().uri("/").body(Body::empty()).unwrap();
    let (status, challenge, _) = send(&app, request).await;
    assert_eq!(status, 401);
    assert!(challenge.contains(&format!(r#"resource_metadata="{ORIGIN}{path}""#)), "{challenge}");
}

#[tokio::test]
async fn a_handler_gets_the_claims_and_the_proven_key() {
    let scene = Scene::new();
    let app = scene.app();
    let (status, _, body) = send(&app, scene.call("/").request()).await;
    assert_eq!((status, body.as_str()), (200, "hello alice"));
    let (status, _, body) = send(&app, scene.call("/key").request()).await;
    assert_eq!((status, body), (200, scene.client.thumbprint().to_string()));
}

#[tokio::test]
async fn no_attack_reaches_the_handler() {
    let scene = Scene::new();
    let app = scene.app();
    for attack in Attack::ALL {
        let (status, _, body) = send(&app, scene.call("/").attack(*attack)).await;
        assert_eq!(status, attack.expected().status.as_u16(), "{attack:?}");
        assert!(!body.contains("hello"), "{attack:?}");
    }
}

#[tokio::test]
async fn a_claim_that_the_handler_demands_and_the_token_lacks_is_an_invalid_token() {
    let scene = Scene::new();
    let (status, challenge, body) = send(&scene.app(), scene.call("/tenant").request()).await;
    assert_eq!(
        (status, challenge.as_str()),
        (401, r#"DPoP error="invalid_token", algs="ES256 Ed25519 EdDSA""#)
    );
    assert!(body.contains(r#""error":"invalid_token""#));
}

#[tokio::test]
async fn a_route_demands_its_own_scope() {
    let scene = Scene::new();
    let app = scene.app();
    let (status, challenge, _) = send(&app, scene.call("/orders").request()).await;
    assert_eq!(
        (status, challenge.as_str()),
        (403, r#"DPoP error="insufficient_scope", algs="ES256 Ed25519 EdDSA""#)
    );
    let token = scene.issuer.token(scene.clock.now()).audience("shop").scope("profile orders");
    let uri = format!("{ORIGIN}/orders");
    let call = Call::new(&scene.client, token, "GET", &uri, scene.clock.now());
    assert_eq!(send(&app, call.request()).await.0, 200);
}

#[tokio::test]
async fn a_route_demands_its_own_role() {
    let scene = Scene::new();
    let app = scene.app();
    let with_roles = |roles: Value| {
        let token = scene.issuer.token(scene.clock.now()).audience("shop").scope("admin");
        let token = token.claim("realm_access", json!({ "roles": roles }));
        Call::new(&scene.client, token, "GET", &format!("{ORIGIN}/admin"), scene.clock.now())
    };
    let (status, challenge, body) = send(&app, with_roles(json!(["user"])).request()).await;
    assert_eq!(
        (status, challenge.as_str()),
        (403, r#"DPoP error="insufficient_scope", algs="ES256 Ed25519 EdDSA""#)
    );
    assert!(!body.contains("hello"));
    assert_eq!(send(&app, with_roles(json!(["user", "admin"])).request()).await.0, 200);
    let stolen = with_roles(json!(["admin"])).attack(Attack::BoundTokenAsBearer);
    assert_eq!(send(&app, stolen).await.0, 401);
}

#[tokio::test]
async fn an_extractor_without_a_layer_stays_closed() {
    let scene = Scene::new();
    let open = Router::new().route("/", get(hello));
    assert_eq!(send(&open, scene.call("/").request()).await.0, 500);
    let scoped = Router::new().route("/", get(|| async {})).route_layer(RequireScopes::all(["orders"]));
    assert_eq!(send(&scoped, scene.call("/").request()).await.0, 500);
    let admins = RequireRoles::all(["roles"], ["admin"]);
    let guarded = Router::new().route("/", get(|| async {})).route_layer(admins);
    assert_eq!(send(&guarded, scene.call("/").request()).await.0, 500);
}

#[tokio::test]
async fn a_layer_inside_of_a_nested_router_sees_the_whole_path() {
    let scene = Scene::new();
    let app = Router::new().nest("/v1", scene.app());
    assert_eq!(send(&app, scene.call("/v1/key").request()).await.0, 200);
    let stripped = scene.call("/key").headers();
    let request = scene.call("/v1/key").request_with(stripped);
    assert_eq!(send(&app, request).await.0, 401, "htu is the path as the client used it");
}

#[tokio::test]
async fn axum_tells_the_peer_behind_which_a_proxy_stands() {
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;

    let scene = Scene::new();
    let layer = DpopLayer::rfc9449()
        .issuer(scene.issuer.name(), StaticKeys::new(scene.issuer.jwk_set()))
        .audience("shop")
        .trusted_proxies(["10.0.0.0/8".parse().unwrap()], http::uri::Scheme::HTTP)
        .any_forwarded_host()
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(1000))
        .clock(scene.clock.reader())
        .build()
        .unwrap();
    let app = Router::new().route("/", get(hello)).layer(layer);
    let forwarded = || {
        let mut request: Request<Body> = scene.call("/").request();
        request.headers_mut().insert("host", "backend:8080".parse().unwrap());
        request.headers_mut().insert("x-forwarded-host", "api.example.com".parse().unwrap());
        request.headers_mut().insert("x-forwarded-proto", "https".parse().unwrap());
        request
    };
    assert_eq!(send(&app, forwarded()).await.0, 500, "nobody says who is calling");
    for (peer, expected) in [("10.0.0.7:1", 200), ("192.0.2.1:1", 401)] {
        let mut request = forwarded();
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        assert_eq!(send(&app, request).await.0, expected, "{peer}");
    }
    let mut request = forwarded();
    request.extensions_mut().insert(PeerAddress("10.0.0.7".parse().unwrap()));
    assert_eq!(send(&app, request).await.0, 200);
}
