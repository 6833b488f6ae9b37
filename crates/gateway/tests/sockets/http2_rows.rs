//! Rows P53 to P78 of the catalogue of hostile requests: HTTP/2 over TLS, frame by frame.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{HeaderMap, Request, header::HeaderName};

use super::{
    dpop_setup::DpopSetup,
    issuer::proof,
    raw_http2::{END_HEADERS, END_STREAM, Outcome, continuation, data, frame, headers, outcome_of, settings},
    tls_client::{Http2Client, Identity, connect, get, identity, text_body},
};

struct Site {
    setup: DpopSetup,
    identity: Identity,
    authority: String,
    token: String,
    nonce: String,
}

impl Site {
    async fn start() -> Self {
        let identity = identity();
        let setup = DpopSetup::start_with_files(
            "article/heimdall-config.yaml",
            &["rules/article.yaml"],
            &[("tls.pem", &identity.pem)],
            |text| {
                let tls = "serve: {tls: {secret: {source: tls}}}\nsecret_management:\n  tls: {type: pem, config: {path: /etc/heimdall/tls.pem}}\n";
                text.replacen("secret_management:\n", tls, 1)
                    .replace("host: upstream:8081", "host: upstream:8081\n      rewrite: {scheme: http}")
            },
        )
        .await;
        let authority = format!("localhost:{}", setup.gateway.address().port());
        let token = setup.issuer.token(&setup.alice);
        let mut site = Self { setup, identity, authority, token, nonce: String::new() };
        let mut client = Http2Client::connect(site.setup.gateway.address(), &site.identity).await;
        let proof = proof(&site.setup.alice, "GET", &site.htu(), &site.token, None, 0);
        let authorization = site.authorization();
        let fields = [("authorization", authorization.as_str()), ("dpop", &proof)];
        let challenged = client.send(get(&site.htu(), &fields)).await.unwrap();
        site.nonce = challenged.headers()["dpop-nonce"].to_str().unwrap().to_owned();
        site
    }

    fn htu(&self) -> String {
        format!("https://{}/api", self.authority)
    }

    fn authorization(&self) -> String {
        format!("DPoP {}", self.token)
    }

    fn proof(&self, method: &str, htu: &str) -> String {
        proof(&self.setup.alice, method, htu, &self.token, Some(&self.nonce), 0)
    }

    /// Sends frames on a connection of their own; what became of the request, and whether it reached the upstream.
    async fn send(&self, bytes: &[u8]) -> (Outcome, usize) {
        let before = self.setup.upstream.seen();
        let stream = connect(self.setup.gateway.address(), &self.identity, &["h2"]).await;
        (outcome_of(stream, bytes).await, self.setup.upstream.seen() - before)
    }

    /// The fields of a good GET, changed by a row.
    async fn ask(&self, change: impl FnOnce(&mut Vec<(String, String)>)) -> (Outcome, usize) {
        let mut fields = self.fields("GET", &self.htu());
        change(&mut fields);
        self.send(&headers(END_HEADERS | END_STREAM, &borrowed(&fields))).await
    }

