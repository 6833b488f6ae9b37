//! Secrets that follow their files: listener certificates, signing keys, the key of nonces.

use std::{path::Path, time::Duration};

use jose::{Algorithm, KeyPair, base64url, crypto};

use super::{
    dpop_setup::DpopSetup,
    raw_client::exchange,
    tls::start,
    tls_client::{Identity, connect_as, identity, identity_for},
    upstream::Upstream,
};

async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let waiting = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Long enough for a change to be noticed and refused.
async fn let_it_be_noticed() {
    tokio::time::sleep(Duration::from_millis(400)).await;
}

fn replace(file: &Path, text: &str) {
    let temporary = file.with_extension("tmp");
    std::fs::write(&temporary, text).unwrap();
    std::fs::rename(&temporary, file).unwrap();
}

#[tokio::test]
async fn the_certificate_follows_its_file() {
    let (first, second, third) = (identity(), identity(), identity());
    let upstream = Upstream::start().await;
    let gateway = start(&first, upstream.address).await;
    let (address, file) = (gateway.address(), gateway.folder.path().join("tls.pem"));
    let shows =
        async |identity: &Identity| connect_as(address, identity, &[], super::tls_client::BOTH).await.is_ok();
    assert!(shows(&first).await && !shows(&second).await);

    replace(&file, &second.pem);
    eventually("the second certificate is shown", || shows(&second)).await;

    // Written in place, with the first half there for a while.
    let (half, rest) = third.pem.split_at(third.pem.len() / 2);
    std::fs::write(&file, half).unwrap();
    let_it_be_noticed().await;
    assert!(shows(&second).await, "half a file changes nothing");
    std::fs::write(&file, format!("{half}{rest}")).unwrap();
    eventually("the third certificate is shown", || shows(&third)).await;

    for (what, text) in [
        ("an expired one", identity_for((-30, -1)).pem),
        ("a key alone", pem_of(&KeyPair::generate(Algorithm::Es256).unwrap())),
    ] {
        replace(&file, &text);
        let_it_be_noticed().await;
        assert!(shows(&third).await, "{what} changes nothing");
    }
    std::fs::remove_file(&file).unwrap();
    let_it_be_noticed().await;
    assert!(shows(&third).await, "a file that is gone changes nothing");
    replace(&file, &first.pem);
    eventually("a file that comes back counts", || shows(&first)).await;
    gateway.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_swap_of_a_mounted_secret_is_noticed() {
    use std::os::unix::fs::symlink;
    let (first, second) = (identity(), identity());
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, identity) in [("..one", &first), ("..two", &second)] {
        std::fs::create_dir(at(version)).unwrap();
        std::fs::write(at(version).join("tls.pem"), &identity.pem).unwrap();
    }
    symlink("..one", at("..data")).unwrap();
    symlink("..data/tls.pem", at("tls.pem")).unwrap();
    std::fs::create_dir(at("rules")).unwrap();
    std::fs::write(at("rules/open.yaml"), super::running_gateway::open_rules(upstream.address)).unwrap();
    let text = super::running_gateway::open_configuration(&super::tls::with_tls(""));
    let configuration = at("config.yaml");
    std::fs::write(&configuration, text.replace("/etc/heimdall", folder.path().to_str().unwrap())).unwrap();
    let gateway = super::running_gateway::RunningGateway::start_in(folder, &configuration).await;
    let shows = async |identity: &Identity| {
        connect_as(gateway.address(), identity, &[], super::tls_client::BOTH).await.is_ok()
    };
    assert!(shows(&first).await);
    let at = |name: &str| gateway.folder.path().join(name);
    symlink("..two", at("..data_tmp")).unwrap();
    std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
    eventually("the second certificate is shown", || shows(&second)).await;
}

fn pem_of(key: &KeyPair) -> String {
    key.to_pkcs8_pem().unwrap().to_string()
}

