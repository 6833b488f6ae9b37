//! `explain`: the rule, why not the others, the steps, what a proof must name, and the first check that fails.

use std::fs;

use dpop::ProofBuilder;
use jose::{Algorithm, KeyPair, UnixTime, jws};
use oauth::AccessToken;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::program::Client;

const ISSUER: &str = "https://as.example.com";
const RULES: &str = "\
version: \"1beta1\"
name: shop
rules:
  - id: orders:read
    match: {http: {paths: [{path: /orders/:id}], methods: [GET], hosts: [api.example.com]}}
    forward_to: {host: \"orders.internal:8443\", rewrite: {scheme: https, strip_path_prefix: /orders}}
    execute:
      - authenticator: bound
      - finalizer: pass
  - id: orders:any
    match: {http: {paths: [{path: /orders/**}], methods: [DELETE]}}
    execute: [{authenticator: nobody}]
";

struct Shop {
    program: Client,
    configuration: String,
    key: KeyPair,
    token: String,
}

impl Shop {
    /// A configuration with these rules and a running key endpoint.
    async fn open() -> Self {
        let (issuer, key) =
            (KeyPair::generate(Algorithm::Es256).unwrap(), KeyPair::generate(Algorithm::Es256).unwrap());
        let program = Client::new();
        fs::create_dir_all(program.state_dir()).unwrap();
        let (rules, configuration) =
            (program.state_dir().join("rules.yaml"), program.state_dir().join("keybound.yaml"));
        fs::write(&rules, RULES).unwrap();
        let keys = serve(json!({"keys": [issuer.public_jwk().to_json()]}).to_string()).await;
        let text = format!(
            "serve: {{public_origin: \"https://api.example.com\", trusted_proxies: [10.0.0.9]}}\n\
             mechanisms:\n  authenticators:\n    - {{id: nobody, type: unauthorized}}\n    - id: bound\n      type: jwt\n      \
             config:\n        jwks_endpoint: {keys}\n        assertions:\n          issuers: [{ISSUER}]\n          \
             proof_of_possession: {{type: dpop}}\n  finalizers: [{{id: pass, type: noop}}]\n\
             providers: {{file_system: {{src: \"{}\"}}}}\n",
            rules.display()
        );
        fs::write(&configuration, text).unwrap();
        let now = now().as_seconds();
        let claims = json!({
            "iss": ISSUER, "sub": "alice", "iat": now, "exp": now + 600,
            "cnf": {"jkt": key.thumbprint().to_string()},
        });
        let head = json!({"alg": "ES256", "typ": "at+jwt"});
        let token = jws::sign(&head, &claims, &issuer, Algorithm::Es256).unwrap();
        Self { program, configuration: configuration.to_str().unwrap().to_owned(), key, token }
    }

    fn proof(&self, htu: &str) -> String {
        let token = AccessToken::parse(&self.token).unwrap();
        ProofBuilder::new(&self.key, "GET", htu).access_token(&token).sign(now()).unwrap()
    }

    async fn explain(&self, arguments: &[&str]) -> (i32, Value) {
        let all = [&["explain", "-c", &self.configuration, "--insecure", "--json"], arguments].concat();
        let said = self.program.run(&all, &[]).await;
        assert!(!said.stdout.contains(&self.token) && !said.stderr.contains(&self.token));
        let json =
            serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr));
        (said.code, json)
    }

    /// With the token and a proof for this `htu`.
    async fn explain_call(&self, htu: &str, more: &[&str]) -> (i32, Value) {
        let (authorization, proof) =
            (format!("Authorization: DPoP {}", self.token), format!("DPoP: {}", self.proof(htu)));
        let arguments = ["--url", "https://api.example.com/orders/7?x=1", "-H", &authorization, "-H", &proof];
        self.explain(&[&arguments, more].concat()).await
    }
}

#[expect(clippy::disallowed_methods, reason = "the program compares with its own clock")]
fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixTime::from_seconds(since.as_secs().try_into().unwrap())
}

/// Answers every request with a body, until the test ends.
async fn serve(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn says_which_rule_and_why_not_the_others() {
    let shop = Shop::open().await;
    let (code, said) = shop.explain(&["--url", "https://api.example.com/orders/7?x=1"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        said["rule"],
        json!({"result": "rule", "id": "orders:read", "set": "shop", "captures": {"id": "7"}})
    );
    assert_eq!(said["nearest"][0]["id"], "orders:any");
    assert_eq!(said["nearest"][0]["why"], json!(["other methods: DELETE"]));
    let steps: Vec<_> = said["steps"].as_array().unwrap().iter().map(|step| step["id"].clone()).collect();
    assert_eq!(steps, ["bound", "pass"]);
    assert_eq!(said["expected_htu"], "https://api.example.com/orders/7?x=1");
    assert_eq!(said["upstream"], "https://orders.internal:8443/7?x=1");
    assert_eq!(
        (&said["proof"]["mode"], &said["checks"], &said["credentials"]),
        (&json!("require"), &Value::Null, &Value::Null)
    );

    let (code, said) = shop.explain(&["--url", "https://api.example.com/orders/7", "-X", "POST"]).await;
    assert_eq!((code, &said["rule"]["result"]), (3, &json!("no_rule")), "{said}");
    assert_eq!(said["nearest"].as_array().unwrap().len(), 2);
    let (code, said) = shop.explain(&["--url", "https://api.example.com/%2e%2e/x"]).await;
    assert_eq!((code, &said["rule"]["status"]), (3, &json!(400)), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_which_check_fails_with_both_sides() {
    let shop = Shop::open().await;
    let good = "https://api.example.com/orders/7";
    let (code, said) = shop.explain_call(good, &[]).await;
    assert_eq!((code, &said["credentials"]["result"]), (0, &json!("accepted")), "{said}");
    assert_eq!(said["credentials"]["principals"], json!({"default": "alice"}));
    assert_eq!(said["credentials"]["thumbprint"], json!(shop.key.thumbprint().to_string()));

    let internal = "http://10.0.0.4:4456/orders/7";
    let (code, said) = shop.explain_call(internal, &[]).await;
    assert_eq!((code, &said["credentials"]["result"]), (3, &json!("refused")), "{said}");
    assert_eq!(said["credentials"]["status"], 401);
    let failed: Vec<&Value> =
        said["checks"].as_array().unwrap().iter().filter(|check| check["result"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{said}");
    assert_eq!((&failed[0]["expected"], &failed[0]["found"]), (&json!(good), &json!(internal)));
    let (code, said) = shop.explain_call(internal, &["--offline"]).await;
    assert_eq!((code, &said["credentials"]), (3, &Value::Null), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_headers_count_from_trusted_proxies_only() {
    let shop = Shop::open().await;
    let call = [
        "--url",
        "http://10.0.0.1/x",
        "-H",
        "X-Forwarded-Uri: /orders/7",
        "-H",
        "X-Forwarded-Host: api.example.com",
    ];
    let (code, said) = shop.explain(&[&call[..], &["--peer", "10.0.0.9"]].concat()).await;
    assert_eq!((code, &said["rule"]["id"]), (0, &json!("orders:read")), "{said}");
    let (code, said) = shop.explain(&call).await;
    assert_eq!((code, &said["rule"]["result"]), (3, &json!("no_rule")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_lines() {
    let shop = Shop::open().await;
    let arguments =
        ["explain", "-c", &shop.configuration, "--insecure", "--url", "https://api.example.com/orders/7"];
    let said = shop.program.run(&arguments, &[]).await;
    for line in [
        "Rule           orders:read (shop)",
        "  :id = 7",
        "  orders:any (shop): other methods: DELETE",
        "  authenticator  bound (jwt)",
        "Expected htu   https://api.example.com/orders/7",
        "Forwarded to   https://orders.internal:8443/7",
    ] {
        assert!(said.stdout.lines().any(|found| found == line), "{line}\n{}", said.stdout);
    }
    assert_eq!(said.code, 0);
}
