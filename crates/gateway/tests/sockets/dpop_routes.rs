//! What only several requests at once, or odd header lines, can show about a route with DPoP. The ordinary cases are those
//! of `compat/cases.json`.

use super::{dpop_setup::DpopSetup, issuer::proof, raw_client::exchange};

async fn guide() -> DpopSetup {
    DpopSetup::start("guide/heimdall-config.yaml", &["rules/guide.yaml"]).await
}

#[tokio::test]
async fn of_many_copies_of_one_request_one_gets_through() {
    let setup = guide().await;
    let token = setup.issuer.token(&setup.alice);
    let nonce = setup.nonce(&token).await;
    let proof = proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
    let authorization = format!("DPoP {token}");
    let request = setup.request("GET", "/api", &[("Authorization", &authorization), ("DPoP", &proof)]);
    let mut copies = tokio::task::JoinSet::new();
    for _ in 0..50 {
        copies.spawn(exchange(setup.gateway.address(), request.clone()));
    }
    let mut statuses: Vec<u16> =
        copies.join_all().await.into_iter().map(|answer| answer.unwrap().status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1]), (200, 401));
    assert_eq!(setup.upstream.seen(), 1);
}

#[tokio::test]
async fn a_proof_counts_only_alone_and_in_its_header() {
    let setup = guide().await;
    let token = setup.issuer.token(&setup.alice);
    let nonce = setup.nonce(&token).await;
    let authorization = format!("DPoP {token}");
    let fresh = || proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
    let (one, other) = (fresh(), fresh());
    let both = format!("{one}, {other}");
    type Case<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);
    let cases: [Case<'_>; 5] = [
        (&[("Authorization", &authorization), ("DPoP", &one), ("dpop", &one)], 401, "invalid_dpop_proof"),
        (&[("Authorization", &authorization), ("DPoP", &one), ("DPoP", "")], 401, "invalid_dpop_proof"),
        (&[("Authorization", &authorization), ("DPoP", &both)], 401, "invalid_dpop_proof"),
        (
            &[("Authorization", &authorization), ("Authorization", &authorization), ("DPoP", &one)],
            400,
            "invalid_request",
        ),
        (&[("Authorization", "DPoP a b"), ("DPoP", &one)], 400, "invalid_request"),
    ];
    for (fields, status, error) in cases {
        let answer = setup.send("GET", "/api", fields).await;
        assert_eq!(answer.status, status, "{error}");
        assert!(answer.header("www-authenticate").unwrap().contains(error), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(setup.upstream.seen(), 0);
    // None of the refusals spent the proof.
    let answer = setup.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", &one)]).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_websocket_needs_a_proof_for_its_opening_request() {
    let setup = guide().await;
    let upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    assert_eq!(setup.send("GET", "/api/ws", &upgrade).await.status, 401);
    assert_eq!(setup.upstream.seen(), 0);
}

#[tokio::test]
async fn a_refused_upload_is_answered_before_it_is_sent() {
    let setup = guide().await;
    let request = format!(
        "POST /api HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n",
        setup.gateway.address()
    );
    assert_eq!(exchange(setup.gateway.address(), request).await.unwrap().status, 401);
}

#[tokio::test]
async fn with_a_public_origin_proofs_name_that() {
    let origin = ("log:\n", "serve:\n  public_origin: https://api.example.com\nlog:\n");
    let setup = DpopSetup::start_changed("guide/heimdall-config.yaml", &["rules/guide.yaml"], origin).await;
    let token = setup.issuer.token(&setup.alice);
    let authorization = format!("DPoP {token}");
    let ask = async |htu: &str, nonce: Option<&str>| {
        let proof = proof(&setup.alice, "GET", htu, &token, nonce, 0);
        setup.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", &proof)]).await
    };
    let challenge = ask("https://api.example.com/api", None).await;
    let nonce = challenge.header("dpop-nonce").unwrap();
    assert_eq!(ask(&setup.uri("/api"), Some(nonce)).await.status, 401);
    assert_eq!(ask("https://api.example.com/api", Some(nonce)).await.status, 200);
}

#[tokio::test]
async fn without_the_issuers_keys_nothing_is_decided() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let change = ("url: http://", &*format!("url: {gone}/"));
    let setup = DpopSetup::start_changed("guide/heimdall-config.yaml", &["rules/guide.yaml"], change).await;
    let token = setup.issuer.token(&setup.alice);
    let authorization = format!("DPoP {token}");
    let proof = proof(&setup.alice, "GET", &setup.uri("/api"), &token, None, 0);
    let answer = setup.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", &proof)]).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (502, None));
    assert_eq!(setup.upstream.seen(), 0);
}
