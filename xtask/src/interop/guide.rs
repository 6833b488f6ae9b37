//! The guide's scenario as a person walks it: authorization server, echo upstream and gateway as processes, the login
//! in a real browser, then calls with every negative switch.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::{keycloak, node};
use crate::run::{Server, free_address, root};

/// Where everything listens, and the folder with the files.
struct Guide<'a> {
    keybound: &'a Path,
    folder: PathBuf,
    issuer: String,
    gateway: SocketAddr,
    redirect_port: u16,
}

/// Whose tokens the scenario is played with.
#[derive(Clone, Copy)]
pub(crate) enum AuthorizationServer {
    /// `keybound authorization-server`.
    Ours,
    /// Keycloak in this version.
    Keycloak(&'static str),
}

/// Runs the scenario.
pub(crate) fn run(keybound: &Path, issued_by: AuthorizationServer) -> Result<()> {
    let browser = node::install("interop/browser")?;
    let (authorization_server, upstream, gateway, management, redirect) =
        (free_address()?, free_address()?, free_address()?, free_address()?, free_address()?);
    let folder = root().join("target/interop/guide");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    write_files(&folder, authorization_server, upstream, gateway, management, redirect.port())?;
    let guide = Guide {
        keybound,
        issuer: format!("http://{authorization_server}/realms/dpop"),
        gateway,
        redirect_port: redirect.port(),
        folder,
    };

    let _authorization_server = match issued_by {
        AuthorizationServer::Ours => {
            let mut command =
                guide.command(&["authorization-server", "--realm", "dpop-realm.json", "--port"]);
            command.arg(authorization_server.port().to_string()).stdout(Stdio::null());
            Server::start("authorization server", &mut command, authorization_server)?
        }
        AuthorizationServer::Keycloak(version) => {
            accept_self_signed_keys(&guide.folder)?;
            keycloak::start(version, authorization_server, &guide.folder.join("dpop-realm.json"))?
        }
    };
    let _upstream = Server::start(
        "echo",
        guide.command(&["echo", "--port"]).arg(upstream.port().to_string()).stdout(Stdio::null()),
        upstream,
    )?;
    let _gateway = Server::start(
        "gateway",
        guide
            .command(&["serve", "proxy", "-c", "heimdall-config.yaml", "--insecure"])
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
        gateway,
    )?;

    guide.expect(&["keygen"], true, &["Created DPoP key:", "JWK thumbprint:"])?;
    guide.expect(&["other-keygen"], true, &["Created DPoP key:"])?;
    guide.login(&browser)?;
    guide.calls()
}

impl Guide<'_> {
    /// A command of ours with the guide's environment variables.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.keybound);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("AUTHORIZATION_ENDPOINT", format!("{}/protocol/openid-connect/auth", self.issuer))
            .env("TOKEN_ENDPOINT", format!("{}/protocol/openid-connect/token", self.issuer))
            .env("PROTECTED_API", format!("http://{}/api", self.gateway))
            .env("CLIENT_ID", "heimdall-dpop-client")
            .env("REDIRECT_PORT", self.redirect_port.to_string())
            .env("STATE_DIR", self.folder.join(".state"))
            .env("NO_COLOR", "1");
        command
    }

    /// Starts `keybound login`, opens the printed URL in the browser as alice, and waits for the token summary.
    fn login(&self, browser: &Path) -> Result<()> {
        let mut login = self.command(&["login"]).stdout(Stdio::piped()).spawn().context("keybound login")?;
        let mut lines = BufReader::new(login.stdout.take().context("output of login")?).lines();
        let url = loop {
            match lines.next() {
                Some(line) => {
                    let line = line?;
                    if line.starts_with("http") {
                        break line;
                    }
                }
                None => bail!("login printed no URL"),
            }
        };
        let page =
            Command::new("node").args(["login.mjs", &url, "alice", "alice"]).current_dir(browser).output()?;
        let shown = String::from_utf8_lossy(&page.stdout).into_owned();
        if !page.status.success() {
            // The client waits for minutes: end it.
            login.kill()?;
            bail!("browser: {}", String::from_utf8_lossy(&page.stderr).trim());
        }
        ensure!(shown.contains("Login successful"), "the browser shows: {}", shown.trim());
        let rest = lines.collect::<std::io::Result<Vec<_>>>()?.join("\n");
        ensure!(login.wait()?.success(), "login failed: {rest}");
        for expected in ["token_type: DPoP", "\"preferred_username\": \"alice\"", "\"jkt\""] {
            ensure!(rest.contains(expected), "login printed no {expected}: {rest}");
        }
        Ok(())
    }

    fn calls(&self) -> Result<()> {
        let nonce_then_200 = [
            "Received DPoP nonce challenge",
            "Retrying with nonce",
            "HTTP 200",
            "\"Authorization\"",
            "\"Dpop\"",
        ];
        self.expect(&["call"], true, &nonce_then_200)?;
        let proof = "DPoP error=\"invalid_dpop_proof\"";
        let token = "DPoP error=\"invalid_token\"";
        for (arguments, challenge) in [
            (&["call", "--replay"][..], proof),
            (&["call", "--wrong-ath"], proof),
            (&["call", "--wrong-htu"], proof),
            (&["call", "--wrong-htm"], proof),
            (&["call", "--stale"], proof),
            (&["call", "--no-proof"], proof),
            (&["call", "--wrong-key"], token),
            (&["call", "--scheme", "Bearer"], token),
            (&["call", "--no-retry-nonce"], "DPoP error=\"use_dpop_nonce\""),
        ] {
            self.expect(arguments, false, &["HTTP 401", challenge]).with_context(|| arguments.join(" "))?;
        }
        let deep = format!("http://{}/api/orders/17?first=0", self.gateway);
        self.expect(
            &["call", "-X", "POST", "-d", "{\"a\":1}", &deep],
            true,
            &["HTTP 200", "/api/orders/17?first=0"],
        )
    }

    /// Runs a command to its end and looks for texts in what it prints.
    fn expect(&self, arguments: &[&str], success: bool, texts: &[&str]) -> Result<()> {
        let output = self.command(arguments).output()?;
        let printed =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success() == success, "exit status {}: {printed}", output.status);
        for text in texts {
            ensure!(printed.contains(text), "no `{text}` in: {printed}");
        }
        Ok(())
    }
}

