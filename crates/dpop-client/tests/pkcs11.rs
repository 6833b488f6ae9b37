//! Keys in a real token: SoftHSM from the distribution's package `softhsm2`.
//!
//! The module reads its configuration from the environment when it is loaded. So every test runs the part that signs in
//! a process of its own, which is this test program again.

#![cfg(all(unix, feature = "pkcs11"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{path::Path, process::Command};

use dpop_client::{Pkcs11Error, Pkcs11Key, Pkcs11Uri, Session, Signer};
use http::{Method, Uri};
use jose::{Algorithm, KeyPair, UnixTime, jwt::UnverifiedJwt};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "fedcba123456";

/// A token with one key of every kind, named by its algorithm.
fn token(folder: &Path) -> Vec<(Algorithm, String)> {
    std::fs::create_dir(folder.join("tokens")).unwrap();
    let configuration = format!("directories.tokendir = {}\n", folder.join("tokens").display());
    std::fs::write(folder.join("softhsm2.conf"), configuration).unwrap();
    softhsm(folder, &["--init-token", "--free", "--label", "dev", "--so-pin", "1234567890", "--pin", PIN]);
    let kinds = [
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::Ed25519,
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Rs512,
    ];
    kinds
        .into_iter()
        .zip(1..)
        .map(|(algorithm, number)| {
            let key = KeyPair::generate(algorithm).unwrap();
            let file = folder.join("key.pem");
            std::fs::write(&file, key.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
            let (file, id) = (file.display().to_string(), format!("{number:02x}"));
            let label = algorithm.as_str();
            softhsm(
                folder,
                &["--import", &file, "--token", "dev", "--pin", PIN, "--label", label, "--id", &id],
            );
            (algorithm, key.thumbprint().to_string())
        })
        .collect()
}

fn softhsm(folder: &Path, arguments: &[&str]) {
    let output = Command::new("softhsm2-util")
        .args(arguments)
        .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
        .output()
        .expect("softhsm2-util: install the distribution's package softhsm2");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn keys_in_a_token_sign_proofs() {
    let folder = tempfile::tempdir().unwrap();
    for (algorithm, thumbprint) in token(folder.path()) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "inside::signs", "--ignored", "--nocapture"])
            .env("SOFTHSM2_CONF", folder.path().join("softhsm2.conf"))
            .env("TEST_ALGORITHM", algorithm.as_str())
            .env("TEST_THUMBPRINT", thumbprint)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && printed.contains("1 passed"), "{algorithm:?}: {printed}");
        assert!(!printed.contains(PIN));
    }
}

#[test]
fn says_what_is_missing() {
    let uri = |text: &str| text.parse::<Pkcs11Uri>().unwrap();
    let error = Pkcs11Key::open(&uri("pkcs11:object=a?module-path=/does/not/exist.so"), None).unwrap_err();
    assert!(matches!(error, Pkcs11Error::Module { doing: "loading it", .. }), "{error:?}");
}

/// What runs in a process of its own.
mod inside {
    use super::*;

    #[tokio::test]
    #[ignore = "run by keys_in_a_token_sign_proofs, with a token"]
    async fn signs() {
        let algorithm: Algorithm = std::env::var("TEST_ALGORITHM").unwrap().parse().unwrap();
        let name = algorithm.as_str();
        let uri = |text: String| text.parse::<Pkcs11Uri>().unwrap();
        let named = uri(format!("pkcs11:token=dev;object={name}?module-path={MODULE}"));
        let key = Pkcs11Key::open(&named, Some(PIN)).unwrap();
        assert_eq!(key.public_jwk().thumbprint().to_string(), std::env::var("TEST_THUMBPRINT").unwrap());
        assert!(key.supports(algorithm));

        let session = Session::new(std::sync::Arc::new(key)).with_algorithm(algorithm);
        let proof = session
            .token_request_proof(
                &Method::POST,
                &Uri::from_static("https://as.example.com/token"),
                UnixTime::from_seconds(1_784_444_400),
            )
            .await
            .unwrap();
        // The verifier of servers, with the key of the proof itself.
        let policy = dpop::Policy::rfc9449();
        let policy = dpop::Policy { algorithms: jose::AlgorithmSet::new([algorithm]), ..policy };
        let proof = proof.to_str().unwrap();
        dpop::UnverifiedProof::parse(proof, &policy).unwrap();
        UnverifiedJwt::parse(proof).unwrap().verify(session.key().public_jwk()).unwrap();

        for (text, is_expected) in [
            (format!("pkcs11:token=other;object={name}?module-path={MODULE}"), "no token"),
            (format!("pkcs11:token=dev;object=other?module-path={MODULE}"), "no private key"),
        ] {
            let error = Pkcs11Key::open(&uri(text), Some(PIN)).unwrap_err();
            assert!(error.to_string().contains(is_expected), "{error}");
        }
    }
}
