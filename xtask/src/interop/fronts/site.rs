//! What stands around a front: the authorization server, the gateway, the API, a certificate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::page;
use super::upstream::Upstream;
use crate::interop::openssl;
use crate::run::{Server, free_address, root};

/// Everything but the front, running.
pub(super) struct Site {
    /// The program under test.
    pub(super) keybound: PathBuf,
    /// Where this run's files are.
    pub(super) folder: PathBuf,
    /// Where the front listens, with TLS, as `localhost`.
    pub(super) front: SocketAddr,
    /// Where the gateway answers.
    pub(super) gateway: SocketAddr,
    /// The API.
    pub(super) upstream: Upstream,
    /// The realm that issues tokens.
    pub(super) issuer: String,
    _authorization_server: Server,
    gateway_process: std::cell::RefCell<Option<Server>>,
}

impl Site {
    /// Starts it, with files in `target/interop/fronts/NAME`. The gateway serves TLS if asked to, as `localhost`.
    pub(super) fn start(keybound: &Path, name: &str, tls: bool) -> Result<Self> {
        let folder = root().join("target/interop/fronts").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(folder.join("rules"))?;
        make_keys(&folder)?;

        let (authorization_server, gateway, management, front) =
            (free_address()?, free_address()?, free_address()?, free_address()?);
        for name in ["heimdall-config.yaml", "rules/api.yaml"] {
            let text = std::fs::read_to_string(root().join("interop/fronts").join(name))
                .with_context(|| name.to_owned())?;
            let text = if tls { page::with_tls(&text) } else { text };
            let text = text
                .replace("127.0.0.1:8080", &authorization_server.to_string())
                .replace("port: 4456", &format!("port: {}", gateway.port()))
                .replace("port: 4457", &format!("port: {}", management.port()));
            std::fs::write(folder.join(name), text)?;
        }
        let start = |name: &str, address, arguments: &[&str]| {
            let log = std::fs::File::create(folder.join(format!("{name}.log")))?;
            let mut command = Command::new(keybound);
            command.args(arguments).current_dir(&folder).stdout(log.try_clone()?).stderr(log);
            Server::start(name, &mut command, address)
        };
        let realm = root().join("interop/admin-api/acme-realm.json");
        let port = authorization_server.port().to_string();
        let process = start(
            "authorization-server",
            authorization_server,
            &["authorization-server", "--realm", &realm.to_string_lossy(), "--port", &port],
        )?;
        let gateway_process =
            start("gateway", gateway, &["serve", "decision", "-c", "heimdall-config.yaml", "--insecure"])?;
        Ok(Self {
            keybound: keybound.to_owned(),
            front,
            gateway,
            upstream: Upstream::start()?,
            issuer: format!("http://{authorization_server}/realms/acme"),
            folder,
            _authorization_server: process,
            gateway_process: Some(gateway_process).into(),
        })
    }

    /// A file for the output of a front.
    pub(super) fn log(&self, name: &str) -> Result<std::fs::File> {
        Ok(std::fs::File::create(self.folder.join(format!("{name}.log")))?)
    }

    /// The path of one of this run's files.
    pub(super) fn file(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// Ends the gateway.
    pub(super) fn stop_gateway(&self) {
        drop(self.gateway_process.borrow_mut().take());
    }
}

/// `key.pem` and `fullchain.pem` for `localhost`, both in `both.pem`; the same certificate for the gateway as `gateway-ca.pem`,
/// that of a stranger as `stranger.pem`; the gateway's `signer.pem` and its key for nonces.
fn make_keys(folder: &Path) -> Result<()> {
    std::fs::copy(root().join("examples/guide/secrets.jwks"), folder.join("secrets.jwks"))?;
    let key = ["genpkey", "-algorithm", "EC", "-out", "signer.pem"];
    openssl::run(folder, &[&key[..], &openssl::CURVE].concat())?;
    openssl::certificate(folder, "key.pem", "fullchain.pem")?;
    openssl::certificate(folder, "strangers-key.pem", "stranger.pem")?;
    std::fs::copy(folder.join("fullchain.pem"), folder.join("gateway-ca.pem"))?;
    let mut both = std::fs::read(folder.join("fullchain.pem"))?;
    both.extend(std::fs::read(folder.join("key.pem"))?);
    Ok(std::fs::write(folder.join("both.pem"), both)?)
}