/// Keycloak publishes its key with a certificate that nobody vouches for, unless an administrator imports another one.
fn accept_self_signed_keys(folder: &Path) -> Result<()> {
    let file = folder.join("heimdall-config.yaml");
    let text = std::fs::read_to_string(&file)?;
    let endpoint = "        jwks_endpoint:\n";
    std::fs::write(file, text.replace(endpoint, &format!("        validate_jwk: false\n{endpoint}")))?;
    Ok(())
}

/// The guide's files, with this run's ports in place of the printed ones.
fn write_files(
    folder: &Path,
    authorization_server: SocketAddr,
    upstream: SocketAddr,
    gateway: SocketAddr,
    management: SocketAddr,
    redirect_port: u16,
) -> Result<()> {
    std::fs::create_dir_all(folder.join("rules"))?;
    let source = root().join("examples/guide");
    for name in ["heimdall-config.yaml", "secrets.jwks", "dpop-realm.json", "rules/upstream-rules.yaml"] {
        let text = std::fs::read_to_string(source.join(name)).with_context(|| name.to_owned())?;
        let text = text
            .replace("127.0.0.1:8080", &authorization_server.to_string())
            .replace("127.0.0.1:8081", &upstream.to_string())
            .replace("127.0.0.1:8765", &format!("127.0.0.1:{redirect_port}"))
            .replace("port: 4456", &format!("port: {}", gateway.port()))
            .replace("port: 4457", &format!("port: {}", management.port()));
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
