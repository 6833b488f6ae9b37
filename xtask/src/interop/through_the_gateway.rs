//! A foreign client gets a token at our authorization server and calls an API behind our gateway, with nonces demanded
//! at both ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::{node, python};
use crate::run::{Server, free_address, root};

/// The foreign client.
#[derive(Clone, Copy)]
pub(crate) enum Client {
    /// panva's certified client, on Node.
    Oauth4webapi,
    /// An extension of Python's `requests`.
    RequestsOauth2client,
}

/// Starts all three servers and runs the client against them.
pub(crate) fn run(keybound: &Path, client: Client) -> Result<()> {
    let (authorization_server, upstream, gateway, management) =
        (free_address()?, free_address()?, free_address()?, free_address()?);
    let folder = root().join("target/interop/through-the-gateway");
    std::fs::create_dir_all(folder.join("rules"))?;
    std::fs::copy(root().join("examples/guide/secrets.jwks"), folder.join("secrets.jwks"))?;
    for name in ["heimdall-config.yaml", "rules/api.yaml"] {
        let source = root().join("interop/through-the-gateway").join(name);
        let text = std::fs::read_to_string(source).with_context(|| name.to_owned())?;
        let text = text
            .replace("127.0.0.1:8080", &authorization_server.to_string())
            .replace("127.0.0.1:8081", &upstream.to_string())
            .replace("port: 4456", &format!("port: {}", gateway.port()))
            .replace("port: 4457", &format!("port: {}", management.port()));
        std::fs::write(folder.join(name), text)?;
    }
    let start = |name: &str, address, arguments: &[&str]| {
        let mut command = Command::new(keybound);
        command.args(arguments).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
        Server::start(name, &mut command, address)
    };
    let realm = root().join("interop/admin-api/acme-realm.json");
    let realm = realm.to_string_lossy();
    let port = authorization_server.port().to_string();
    let _authorization_server = start(
        "authorization server",
        authorization_server,
        &["authorization-server", "--nonces", "--realm", &realm, "--port", &port],
    )?;
    let _upstream = start("echo", upstream, &["echo", "--port", &upstream.port().to_string()])?;
    let _gateway =
        start("gateway", gateway, &["serve", "proxy", "-c", "heimdall-config.yaml", "--insecure"])?;
    let output = client
        .command()?
        .arg(format!("http://{authorization_server}/realms/acme"))
        .args(["kc-admin-client", "acme-admin-secret"])
        .arg(format!("http://{gateway}/api/orders?first=0"))
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

impl Client {
    fn command(self) -> Result<Command> {
        let (program, script, folder): (PathBuf, _, _) = match self {
            Self::Oauth4webapi => ("node".into(), "call-api.mjs", node::install("interop/oauth4webapi")?),
            Self::RequestsOauth2client => {
                let (python, folder) = python::install("interop/requests-oauth2client")?;
                (python, "call_api.py", folder)
            }
        };
        let mut command = Command::new(program);
        command.arg(script).current_dir(folder);
        Ok(command)
    }
}
