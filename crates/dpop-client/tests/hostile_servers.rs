//! Servers that mean harm: each ends with a clear error, after a bounded effort.

#![cfg(feature = "hyper")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod raw_server;

use std::{error::Error, sync::Arc, time::Duration};

use bytes::Bytes;
use dpop_client::{
    Binding, ClientAuthentication, DpopClient, HyperClient, PlainHttp, Session,
    discovery::AuthorizationServer, grant::ClientCredentialsGrant,
};
use http::Request;
use jose::{Algorithm, KeyPair, UnixTime};
use oauth::AccessToken;
use raw_server::RawServer;

/// Answers, as they travel.
fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn http() -> Arc<HyperClient> {
    let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
    Arc::new(client.with_limits(Duration::from_millis(500), 100_000))
}

fn client() -> DpopClient {
    let session = Session::new(Arc::new(KeyPair::generate(Algorithm::Es256).unwrap()));
    DpopClient::new(session, http(), || UnixTime::from_seconds(1_784_444_400))
}

/// An error with all its causes.
fn text(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn token_endpoints() {
    let long_nonce = format!("400 Bad Request\r\ndpop-nonce: {}", "n".repeat(1_000_000));
    let demand = |nonce: &str| {
        answer(&format!("400 Bad Request\r\ndpop-nonce: {nonce}"), r#"{"error":"use_dpop_nonce"}"#)
    };
    let token = |token_type: &str| format!(r#"{{"access_token":"t","token_type":"{token_type}"}}"#);
    let rows: Vec<(&str, Vec<Vec<u8>>, usize, &str)> = vec![
        ("endless nonce challenges", vec![demand("n1"), demand("n2"), demand("n3")], 2, "use_dpop_nonce"),
        ("a nonce with a blank", vec![demand("a b"), demand("a b")], 1, "use_dpop_nonce"),
        ("a nonce with a control character", vec![demand("a\u{1}b")], 1, "can not be reached"),
        ("two nonces", vec![demand("a\r\ndpop-nonce: b"), demand("a")], 1, "use_dpop_nonce"),
        ("a nonce of 3 kB", vec![demand(&"n".repeat(3_000)), demand("n")], 1, "use_dpop_nonce"),
        ("a nonce of 1 MB", vec![answer(&long_nonce, "{}")], 1, "can not be reached"),
        ("a token of type Bearer", vec![answer("200 OK", &token("Bearer"))], 1, "not bound to the key"),
        (
            "a token of no type",
            vec![answer("200 OK", r#"{"access_token":"t"}"#)],
            1,
            "without a token response",
        ),
        (
            "200 without a token",
            vec![answer("200 OK", r#"{"token_type":"DPoP"}"#)],
            1,
            "without a token response",
        ),
        ("200 without JSON", vec![answer("200 OK", "<html>")], 1, "without a token response"),
        (
            "200 with the token twice",
            vec![answer("200 OK", r#"{"access_token":"a","access_token":"b","token_type":"DPoP"}"#)],
            1,
            "without a token response",
        ),
        (
            "a redirect",
            vec![answer("307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/", "")],
            1,
            "without a token response",
        ),
        ("a huge answer", vec![answer("200 OK", &"x".repeat(200_000))], 1, "larger than 100000 bytes"),
        ("deep JSON", vec![answer("200 OK", &"[".repeat(50_000))], 1, "without a token response"),
        (
            "a slow answer",
            vec![b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()],
            1,
            "did not answer in time",
        ),
        ("silence", vec![], 1, "did not answer in time"),
        ("no HTTP", vec![b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()], 1, "can not be reached"),
        (
            "escapes in the error",
            vec![answer("400 Bad Request", r#"{"error":"a\u001b[2J","error_description":"\u0007"}"#)],
            1,
            "refused: a?[2J: ?",
        ),
    ];
    for (name, answers, requests, expected) in rows {
        let server = RawServer::answering(answers).await;
        let endpoint = server.url("/token").parse().unwrap();
        let service = ClientAuthentication::SecretPost {
            client_id: "service".into(),
            secret: "s3cret".to_owned().into(),
        };
        let grant = ClientCredentialsGrant::default();
        let error = client().token(&endpoint, &grant, &service, Binding::Required).await.unwrap_err();
        let text = text(&error);
        assert!(text.contains(expected), "{name}: {text}");
        assert!(!text.contains("s3cret") && !text.chars().any(char::is_control), "{name}: {text}");
        assert_eq!(server.received().len(), requests, "{name}");
    }
}

#[tokio::test]
async fn resource_servers() {
    let demand = |line: &str| answer(&format!("401 Unauthorized\r\n{line}"), "");
    let nonce = "www-authenticate: DPoP error=\"use_dpop_nonce\"\r\ndpop-nonce: n";
    let rows: Vec<(&str, Vec<Vec<u8>>, usize, u16)> = vec![
        ("endless nonce challenges", vec![demand(nonce); 5], 2, 401),
        ("a demand without a nonce", vec![demand("www-authenticate: DPoP error=\"use_dpop_nonce\"")], 1, 401),
        ("a demand in a Bearer challenge", vec![demand("www-authenticate: Bearer error=\"use_dpop_nonce\"\r\ndpop-nonce: n")], 1, 401),
        ("an unfinished challenge", vec![demand("www-authenticate: DPoP error=\"use_dpop_nonce\r\ndpop-nonce: n")], 1, 401),
        ("a redirect to another origin", vec![answer("302 Found\r\nlocation: http://127.0.0.1:1/", "")], 1, 302),
        ("a redirect with a demand", vec![answer(&format!("307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\n{nonce}"), "")], 1, 307),
        ("clocks that jump each time", (1..5).map(|day| demand(&format!("www-authenticate: DPoP error=\"invalid_dpop_proof\"\r\ndate: Sun, 19 Jul 2026 0{day}:00:00 GMT"))).collect(), 2, 401),
    ];
    let token = AccessToken::parse("the.access.token").unwrap();
    for (name, answers, requests, status) in rows {
        let server = RawServer::answering(answers).await;
        let request = Request::get(server.url("/")).body(Bytes::new()).unwrap();
        let response = client().send(request, &token).await.unwrap();
        assert_eq!(response.status(), status, "{name}");
        let received = server.received();
        assert_eq!(received.len(), requests, "{name}");
        assert!(received.iter().all(|request| !request.contains("Bearer")), "{name}");
    }
}

#[tokio::test]
async fn metadata() {
    // `{issuer}` stands for the address of the server.
    let rows = [
        ("another issuer", r#"{"issuer":"https://evil.example.com"}"#, "another issuer"),
        ("the issuer with a slash more", r#"{"issuer":"{issuer}/"}"#, "another issuer"),
        ("no issuer", "{}", "no metadata document"),
        ("no JSON", "<html>", "no metadata document"),
        ("the issuer twice", r#"{"issuer":"{issuer}","issuer":"{issuer}"}"#, "no metadata document"),
        (
            "a token endpoint elsewhere over plain http",
            r#"{"issuer":"{issuer}","token_endpoint":"http://evil.example.com/"}"#,
            "token_endpoint",
        ),
        (
            "a revocation endpoint elsewhere over plain http",
            r#"{"issuer":"{issuer}","revocation_endpoint":"http://evil.example.com/"}"#,
            "revocation_endpoint",
        ),
        (
            "a login page that is a script",
            r#"{"issuer":"{issuer}","authorization_endpoint":"javascript:alert(1)"}"#,
            "authorization_endpoint",
        ),
    ];
    for (name, document, expected) in rows {
        // The issuer has to be known before the answer is.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let body = answer("200 OK", &document.replace("{issuer}", &issuer));
        let server = RawServer::on(listener, [body]);
        let error = AuthorizationServer::discover(&issuer, &*http()).await.unwrap_err();
        assert!(text(&error).contains(expected), "{name}: {}", text(&error));
        assert_eq!(server.received().len(), 1, "{name}");
    }
    let location = "302 Found\r\nlocation: http://127.0.0.1:1/";
    let server = RawServer::answering([answer(location, ""), answer(location, "")]).await;
    let error = AuthorizationServer::discover(&server.url(""), &*http()).await.unwrap_err();
    assert!(text(&error).contains("302"), "a redirect is not followed: {}", text(&error));
}