fn nonce_keys(kids: &[&str]) -> String {
    let keys: Vec<String> = kids
        .iter()
        .map(|kid| {
            let key = base64url::encode(crypto::sha256(kid.as_bytes()));
            format!(r#"{{"kty":"oct","kid":"{kid}","k":"{key}"}}"#)
        })
        .collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

async fn setup() -> DpopSetup {
    DpopSetup::start_with_files(
        "article/heimdall-config.yaml",
        &["rules/article.yaml"],
        &[("secrets.jwks", &nonce_keys(&["nonce-key-1"]))],
        |text| {
            text.replace("/secrets.jwks", "/secrets.jwks\n      watch: true")
                .replace("/signer.pem", "/signer.pem\n      watch: true")
        },
    )
    .await
}

async fn published(setup: &DpopSetup) -> (Vec<String>, Option<String>) {
    let request = "GET /.well-known/jwks HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = exchange(setup.gateway.app.management_address(), request).await.unwrap();
    let set = answer.json();
    let keys = set["keys"].as_array().unwrap().iter();
    let thumbprints =
        keys.map(|key| jose::PublicJwk::parse(key.as_object().unwrap()).unwrap().thumbprint().to_string());
    (thumbprints.collect(), answer.header("etag").map(str::to_owned))
}

#[tokio::test]
async fn signed_and_published_keys_follow_their_file() {
    let setup = setup().await;
    let (before, etag) = published(&setup).await;
    assert_eq!(before, [setup.signer.thumbprint().to_string()]);
    let next = KeyPair::generate(Algorithm::Es256).unwrap();
    let file = setup.gateway.folder.path().join("signer.pem");
    replace(&file, &pem_of(&next));
    let expected = vec![next.thumbprint().to_string()];
    eventually("the new key is published", async || published(&setup).await.0 == expected).await;
    assert_ne!(published(&setup).await.1, etag, "caches notice");

    replace(&file, "-----BEGIN PRIVATE KEY-----\nAAAA\n");
    let_it_be_noticed().await;
    assert_eq!(published(&setup).await.0, expected);

    let token = setup.issuer.token(&setup.alice);
    let nonce = setup.nonce(&token).await;
    let proof = super::issuer::proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(&nonce), 0);
    let authorization = format!("DPoP {token}");
    let seen = setup.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", &proof)]).await.json();
    let internal = super::upstream::seen_header(&seen, "authorization").remove(0);
    let jws = jose::jwt::UnverifiedJwt::parse(internal.strip_prefix("Bearer ").unwrap()).unwrap();
    assert!(jws.header.kid.is_some());
}

#[tokio::test]
async fn nonces_follow_the_master_key_and_used_proofs_stay_used() {
    let setup = setup().await;
    let token = setup.issuer.token(&setup.alice);
    let authorization = format!("DPoP {token}");
    let ask = async |proof: &str| {
        setup.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", proof)]).await
    };
    let proof_with =
        |nonce: &str| super::issuer::proof(&setup.alice, "GET", &setup.uri("/api"), &token, Some(nonce), 0);
    let old = setup.nonce(&token).await;
    let used = proof_with(&old);
    assert_eq!(ask(&used).await.status, 200);

    // The old key stays in the set for a while: its nonces are still good, the used proof is not.
    let file = setup.gateway.folder.path().join("secrets.jwks");
    replace(&file, &nonce_keys(&["other", "nonce-key-1"]));
    let_it_be_noticed().await;
    assert_eq!(ask(&proof_with(&old)).await.status, 200);
    let replayed = ask(&used).await;
    assert_eq!(replayed.status, 401, "replayed over a reload");

    // A set without the selected key is not taken.
    replace(&file, &nonce_keys(&["other"]));
    let_it_be_noticed().await;
    assert_eq!(ask(&proof_with(&old)).await.status, 200);

    // Another key under the same name: old nonces are worth nothing.
    let key = base64url::encode(crypto::sha256(b"something else"));
    replace(&file, &format!(r#"{{"keys":[{{"kty":"oct","kid":"nonce-key-1","k":"{key}"}}]}}"#));
    eventually("old nonces end", async || ask(&proof_with(&old)).await.status == 401).await;
}

#[tokio::test]
async fn a_password_opens_an_encrypted_key_and_is_never_shown() {
    let key = KeyPair::generate(Algorithm::Es256).unwrap();
    let pem = key.to_encrypted_pkcs8_pem("correct-horse").unwrap();
    let with = |password: &str| {
        let line = format!("/signer.pem\n      password: {password}");
        move |text: &str| text.replace("/signer.pem", &line)
    };
    let files = [("signer.pem", pem.as_str())];
    let (configuration, rules) = ("article/heimdall-config.yaml", ["rules/article.yaml"]);
    let setup = DpopSetup::start_with_files(configuration, &rules, &files, with("correct-horse")).await;
    assert_eq!(published(&setup).await.0, [key.thumbprint().to_string()]);

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("signer.pem"), pem.as_bytes()).unwrap();
    let path = folder.path().join("signer.pem");
    let text = format!(
        "secret_management:\n  keys:\n    type: pem\n    config: {{path: {}, password: battery-staple}}\nmechanisms: {{authenticators: []}}\n",
        path.display()
    );
    let configuration = folder.path().join("config.yaml");
    std::fs::write(&configuration, text).unwrap();
    let options = super::running_gateway::options(&configuration);
    let error = gateway::App::start(options).await.err().unwrap().to_string();
    assert!(error.contains("`password` does not open the private key"), "{error}");
    assert!(!error.contains("battery-staple"), "{error}");
}
