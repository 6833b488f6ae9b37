//! nginx in front of `keybound serve decision`, with the configuration of its guide word for word but for the ports.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::run::{Server, free_address, root};

const HINT: &str = "nginx: install the distribution's package `nginx`";
/// Where the distribution's package puts it; not in everybody's path.
const PROGRAM: &str = "/usr/sbin/nginx";

/// The version; an error when there is no nginx.
pub(crate) fn version() -> Result<String> {
    let output = Command::new(PROGRAM).arg("-v").output().context(HINT)?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(text.trim().rsplit('/').next().unwrap_or("unknown").to_owned())
}

/// Starts everything and calls the API through nginx.
pub(crate) fn run(keybound: &Path) -> Result<()> {
    let (authorization_server, upstream, gateway, management, nginx) =
        (free_address()?, free_address()?, free_address()?, free_address()?, free_address()?);
    let folder = root().join("target/interop/nginx");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(folder.join("rules"))?;
    std::fs::copy(root().join("examples/guide/secrets.jwks"), folder.join("secrets.jwks"))?;
    let adapted = |text: &str| {
        text.replace("127.0.0.1:8080", &authorization_server.to_string())
            .replace("127.0.0.1:8081", &upstream.to_string())
            .replace("127.0.0.1:8088", &nginx.to_string())
            .replace("127.0.0.1:4456", &gateway.to_string())
            .replace("port: 4456", &format!("port: {}", gateway.port()))
            .replace("port: 4457", &format!("port: {}", management.port()))
    };
    for name in ["nginx.conf", "heimdall-config.yaml", "rules/api.yaml"] {
        let text = std::fs::read_to_string(root().join("interop/nginx").join(name))
            .with_context(|| name.to_owned())?;
        std::fs::write(folder.join(name), adapted(&text))?;
    }
    std::fs::write(folder.join("api.conf"), adapted(&of_the_guide()?))?;

    let start = |name: &str, address, arguments: &[&str]| {
        let mut command = Command::new(keybound);
        command.args(arguments).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
        Server::start(name, &mut command, address)
    };
    let realm = root().join("interop/admin-api/acme-realm.json");
    let port = authorization_server.port().to_string();
    let _authorization_server = start(
        "authorization server",
        authorization_server,
        &["authorization-server", "--realm", &realm.to_string_lossy(), "--port", &port],
    )?;
    let _upstream = start("echo", upstream, &["echo", "--port", &upstream.port().to_string()])?;
    let _gateway =
        start("gateway", gateway, &["serve", "decision", "-c", "heimdall-config.yaml", "--insecure"])?;
    let mut command = Command::new(PROGRAM);
    command.arg("-p").arg(&folder).args(["-c", "nginx.conf"]).stderr(Stdio::null());
    let _nginx = Server::start("nginx", &mut command, nginx).context(HINT)?;

    let client = Client {
        keybound,
        folder: &folder,
        issuer: format!("http://{authorization_server}/realms/acme"),
        api: format!("http://{nginx}/api/orders?first=0"),
    };
    client.calls()
}

/// The configuration in the guide: its block marked `nginx`.
fn of_the_guide() -> Result<String> {
    let path: PathBuf = root().join("docs/guides/nginx.md");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let block = text.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next());
    Ok(block.context("a block marked `nginx` in the guide")?.to_owned())
}

/// Our client, which knows of nginx only.
struct Client<'a> {
    keybound: &'a Path,
    folder: &'a Path,
    issuer: String,
    api: String,
}

impl Client<'_> {
    fn calls(&self) -> Result<()> {
        self.expect(&["login", "--client-credentials"], true, &["token_type: DPoP"])?;
        let challenge_then_good = [
            "Received DPoP nonce challenge",
            "Retrying with nonce",
            "HTTP 200",
            "/api/orders?first=0",
            "\"X-User\"",
        ];
        let forged =
            [&["call", "-H", "X-User: evil", "-H", "X-Forwarded-Uri: /open"], &[&*self.api][..]].concat();
        let printed = self.expect(&forged, true, &challenge_then_good)?;
        ensure!(!printed.contains("evil"), "a client's X-User reached the upstream: {printed}");
        let proof = "DPoP error=\"invalid_dpop_proof\"";
        for (arguments, challenge) in [
            (&["call", "--replay"][..], proof),
            (&["call", "--wrong-htu"], proof),
            (&["call", "--wrong-htm"], proof),
            (&["call", "--no-proof"], proof),
            (&["call", "--wrong-key"], "DPoP error=\"invalid_token\""),
            (&["call", "--no-retry-nonce"], "DPoP error=\"use_dpop_nonce\""),
        ] {
            self.expect(&[arguments, &[&*self.api]].concat(), false, &["HTTP 401", challenge])
                .with_context(|| arguments.join(" "))?;
        }
        let post = ["call", "-X", "POST", "-d", "a=1", &self.api];
        self.expect(&post, true, &["HTTP 200", "POST"]).map(drop)
    }

    /// Runs a command to its end and looks for texts in what it prints.
    fn expect(&self, arguments: &[&str], success: bool, texts: &[&str]) -> Result<String> {
        let output = Command::new(self.keybound)
            .args(arguments)
            .current_dir(self.folder)
            .env("ISSUER", &self.issuer)
            .env("CLIENT_ID", "kc-admin-client")
            .env("CLIENT_SECRET", "acme-admin-secret")
            .env("STATE_DIR", self.folder.join(".state"))
            .env("NO_COLOR", "1")
            .output()?;
        let printed =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success() == success, "exit status {}: {printed}", output.status);
        for text in texts {
            ensure!(printed.contains(text), "no `{text}` in: {printed}");
        }
        Ok(printed)
    }
}