    fn fields(&self, method: &str, htu: &str) -> Vec<(String, String)> {
        [
            (":method", method),
            (":scheme", "https"),
            (":authority", &self.authority),
            (":path", "/api"),
            ("authorization", &self.authorization()),
            ("dpop", &self.proof(method, htu)),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn set(fields: &mut [(String, String)], name: &str, value: &str) {
    let field = fields.iter_mut().find(|(field, _)| field == name).unwrap();
    field.1 = value.to_owned();
}

fn add(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    fields.push((name.to_owned(), value.to_owned()));
}

#[track_caller]
fn refused(id: &str, (outcome, reached): (Outcome, usize)) {
    let is_refusal = match outcome {
        Outcome::Status(status) => (400..=431).contains(&status) || status == 501,
        Outcome::Reset | Outcome::Closed => true,
    };
    assert!(is_refusal && reached == 0, "{id}: {outcome:?}, reached the upstream {reached} times");
}

const ALLOWED: (Outcome, usize) = (Outcome::Status(200), 1);
const UNAUTHORIZED: (Outcome, usize) = (Outcome::Status(401), 0);

#[tokio::test]
async fn credentials_are_judged_as_in_http_1_1() {
    let site = Site::start().await;
    let plain = site.htu().replace("https", "http");
    assert_eq!(site.ask(|_| {}).await, ALLOWED, "P53");
    assert_eq!(site.ask(|fields| fields.truncate(4)).await, UNAUTHORIZED, "P54");
    let other = site.setup.issuer.token(&site.setup.alice);
    let wrong_ath = proof(&site.setup.alice, "GET", &site.htu(), &format!("{other}x"), Some(&site.nonce), 0);
    assert_eq!(site.ask(|fields| set(fields, "dpop", &wrong_ath)).await, UNAUTHORIZED, "P55");
    assert_eq!(site.ask(|fields| set(fields, "dpop", &site.proof("GET", &plain))).await, UNAUTHORIZED, "P56");
    refused("P65", site.ask(|fields| add(fields, "authorization", &site.authorization())).await);
    let twice = site.proof("GET", &site.htu());
    let two_proofs = site.ask(|fields| {
        set(fields, "dpop", &twice);
        add(fields, "dpop", &twice);
    });
    assert_eq!(two_proofs.await, UNAUTHORIZED, "P66");
    assert_eq!(site.ask(|_| {}).await, ALLOWED, "and again");

    // What the challenges of these refusals say.
    let mut client = Http2Client::connect(site.setup.gateway.address(), &site.identity).await;
    let authorization = site.authorization();
    let otherwise_good = [("authorization", authorization.as_str())];
    let with_proofs = |proofs: &[&str]| {
        let mut request = get(&site.htu(), &otherwise_good);
        for proof in proofs {
            request.headers_mut().append("dpop", proof.parse().unwrap());
        }
        request
    };
    let rows = [
        ("P54", get(&site.htu(), &[]), ""),
        ("P55", with_proofs(&[&wrong_ath]), "invalid_dpop_proof"),
        ("P56", with_proofs(&[&site.proof("GET", &plain)]), "invalid_dpop_proof"),
        ("P66", with_proofs(&[&twice, &twice]), "invalid_dpop_proof"),
    ];
    for (id, request, error) in rows {
        let response = client.send(request).await.unwrap();
        assert_eq!((response.status().as_u16(), error_of(&response)), (401, error), "{id}");
    }
}

/// J30: 12 streams with one proof whose heads wait together to be written, 150 proofs in turn.
#[tokio::test]
async fn of_streams_with_one_proof_one_gets_through() {
    let site = Site::start().await;
    let mut client = Http2Client::connect(site.setup.gateway.address(), &site.identity).await;
    let authorization = site.authorization();
    for round in 0..150 {
        let reached = site.setup.upstream.seen();
        let proof = site.proof("GET", &site.htu());
        let fields = [("authorization", authorization.as_str()), ("dpop", &proof)];
        let streams: Vec<_> = (0..12).map(|_| client.send(get(&site.htu(), &fields))).collect();
        let mut allowed = 0;
        for stream in streams {
            let response = stream.await.unwrap();
            match response.status().as_u16() {
                200 => allowed += 1,
                status => {
                    assert_eq!((status, error_of(&response)), (401, "invalid_dpop_proof"), "round {round}");
                }
            }
        }
        assert_eq!((allowed, site.setup.upstream.seen() - reached), (1, 1), "J30, round {round}");
    }
}

/// The error of the DPoP challenge; empty without one.
fn error_of<B>(response: &hyper::Response<B>) -> &str {
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("DPoP "), "{challenge}");
    challenge.split_once("error=\"").map_or("", |(_, rest)| rest.split('"').next().unwrap())
}

#[tokio::test]
async fn heads_that_contradict_themselves_or_the_connection() {
    let site = Site::start().await;
    let plain = site.htu().replace("https", "http");
    let elsewhere = site.proof("GET", "https://other.example/api");
    refused("P57", site.ask(|fields| add(fields, "host", "other.example")).await);
    let of_host = site.ask(|fields| {
        set(fields, "dpop", &elsewhere);
        add(fields, "host", "other.example");
    });
    refused("P58", of_host.await);
    let only_host = site.ask(|fields| {
        fields.retain(|(name, _)| name != ":authority");
        add(fields, "host", &site.authority);
    });
    assert_eq!(only_host.await, ALLOWED, "P59");
    refused("P60", site.ask(|fields| fields[5].0 = "DPoP".to_owned()).await);
    refused("P61", site.ask(|fields| add(fields, "transfer-encoding", "chunked")).await);
    refused("P62", site.ask(|fields| fields.insert(4, (":path".to_owned(), "/api".to_owned()))).await);
    refused("P63", site.ask(|fields| fields.insert(4, (":other".to_owned(), "x".to_owned()))).await);
    refused("P64", site.ask(|fields| set(fields, ":path", "/api\r\nx: y")).await);
    let insecure = site.ask(|fields| {
        set(fields, ":scheme", "http");
        set(fields, "dpop", &site.proof("GET", &plain));
    });
    refused("P67", insecure.await);
    for (id, path) in [("P68", "api"), ("P69", "*"), ("P71", "")] {
        refused(id, site.ask(|fields| set(fields, ":path", path)).await);
    }
    let user = format!("user@{}", site.authority);
    refused("P70", site.ask(|fields| set(fields, ":authority", &user)).await);
    assert_eq!(site.ask(|_| {}).await, ALLOWED, "and again");
}

#[tokio::test]
async fn bodies_have_the_length_they_say_and_trailers_are_no_credentials() {
    let site = Site::start().await;
    let post = |length: &str| {
        let mut fields = site.fields("POST", &site.htu());
        add(&mut fields, "content-length", length);
        let head = headers(END_HEADERS, &borrowed(&fields));
        [head, data(END_STREAM, b"hello")].concat()
    };
    assert_eq!(site.send(&post("5")).await, ALLOWED, "P74");
    for (id, length) in [("P72", "50"), ("P73", "2")] {
        let (outcome, _) = site.send(&post(length)).await;
        assert_ne!(outcome, Outcome::Status(200), "{id}");
    }
    let mut fields = site.fields("POST", &site.htu());
    let (_, proof) = fields.pop().unwrap();
    let late = [
        headers(END_HEADERS, &borrowed(&fields)),
        data(0, b"hello"),
        headers(END_HEADERS | END_STREAM, &[("dpop", &proof)]),
    ];
    assert_eq!(site.send(&late.concat()).await, UNAUTHORIZED, "P75");

    // What its challenge says.
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("dpop"), proof.parse().unwrap())]);
    let body = text_body("hello").with_trailers(async move { Some(Ok(trailers)) }).boxed_unsync();
    let request = Request::post(site.htu()).header("authorization", site.authorization()).body(body).unwrap();
    let mut client = Http2Client::connect(site.setup.gateway.address(), &site.identity).await;
    let response = client.send(request).await.unwrap();
    assert_eq!((response.status().as_u16(), error_of(&response)), (401, "invalid_dpop_proof"), "P75");
}

#[tokio::test]
async fn floods_end_their_connection_and_nobody_elses() {
    let site = Site::start().await;
    let endless_head = [frame(1, 0, 1, &[]), continuation(&[0; 4096]).repeat(400)].concat();
    let many_settings = settings().repeat(5_000);
    for (id, bytes) in [("P77", endless_head), ("P78", many_settings)] {
        let stream = connect(site.setup.gateway.address(), &site.identity, &["h2"]).await;
        let flood = tokio::spawn(async move {
            let _ = tokio::time::timeout(Duration::from_secs(5), outcome_of(stream, &bytes)).await;
        });
        let good = tokio::time::timeout(Duration::from_secs(3), site.ask(|_| {})).await;
        assert_eq!(good.unwrap(), ALLOWED, "{id}");
        flood.abort();
    }
}
