//! `why`: one request for each check, refused at that check and at no other.

use std::fs;

use dpop::ProofBuilder;
use jose::{Algorithm, KeyPair, UnixTime, jws};
use oauth::AccessToken;
use serde_json::{Value, json};

use crate::program::Client;

const NOW: UnixTime = UnixTime::from_seconds(1_784_444_400);
const URL: &str = "https://api.example.com/things";

struct Case {
    client: Client,
    issuer: KeyPair,
    key: KeyPair,
    token: String,
}

impl Case {
    fn new() -> Self {
        let (issuer, key) =
            (KeyPair::generate(Algorithm::Es256).unwrap(), KeyPair::generate(Algorithm::Es256).unwrap());
        let claims = json!({"exp": NOW.as_seconds() + 60, "cnf": {"jkt": key.thumbprint().to_string()}});
        let token = sign(&issuer, &claims);
        Self { client: Client::new(), issuer, key, token }
    }

    fn proof(&self) -> String {
        self.builder(&self.key, "GET", URL).sign(NOW).unwrap()
    }

    fn builder<'a>(&self, key: &'a KeyPair, method: &'a str, htu: &'a str) -> ProofBuilder<'a> {
        ProofBuilder::new(key, method, htu).access_token(&AccessToken::parse(&self.token).unwrap())
    }

    async fn why(&self, token: &str, proof: &str, options: &[&str]) -> (i32, Value) {
        let at = NOW.as_seconds().to_string();
        let arguments =
            [&["why", URL, "--json", "--at", &at, "--token", token, "--proof", proof], options].concat();
        let why = self.client.run(&arguments, &[]).await;
        (
            why.code,
            serde_json::from_str(&why.stdout).unwrap_or_else(|_| panic!("{}{}", why.stdout, why.stderr)),
        )
    }

    /// Step, error code, expected and found of the first failure.
    async fn failure(&self, proof: &str, options: &[&str]) -> (u64, String, String, String) {
        let (code, verdict) = self.why(&self.token, proof, options).await;
        assert_eq!((code, &verdict["passes"]), (3, &false.into()), "{verdict}");
        let failure = &verdict["first_failure"];
        let text = |name: &str| failure[name].as_str().unwrap_or_default().to_owned();
        (failure["step"].as_u64().unwrap(), text("error"), text("expected"), text("found"))
    }
}

