//! A foreign client lists the users of a realm with a DPoP-bound token, at our authorization server.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::node;
use crate::run::{Server, free_address, root};

/// Starts the server with the realm `acme` and runs the client.
pub(crate) fn run(keybound: &Path, nonces: bool) -> Result<()> {
    let client = node::install("interop/admin-api")?;
    let address = free_address()?;
    let mut server = Command::new(keybound);
    server.args(["authorization-server", "--port", &address.port().to_string(), "--realm"]);
    server.arg(root().join("interop/admin-api/acme-realm.json"));
    if nonces {
        server.arg("--nonces");
    }
    let _server = Server::start("authorization server", server.stdout(std::process::Stdio::null()), address)?;
    let output = Command::new("node")
        .arg("list-users.mjs")
        .args([&format!("http://{address}"), "acme", "kc-admin-client", "acme-admin-secret"])
        .current_dir(client)
        .output()
        .context("node")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    // The service account's own user is no person and is not listed, as in Keycloak.
    if printed.trim() != r#"["anna","bert","cleo"]"# {
        bail!("listed {}", printed.trim());
    }
    Ok(())
}
