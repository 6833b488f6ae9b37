//! A certified foreign client gets a token at our authorization server and calls an API behind our gateway, with nonces
//! demanded at both ends.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::node;
use crate::run::{Server, free_address, root};

/// Starts all three servers and runs the client.
pub(crate) fn run(keybound: &Path) -> Result<()> {
    let client = node::install("interop/oauth4webapi")?;
    let (authorization_server, upstream, gateway, management) =
        (free_address()?, free_address()?, free_address()?, free_address()?);
    let source = root().join("interop/oauth4webapi");
    std::fs::create_dir_all(client.join("rules"))?;
    std::fs::copy(root().join("examples/guide/secrets.jwks"), client.join("secrets.jwks"))?;
    for name in ["heimdall-config.yaml", "rules/api.yaml"] {
        let text = std::fs::read_to_string(source.join(name)).with_context(|| name.to_owned())?;
        let text = text
            .replace("127.0.0.1:8080", &authorization_server.to_string())
            .replace("127.0.0.1:8081", &upstream.to_string())
            .replace("port: 4456", &format!("port: {}", gateway.port()))
            .replace("port: 4457", &format!("port: {}", management.port()));
        std::fs::write(client.join(name), text)?;
    }
    let start = |name: &str, address, arguments: &[&str]| {
        let mut command = Command::new(keybound);
        command.args(arguments).current_dir(&client).stdout(Stdio::null()).stderr(Stdio::null());
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
    let output = Command::new("node")
        .arg("call-api.mjs")
        .arg(format!("http://{authorization_server}/realms/acme"))
        .args(["kc-admin-client", "acme-admin-secret"])
        .arg(format!("http://{gateway}/api/orders?first=0"))
        .current_dir(&client)
        .output()
        .context("node")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
