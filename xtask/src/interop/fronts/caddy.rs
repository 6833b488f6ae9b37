//! Caddy.

use std::process::Command;

use anyhow::{Context, Result};

use super::page::{self, Page};
use super::site::Site;
use crate::run::Server;

const HINT: &str = "caddy: install the distribution's package `caddy`";

pub(super) fn version() -> Result<String> {
    let output = Command::new("caddy").arg("version").output().context(HINT)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().next().unwrap_or("unknown").trim_start_matches('v').to_owned())
}

pub(super) fn start(page: &Page, site: &Site) -> Result<Server> {
    page::write(
        site,
        "Caddyfile",
        &page.block("Caddyfile")?,
        &[
            // Neither the administration port nor the redirect from port 80 is opened.
            ("{\n    # When", "{\n    admin off\n    auto_https disable_redirects\n    # When".to_owned()),
            ("api.example.com {", format!("https://localhost:{} {{\n    bind 127.0.0.1", site.front.port())),
            ("/etc/ssl/api.example.com/", site.file("")),
            ("/etc/ssl/gateway-ca.pem", site.file("gateway-ca.pem")),
            ("gateway.example.com", "localhost".to_owned()),
            ("127.0.0.1:4456", site.gateway.to_string()),
            ("127.0.0.1:8081", site.upstream.address.to_string()),
        ],
    )?;
    let log = site.log("caddy")?;
    let mut command = Command::new("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"])
        .env("XDG_DATA_HOME", &site.folder)
        .env("XDG_CONFIG_HOME", &site.folder)
        .current_dir(&site.folder)
        .stdout(log.try_clone()?)
        .stderr(log);
    Server::start("caddy", &mut command, site.front).context(HINT)
}
