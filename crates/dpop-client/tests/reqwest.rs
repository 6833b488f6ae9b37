//! reqwest with tokens and proofs, against a server on a socket.

#![cfg(feature = "reqwest")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod raw_server;

use std::sync::Arc;

use dpop_client::{AccessError, ResourceAccess, Session, reqwest_client};
use jose::{Algorithm, KeyPair, UnixTime};
use oauth::AccessToken;
use raw_server::RawServer;
use reqwest_middleware::ClientWithMiddleware;

const CHALLENGE: &str = "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: DPoP error=\"use_dpop_nonce\"\r\n\
                         dpop-nonce: n1\r\ncontent-length: 0\r\n\r\n";
const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine";

fn client(server: &RawServer) -> ClientWithMiddleware {
    // A second call in the same program changes nothing.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let session = Session::new(Arc::new(KeyPair::generate(Algorithm::Es256).unwrap()));
    let token = Arc::new(AccessToken::parse("the.access.token").unwrap());
    let access = ResourceAccess::new(session, token, || UnixTime::from_seconds(1_784_444_400))
        .to(&server.url("/").parse().unwrap())
        .unwrap();
    reqwest_client(reqwest::Client::builder().no_proxy(), access).unwrap()
}

#[tokio::test]
async fn answers_a_challenge_once_with_the_body_again() {
    let server = RawServer::answering([CHALLENGE, FINE]).await;
    let client = client(&server);
    let response = client.post(server.url("/things?page=2")).body("payload").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let received = server.received();
    assert_eq!(received.len(), 2);
    for request in &received {
        assert!(request.starts_with("POST /things?page=2 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: DPoP the.access.token\r\n"), "{request}");
        assert!(request.ends_with("payload"), "{request}");
    }
    let proof = |request: &str| {
        request.lines().find_map(|line| line.strip_prefix("dpop: ")).map(str::to_owned).unwrap()
    };
    assert_ne!(proof(&received[0]), proof(&received[1]));
}

#[tokio::test]
async fn an_endless_demand_for_nonces_ends_after_one_retry() {
    let server = RawServer::answering([CHALLENGE; 5]).await;
    let response = client(&server).get(server.url("/")).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn c5_no_redirect_is_followed_and_no_other_origin_sees_a_token() {
    let other = RawServer::answering([FINE]).await;
    let redirect: &'static str =
        format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", other.url("/")).leak();
    let server = RawServer::answering([redirect]).await;
    let client = client(&server);
    assert_eq!(client.get(server.url("/")).send().await.unwrap().status(), 302);
    let error = client.get(other.url("/")).send().await.unwrap_err();
    let reqwest_middleware::Error::Middleware(error) = error else { panic!("{error}") };
    assert!(matches!(error.downcast_ref(), Some(AccessError::ForeignOrigin { .. })), "{error}");
    assert!(other.received().is_empty());
}
