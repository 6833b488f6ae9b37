//! `cargo xtask interop`: our programs against real, foreign ones, over real sockets on loopback.

mod admin_api;
mod differential;
mod examples;
mod fronts;
mod guide;
mod keycloak;
mod keycloak_admin;
mod node;
mod oidc_provider;
pub(crate) mod openssl;
mod our_client;
mod python;
mod through_the_gateway;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use self::examples::EXAMPLES;
use self::fronts::Front;
use self::guide::AuthorizationServer;
use self::through_the_gateway::Client;
use crate::run::{built, step};

pub(crate) const HELP: &str = "\
Scenarios with real foreign programs on loopback, all or those named. A program that is missing is an error that says how to
install it.

Usage: cargo xtask interop [WORD…]

  WORD   part of a peer's name, or what its scenario begins with: nginx, keycloak, chromium, jose, example, guide, …

Environment:
  KEYBOUND_CHROMIUM   path of the browser (default: chromium on the PATH)
  INTEROP_PROGRAM     path of the program under test (default: built from this source, profile `release`)
  DIFFERENTIAL_SEED   seed of the differential scenario, to repeat a run (default: a new one, which is printed)

Examples:
  cargo xtask interop nginx keycloak
  INTEROP_PROGRAM=target/debug/keybound cargo xtask interop example";

/// One line of the table.
struct Scenario {
    peer: &'static str,
    scenario: &'static str,
    /// Fails, with how to install it, when the peer is missing.
    version: Box<dyn Fn() -> Result<String>>,
    run: Box<Run>,
}

/// Plays a scenario with the program under test.
type Run = dyn Fn(&Path) -> Result<()>;

impl Scenario {
    fn new(
        peer: &'static str,
        scenario: &'static str,
        version: impl Fn() -> Result<String> + 'static,
        run: impl Fn(&Path) -> Result<()> + 'static,
    ) -> Self {
        Self { peer, scenario, version: Box::new(version), run: Box::new(run) }
    }

    /// Whether one of the words names the peer or begins what it plays; no word names all.
    fn is_meant(&self, words: &[String]) -> bool {
        let (peer, scenario) = (self.peer.to_lowercase(), self.scenario.to_lowercase());
        let is_meant = |word: String| peer.contains(&word) || scenario.starts_with(&word);
        words.is_empty() || words.iter().any(|word| is_meant(word.to_lowercase()))
    }
}

const GUIDE: &str = "guide, with tokens of the real thing and its login page";
const THROUGH_THE_GATEWAY: &str = "client credentials, API behind the gateway, nonces everywhere";

fn scenarios() -> Vec<Scenario> {
    let keycloak = |version: &'static str| {
        Scenario::new(
            "Keycloak",
            GUIDE,
            move || node::chromium().map(|_| version.to_owned()),
            move |keybound| guide::run(keybound, AuthorizationServer::Keycloak(version)),
        )
    };
    let keycloak_admin = |version: &'static str| {
        Scenario::new(
            "Keycloak Admin API",
            "our client: list five users, Bearer and every wrong proof refused",
            move || Ok(version.to_owned()),
            move |keybound| keycloak_admin::run(keybound, version),
        )
    };
    let front = |peer, scenario, front: Front| {
        Scenario::new(peer, scenario, move || front.version(), move |keybound| fronts::run(keybound, front))
    };
    let mut scenarios = vec![
        Scenario::new(
            "Chromium",
            "guide: login in the browser, call, every negative switch",
            node::chromium,
            |keybound| guide::run(keybound, AuthorizationServer::Ours),
        ),
        keycloak("26.7.3"),
        keycloak("26.4.0"),
        keycloak_admin("26.7.3"),
        keycloak_admin("26.4.0"),
        Scenario::new(
            "oidc-provider",
            "our client: browser, PAR, device, private_key_jwt, refresh, nonces",
            || node::locked_version("interop/oidc-provider", "oidc-provider"),
            oidc_provider::run,
        ),
        Scenario::new(
            "jose (Node)",
            "Admin API: client credentials, list users, Bearer refused",
            || node::locked_version("interop/admin-api", "jose"),
            |keybound| admin_api::run(keybound, false),
        ),
        Scenario::new(
            "jose (Node)",
            "Admin API with nonces demanded at both ends",
            || node::locked_version("interop/admin-api", "jose"),
            |keybound| admin_api::run(keybound, true),
        ),
        Scenario::new(
            "oauth4webapi",
            THROUGH_THE_GATEWAY,
            || node::locked_version("interop/oauth4webapi", "oauth4webapi"),
            |keybound| through_the_gateway::run(keybound, Client::Oauth4webapi),
        ),
        Scenario::new(
            "requests-oauth2client",
            THROUGH_THE_GATEWAY,
            || Ok("1.8.0".to_owned()),
            |keybound| through_the_gateway::run(keybound, Client::RequestsOauth2client),
        ),
        Scenario::new(
            "differential",
            "20,000 requests, good and spoiled, before five verifiers",
            || Ok("5".to_owned()),
            |_| differential::run(),
        ),
        front("nginx", "in front of decision mode, with auth_request", Front::Nginx),
        front("HAProxy", "in front of decision mode, with a Lua action", Front::Haproxy),
        front("Caddy", "in front of decision mode, as forward_auth does", Front::Caddy),
        front("Envoy", "in front of decision mode, with ext_authz over HTTP", Front::Envoy),
    ];
    scenarios.extend(EXAMPLES.iter().map(|example| {
        Scenario::new(
            example.package,
            "example: three foreign clients, nonces off and on at either end",
            || example.version(),
            |keybound| examples::run(keybound, example),
        )
    }));
    scenarios
}

/// Runs the scenarios whose peer one of the words names, all without a word, and prints the table. Nothing is skipped: a
/// program that is missing is an error that says how to install it.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let scenarios: Vec<Scenario> =
        scenarios().into_iter().filter(|scenario| scenario.is_meant(words)).collect();
    if scenarios.is_empty() {
        bail!("no peer is called `{}`\n\n{HELP}", words.join("`, `"));
    }
    let versions: Vec<String> =
        scenarios.iter().map(|scenario| (scenario.version)()).collect::<Result<_>>()?;
    let keybound = program()?;
    let outcomes: Vec<Result<()>> = scenarios.iter().map(|scenario| (scenario.run)(&keybound)).collect();

    println!("\n{:<24}  {:<10}  {:<70}  verdict", "peer", "version", "scenario");
    let mut failed = 0;
    for ((Scenario { peer, scenario, .. }, version), outcome) in scenarios.iter().zip(versions).zip(outcomes)
    {
        let verdict = match outcome {
            Ok(()) => "passed".to_owned(),
            Err(error) => {
                failed += 1;
                format!("FAILED: {error:#}")
            }
        };
        println!("{peer:<24}  {version:<10}  {scenario:<70}  {verdict}");
    }
    println!("\n{} passed, {failed} failed", scenarios.len() - failed);
    if failed > 0 {
        bail!("{failed} interop scenarios failed");
    }
    Ok(())
}

/// The program under test: that of `INTEROP_PROGRAM`, else built now.
fn program() -> Result<PathBuf> {
    match std::env::var_os("INTEROP_PROGRAM") {
        Some(path) => Path::new(&path).canonicalize().context("INTEROP_PROGRAM"),
        None => build(),
    }
}

fn build() -> Result<PathBuf> {
    step(
        "build keybound",
        Command::new("cargo").args(["build", "--release", "--locked", "--package", "keybound-cli"]),
    )?;
    built("release/keybound")
}