fn sign(issuer: &KeyPair, claims: &Value) -> String {
    jws::sign(&json!({"alg": "ES256", "typ": "at+jwt"}), claims, issuer, Algorithm::Es256).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_request_passes_and_says_what_was_not_checked() {
    let case = Case::new();
    let (code, verdict) = case.why(&case.token, &case.proof(), &[]).await;
    assert_eq!((code, &verdict["passes"]), (0, &true.into()), "{verdict}");
    let results: Vec<&str> =
        verdict["steps"].as_array().unwrap().iter().map(|step| step["result"].as_str().unwrap()).collect();
    let passed = "passed";
    assert_eq!(results[..2], [passed, passed]);
    assert_eq!(results[2], "not_checked", "the token's signature");
    assert!(results[3..9].iter().all(|result| *result == passed), "{results:?}");
    assert_eq!(results[9], "not_checked", "the replay");

    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    fs::write(&jwks, json!({"keys": [case.issuer.public_jwk().to_json()]}).to_string()).unwrap();
    let (code, verdict) = case.why(&case.token, &case.proof(), &["--jwks", jwks.to_str().unwrap()]).await;
    assert_eq!((code, &verdict["steps"][2]["result"]), (0, &"passed".into()));
    fs::write(&jwks, json!({"keys": [case.key.public_jwk().to_json()]}).to_string()).unwrap();
    let (code, verdict) = case.why(&case.token, &case.proof(), &["--jwks", jwks.to_str().unwrap()]).await;
    assert_eq!((code, &verdict["first_failure"]["step"]), (3, &4.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_is_named_with_both_sides() {
    let case = Case::new();
    let good = case.proof();
    let jkt = case.key.thumbprint().to_string();
    let proof_error = "invalid_dpop_proof";

    let (step, error, expected, found) = case.failure(&good, &["--scheme", "Basic"]).await;
    assert_eq!((step, &*error, &*expected, &*found), (2, "invalid_request", "DPoP", "Basic"));
    let (step, error, ..) = case.failure("a.b", &[]).await;
    assert_eq!((step, &*error), (3, proof_error));
    let challenge = "DPoP error=\"invalid_dpop_proof\", algs=\"PS256\"";
    let (step, _, expected, found) = case.failure(&good, &["--www-authenticate", challenge]).await;
    assert_eq!((step, &*expected, &*found), (3, "PS256", "ES256"));
    let without_ath = ProofBuilder::new(&case.key, "GET", URL).sign(NOW).unwrap();
    assert_eq!(case.failure(&without_ath, &[]).await.0, 3);
    let (step, error, expected, found) = case.failure(&good, &["--scheme", "Bearer"]).await;
    assert_eq!((step, &*error, &*expected, &*found), (4, "invalid_token", "DPoP", "Bearer"));

    let other = KeyPair::generate(Algorithm::Es256).unwrap();
    let stolen = case.builder(&other, "GET", URL).sign(NOW).unwrap();
    let (step, error, expected, found) = case.failure(&stolen, &["--nonce-required"]).await;
    assert_eq!((step, &*error), (5, "invalid_token"), "the binding comes before the nonce");
    assert!(expected.contains(&jkt) && found.contains(&other.thumbprint().to_string()), "{expected} {found}");
    let other_token = AccessToken::parse("another").unwrap();
    let proof = ProofBuilder::new(&case.key, "GET", URL).access_token(&other_token).sign(NOW).unwrap();
    assert_eq!(case.failure(&proof, &[]).await.0, 6);
    let (step, _, expected, found) = case.failure(&good, &["-X", "POST"]).await;
    assert_eq!((step, &*expected, &*found), (7, "POST", "GET"));
    let proof = case.builder(&case.key, "GET", "https://internal:8443/things").sign(NOW).unwrap();
    let (step, _, expected, found) = case.failure(&proof, &[]).await;
    assert_eq!((step, &*expected, &*found), (8, URL, "https://internal:8443/things"));

    let (step, error, ..) = case.failure(&good, &["--nonce-required"]).await;
    assert_eq!((step, &*error), (9, "use_dpop_nonce"));
    let proof = case.builder(&case.key, "GET", URL).nonce("old").sign(NOW).unwrap();
    let (step, _, expected, found) = case.failure(&proof, &["--nonce", "new"]).await;
    assert_eq!((step, &*expected, &*found), (9, "new", "old"));
    let stale = UnixTime::from_seconds(NOW.as_seconds() - 100);
    let proof = case.builder(&case.key, "GET", URL).sign(stale).unwrap();
    let (step, error, expected, found) = case.failure(&proof, &[]).await;
    assert_eq!((step, &*error), (9, proof_error));
    assert_eq!(expected, "iat from 2026-07-19 06:59:00 UTC to 2026-07-19 07:00:10 UTC");
    assert_eq!(found, "iat 2026-07-19 06:58:20 UTC (1 min 40 s ago)");
    assert_eq!(case.why(&case.token, &proof, &["--max-age", "100"]).await.0, 0);

    let (signed, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", jose::base64url::encode([1; 64]));
    assert_eq!(case.failure(&forged, &[]).await.0, 10);
    assert_eq!(
        case.failure(&forged, &["--nonce-required"]).await.0,
        9,
        "the nonce comes before the signature"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_over_or_unbound_are_named() {
    let case = Case::new();
    let jkt = case.key.thumbprint().to_string();
    for claims in [
        json!({"exp": NOW.as_seconds() - 11, "cnf": {"jkt": jkt}}),
        json!({"nbf": NOW.as_seconds() + 11, "cnf": {"jkt": jkt}}),
        json!({"sub": "alice"}),
        json!({"cnf": {"jkt": 1}}),
    ] {
        let token = sign(&case.issuer, &claims);
        let (code, verdict) = case.why(&token, &case.proof(), &[]).await;
        assert_eq!((code, &verdict["first_failure"]["step"]), (3, &4.into()), "{claims}: {verdict}");
    }
    // Nothing can be read from an opaque token: its key is not compared, the rest is.
    let token = AccessToken::parse("opaque").unwrap();
    let proof = ProofBuilder::new(&case.key, "GET", URL).access_token(&token).sign(NOW).unwrap();
    let (code, verdict) = case.why("opaque", &proof, &[]).await;
    assert_eq!((code, &verdict["steps"][3]["result"]), (0, &"not_checked".into()), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_answer_is_compared() {
    let case = Case::new();
    let meaning = async |options: &[&str]| {
        let (_, verdict) = case.why(&case.token, &case.proof(), options).await;
        verdict["server"]["meaning"].as_str().unwrap().to_owned()
    };
    let nonce = "DPoP error=\"use_dpop_nonce\"";
    assert_eq!(meaning(&["--status", "401", "--www-authenticate", nonce]).await, "That fits.");
    let refused = "Bearer, DPoP error=\"invalid_dpop_proof\"";
    assert!(meaning(&["--www-authenticate", refused]).await.contains("sent before"));
    assert!(meaning(&["--status", "401"]).await.contains("saw no credentials"));
    assert!(meaning(&["--status", "503"]).await.contains("not judged"));
    assert_eq!(meaning(&["--status", "200"]).await, "It accepted the request.");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_ticks_and_crosses_and_no_secret() {
    let case = Case::new();
    let at = NOW.as_seconds().to_string();
    let arguments = [
        "why",
        URL,
        "-X",
        "POST",
        "--at",
        &at,
        "--token",
        &case.token,
        "--proof",
        &format!("DPoP: {}", case.proof()),
    ];
    let why = case.client.run(&arguments, &[]).await;
    assert_eq!(why.code, 3, "{}", why.stderr);
    assert!(why.stdout.contains("✓  3  the form of the proof\n"), "{}", why.stdout);
    assert!(
        why.stdout.contains(
            "✗  7  htm, the method: htm does not match the method of the request\n       expected  POST\n       found     GET\n·  8  htu, the URL\n"
        ),
        "{}",
        why.stdout
    );
    assert!(why.stdout.contains("The request fails at htm, the method: the answer is invalid_dpop_proof."));
    assert!(!why.stdout.contains(&case.token) && !why.stdout.contains(&case.proof()));
    assert!(!why.stdout.contains('\u{1b}'), "no colour without a terminal");
    assert_eq!(case.client.run(&["why", "/things", "--token", "t", "--proof", "p"], &[]).await.code, 1);
}

#[tokio::test]
async fn recordings_are_walked_as_typed_requests_are() {
    let case = Case::new();
    let folder = case.client.state_dir();
    fs::create_dir_all(&folder).unwrap();
    let wrong = case.builder(&case.key, "GET", "https://api.example.com/other").sign(NOW).unwrap();
    let line = |name: &str, value: &str| json!({"name": name, "value": value});
    let har = json!({"log": {"entries": [{
        "startedDateTime": "2026-07-19T07:00:00.000Z",
        "request": {"method": "GET", "url": URL, "headers": [
            line("Authorization", &format!("DPoP {}", case.token)), line("DPoP", &wrong),
        ]},
        "response": {"status": 401, "headers": [line("WWW-Authenticate", "DPoP error=\"invalid_dpop_proof\"")]},
    }]}});
    let file = folder.join("session.har").display().to_string();
    fs::write(&file, har.to_string()).unwrap();
    let why = case.client.run(&["why", "--json", "--har", &file], &[]).await;
    let verdict: Value = serde_json::from_str(&why.stdout).unwrap();
    assert_eq!((why.code, &verdict["server"]["meaning"]), (3, &"That fits.".into()), "{verdict}");
    assert_eq!(verdict["first_failure"]["expected"], URL);
    assert_eq!(verdict["first_failure"]["found"], "https://api.example.com/other");
    let mended = case.client.run(&["why", "--har", &file, "--proof", &case.proof()], &[]).await;
    assert_eq!(mended.code, 0, "options win: {}{}", mended.stdout, mended.stderr);

    let transcript = format!(
        "* SSL connection using TLSv1.3\n> GET /things HTTP/1.1\n> Host: api.example.com\n> Authorization: DPoP {}\n> DPoP: {wrong}\n>\n\
         < HTTP/1.1 401 Unauthorized\n< Date: Sun, 19 Jul 2026 07:00:00 GMT\n",
        case.token
    );
    let file = folder.join("transcript").display().to_string();
    fs::write(&file, transcript).unwrap();
    let why = case.client.run(&["why", "--curl", &file], &[]).await;
    assert_eq!(why.code, 3);
    assert!(why.stdout.contains("found     https://api.example.com/other"), "{}", why.stdout);
    assert_eq!(case.client.run(&["why", "--har", &file], &[]).await.code, 1);
    assert_eq!(case.client.run(&["why"], &[]).await.code, 2);
}
