//! The published set-ups with their key files, an issuer and an upstream.

use std::path::{Path, PathBuf};

use gateway::{Clock, Mode, ServeOptions, config::Environment};
use jose::{Algorithm, KeyPair, base64url, crypto};
use tempfile::TempDir;

use super::{
    issuer::{Issuer, proof},
    raw_client::{Answer, exchange},
    running_gateway::{RunningGateway, options},
    upstream::Upstream,
};

pub struct DpopSetup {
    pub gateway: RunningGateway,
    pub issuer: Issuer,
    pub upstream: Upstream,
    pub alice: KeyPair,
    /// Public half of the key for internal tokens.
    pub signer: KeyPair,
}

pub fn compat_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compat")
}

impl DpopSetup {
    /// Starts the gateway with a configuration and rule files of `compat/`.
    pub async fn start(configuration: &str, rules: &[&str]) -> Self {
        Self::start_changed(configuration, rules, ("", "")).await
    }

    /// The same with a text of the files replaced.
    pub async fn start_changed(configuration: &str, rules: &[&str], change: (&str, &str)) -> Self {
        Self::start_in_mode(Mode::Proxy, configuration, rules, change).await
    }

    /// The same in another mode than proxy.
    pub async fn start_in_mode(
        mode: Mode,
        configuration: &str,
        rules: &[&str],
        change: (&str, &str),
    ) -> Self {
        let change = |text: &str| text.replacen(change.0, change.1, 1);
        Self::start_adapted(|options| ServeOptions { mode, ..options }, configuration, rules, &[], change)
            .await
    }

    /// The same by another clock than the system's.
    pub async fn start_by(clock: Clock, configuration: &str, rules: &[&str], change: (&str, &str)) -> Self {
        let change = |text: &str| text.replacen(change.0, change.1, 1);
        Self::start_adapted(|options| ServeOptions { clock, ..options }, configuration, rules, &[], change)
            .await
    }

    /// The same with more files in the folder, and any change of the texts.
    pub async fn start_with_files(
        configuration: &str,
        rules: &[&str],
        files: &[(&str, &str)],
        change: impl Fn(&str) -> String,
    ) -> Self {
        Self::start_adapted(|options| options, configuration, rules, files, change).await
    }

    /// The same with these variables.
    pub async fn start_with(environment: Environment, configuration: &str, rules: &[&str]) -> Self {
        let options = |options| ServeOptions { environment, ..options };
        Self::start_adapted(options, configuration, rules, &[], str::to_owned).await
    }

    async fn start_adapted(
        change_options: impl FnOnce(ServeOptions) -> ServeOptions,
        configuration: &str,
        rules: &[&str],
        files: &[(&str, &str)],
        change: impl Fn(&str) -> String,
    ) -> Self {
        let (issuer, upstream) = (Issuer::start().await, Upstream::start().await);
        let signer = KeyPair::generate(Algorithm::Es256).unwrap();
        let folder = key_folder(&signer);
        let here = folder.path().to_str().unwrap().to_owned();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let adapted = |file: &str| {
            let text = std::fs::read_to_string(compat_folder().join(file)).unwrap();
            change(&text)
                .replace("http://keycloak:8080", &issuer.origin())
                .replace("upstream:8081", &upstream.address.to_string())
                .replace("/etc/heimdall", &here)
        };
        for file in rules {
            let name = Path::new(file).file_name().unwrap();
            std::fs::write(folder.path().join("rules").join(name), adapted(file)).unwrap();
        }
        let path = folder.path().join("heimdall-config.yaml");
        std::fs::write(&path, adapted(configuration)).unwrap();
        // No variable of the test's own environment.
        let options = ServeOptions { environment: Environment::default(), ..options(&path) };
        let gateway = RunningGateway::start_with(folder, change_options(options)).await;
        Self { gateway, issuer, upstream, alice: KeyPair::generate(Algorithm::Es256).unwrap(), signer }
    }

    pub fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.address())
    }

    /// Sends a request with these header lines.
    pub async fn send(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        exchange(self.gateway.address(), self.request(method, path, fields)).await.unwrap()
    }

    pub fn request(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> String {
        let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n{lines}\r\n",
            self.gateway.address()
        )
    }

    /// A nonce for a token, as the gateway hands it out with its challenge; none for a token that is not acceptable.
    pub async fn try_nonce(&self, token: &str) -> Option<String> {
        let proof = proof(&self.alice, "GET", &self.uri("/api"), token, None, 0);
        let authorization = format!("DPoP {token}");
        let answer = self.send("GET", "/api", &[("Authorization", &authorization), ("DPoP", &proof)]).await;
        answer.header("dpop-nonce").map(str::to_owned)
    }

    pub async fn nonce(&self, token: &str) -> String {
        self.try_nonce(token).await.expect("a nonce with the challenge")
    }
}

fn key_folder(signer: &KeyPair) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    let key = base64url::encode(crypto::random::<32>());
    let set = format!(r#"{{"keys":[{{"kty":"oct","kid":"nonce-key-1","k":"{key}"}}]}}"#);
    std::fs::write(folder.path().join("secrets.jwks"), set).unwrap();
    let pem = signer.to_pkcs8_pem().unwrap();
    std::fs::write(folder.path().join("signer.pem"), pem.as_bytes()).unwrap();
    folder
}
