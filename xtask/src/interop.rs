//! `cargo xtask interop`: our programs against real, foreign ones, over real sockets on loopback.

mod admin_api;
mod guide;
mod keycloak;
mod nginx;
mod node;
mod python;
mod through_the_gateway;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use self::guide::AuthorizationServer;
use self::through_the_gateway::Client;
use crate::run::{root, step};

/// One line of the table.
struct Scenario {
    peer: &'static str,
    version: String,
    scenario: &'static str,
    outcome: Result<()>,
}

/// Runs every scenario and prints the table. Nothing is skipped: a program that is missing is an error that says how
/// to install it.
pub(crate) fn run() -> Result<()> {
    let keybound = build()?;
    let browser = node::chromium()?;
    let scenarios = [
        Scenario {
            peer: "Chromium",
            version: browser,
            scenario: "guide: login in the browser, call, every negative switch",
            outcome: guide::run(&keybound, AuthorizationServer::Ours),
        },
        Scenario {
            peer: "Keycloak",
            version: "26.7.3".to_owned(),
            scenario: "guide, with tokens of the real thing and its login page",
            outcome: guide::run(&keybound, AuthorizationServer::Keycloak("26.7.3")),
        },
        Scenario {
            peer: "Keycloak",
            version: "26.4.0".to_owned(),
            scenario: "guide, with tokens of the real thing and its login page",
            outcome: guide::run(&keybound, AuthorizationServer::Keycloak("26.4.0")),
        },
        Scenario {
            peer: "jose (Node)",
            version: node::locked_version("interop/admin-api", "jose")?,
            scenario: "Admin API: client credentials, list users, Bearer refused",
            outcome: admin_api::run(&keybound, false),
        },
        Scenario {
            peer: "jose (Node)",
            version: node::locked_version("interop/admin-api", "jose")?,
            scenario: "Admin API with nonces demanded at both ends",
            outcome: admin_api::run(&keybound, true),
        },
        Scenario {
            peer: "oauth4webapi",
            version: node::locked_version("interop/oauth4webapi", "oauth4webapi")?,
            scenario: "client credentials, API behind the gateway, nonces everywhere",
            outcome: through_the_gateway::run(&keybound, Client::Oauth4webapi),
        },
        Scenario {
            peer: "requests-oauth2client",
            version: "1.8.0".to_owned(),
            scenario: "client credentials, API behind the gateway, nonces everywhere",
            outcome: through_the_gateway::run(&keybound, Client::RequestsOauth2client),
        },
        Scenario {
            peer: "nginx",
            version: nginx::version()?,
            scenario: "auth_request: challenge, retry, replay, wrong proofs, POST",
            outcome: nginx::run(&keybound),
        },
    ];
    println!("\n{:<21}  {:<10}  {:<62}  verdict", "peer", "version", "scenario");
    let mut failed = 0;
    for Scenario { peer, version, scenario, outcome } in &scenarios {
        let verdict = match outcome {
            Ok(()) => "passed".to_owned(),
            Err(error) => {
                failed += 1;
                format!("FAILED: {error:#}")
            }
        };
        println!("{peer:<21}  {version:<10}  {scenario:<62}  {verdict}");
    }
    println!("\n{} passed, {failed} failed", scenarios.len() - failed);
    if failed > 0 {
        bail!("{failed} interop scenarios failed");
    }
    Ok(())
}

fn build() -> Result<PathBuf> {
    step(
        "build keybound",
        Command::new("cargo").args(["build", "--release", "--locked", "--package", "keybound-cli"]),
    )?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("release/keybound").canonicalize().context("the built program")
}
