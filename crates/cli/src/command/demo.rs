//! `keybound demo`: the whole of DPoP in one command. Authorization server, upstream and gateway run in this process on
//! loopback ports, over real sockets, from real configuration files; alice logs in and calls, then a thief tries.

mod alice;
mod attacks;
mod browser;
mod files;
mod table;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use dev_authorization_server::{AuthorizationServer, Handle, Options, Realm};
use dpop_client::{HttpClient, HyperClient, Next, PlainHttp};
use gateway::app::{App, ServeOptions};
use gateway::config::{Enforcement, Environment};
use http::{Response, StatusCode, Uri};
use jose::{Algorithm, KeyPair, base64url, crypto};
use oauth::challenge;
use serde_json::Value;

use self::alice::{Alice, Exchange};
use self::attacks::{Attack, Loot};
use self::files::{Addresses, Files};
use crate::clock::now;
use crate::echo::Echo;
use crate::stop_signal::stop_signal;

/// See a token that only its key can use: one login, the calls that pass, every attack that does not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound demo                               the whole story, under three seconds
  keybound demo --dir my-demo                 keep the configuration files it writes
  keybound demo --dir my-demo --keep-running  leave all three up and print commands to try by hand

Exit status: 0 when every attack was refused and every good call allowed, else 1.")]
pub(crate) struct Args {
    /// Folder for the configuration files; kept. Without it a temporary folder is used.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave authorization server, upstream and gateway running and print commands to try by hand.
    #[arg(long)]
    keep_running: bool,
}

/// Everything that runs during the demo.
struct Stage {
    addresses: Addresses,
    files: Files,
    echo: Echo,
    gateway: App,
    authorization_server: Handle,
    http: HyperClient,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let folder = match &args.dir {
        Some(folder) => folder.clone(),
        None => temporary_folder(),
    };
    let outcome = show(&folder, args.keep_running).await;
    if args.dir.is_none() {
        // What is left there is a temporary folder with keys of this run: of no use to anybody.
        let _ = std::fs::remove_dir_all(&folder);
    }
    outcome
}

async fn show(folder: &Path, keep_running: bool) -> Result<ExitCode> {
    let started = Instant::now();
    let stage = Stage::set(folder).await?;
    stage.print_addresses();
    let all_right = stage.play().await?;
    let seconds = started.elapsed().as_secs_f32();
    match all_right {
        Verdict { refused, attacks, good_calls: true } if refused == attacks => {
            anstream::println!("\nall {attacks} attacks refused, all good calls allowed, {seconds:.1} s");
        }
        Verdict { refused, attacks, good_calls } => {
            let calls = if good_calls { "all good calls allowed" } else { "a good call was REFUSED" };
            anstream::println!("\nonly {refused} of {attacks} attacks refused as they must be, {calls}");
            stage.stop().await;
            return Ok(ExitCode::FAILURE);
        }
    }
    if keep_running {
        stage.print_commands();
        stop_signal().await;
    }
    stage.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// How the play ended.
struct Verdict {
    refused: usize,
    attacks: usize,
    good_calls: bool,
}

impl Stage {
    /// Writes the files and starts all three.
    async fn set(folder: &Path) -> Result<Self> {
        let addresses = Addresses {
            authorization_server: free_address()?,
            upstream: free_address()?,
            gateway: free_address()?,
            management: free_address()?,
            callback: free_address()?,
        };
        let files = Files::write(folder, &addresses)?;
        let authorization_server = start_authorization_server(&addresses, &files).await?;
        let echo = Echo::start(addresses.upstream).await.context("start the upstream")?;
        let gateway = start_gateway(&files).await?;
        let http = HyperClient::new(PlainHttp::LoopbackOnly)?;
        Ok(Self { addresses, files, echo, gateway, authorization_server, http })
    }

    async fn play(&self) -> Result<Verdict> {
        let api: Uri = format!("http://{}/api", self.addresses.gateway).parse()?;
        let alice = Alice::log_in(&self.http, &self.addresses).await.context("alice's login")?;
        let jkt = alice.session.thumbprint().to_string();
        let shown =
            format!("token_type {}, cnf.jkt {}…", alice.token_type, jkt.get(..12).unwrap_or_default());
        table::line("alice logs in with a fresh key", &shown);
        ensure!(confirmed_key(&alice).as_deref() == Some(jkt.as_str()), "the token is bound to another key");

        // RFC 9449 §9: the first call meets a nonce challenge, the second carries the nonce.
        let (challenged, next) = alice.call(&self.http, &api).await?;
        table::line("GET /api  token + proof", &answer(&challenged.response));
        let asked_for_nonce = matches!(next, Next::Retry(_)) && self.echo.seen() == 0;
        let (captured, _) = alice.call(&self.http, &api).await?;
        let passed = self.is_good(&captured, 1);
        let shown =
            if passed { "200  the upstream saw an internal token, no DPoP needed there" } else { "REFUSED" };
        table::line("GET /api  token + new proof with the nonce", shown);

        let other_login = Alice::log_in(&self.http, &self.addresses).await.context("another login")?;
        let thiefs_key = KeyPair::generate(Algorithm::Es256)?;
        let nonce = nonce_of(&challenged.response)?;
        let loot = Loot {
            token: &alice.token,
            other_token: &other_login.token,
            used_proof: &captured.proof,
            alices_key: &alice.key,
            thiefs_key: &thiefs_key,
            nonce: &nonce,
            api: &api,
            now: now(),
        };
        table::attacks_head();
        let attacks = attacks::all(&loot)?;
        let mut verdict =
            Verdict { refused: 0, attacks: attacks.len(), good_calls: asked_for_nonce && passed };
        for attack in attacks {
            verdict.refused += usize::from(self.attack(attack).await?);
        }

        // The thief must not have locked her out either.
        let before = self.echo.seen();
        let (after, _) = alice.call(&self.http, &api).await?;
        let still_passes = self.is_good(&after, before + 1);
        verdict.good_calls &= still_passes;
        anstream::println!();
        table::line("GET /api  alice again", if still_passes { "200" } else { "REFUSED" });
        Ok(verdict)
    }

    /// Sends the attack; was the answer the only right one, and the upstream left alone?
    async fn attack(&self, attack: Attack) -> Result<bool> {
        let before = self.echo.seen();
        let response = self.http.send(attack.request).await.with_context(|| attack.what.to_owned())?;
        let reached = self.echo.seen() != before;
        let error = challenge::from_headers(response.headers())
            .into_iter()
            .next()
            .map(|challenge| challenge.parameter("error").map(str::to_owned));
        let expected = attack.expected.map(|code| code.as_str().to_owned());
        let right = response.status() == StatusCode::UNAUTHORIZED && error == Some(expected) && !reached;
        table::attack(right, attack.what, &answer(&response), reached);
        Ok(right)
    }

    /// 200, exactly `seen` requests at the upstream so far, and there an internal token in place of the bound one.
    fn is_good(&self, exchange: &Exchange, seen: u64) -> bool {
        let echoed: Value = serde_json::from_slice(exchange.response.body()).unwrap_or_default();
        let header = |name: &str| echoed.pointer(&format!("/headers/{name}/0")).and_then(Value::as_str);
        exchange.response.status() == StatusCode::OK
            && self.echo.seen() == seen
            && header("Authorization").is_some_and(|value| value.starts_with("Bearer "))
            && header("Dpop").is_none()
    }

    fn print_addresses(&self) {
        let Addresses { authorization_server, upstream, gateway, .. } = self.addresses;
        let gateway = format!("http://{gateway}");
        let (config, rules) = (self.files.config(), self.files.rules());
        anstream::println!(
            "authorization server  http://{authorization_server}/realms/dpop   for development only\n\
             upstream (echo)       http://{upstream}\n\
             gateway               {gateway:37}{}\n{:59}{}\n",
            config.display(),
            "",
            rules.display()
        );
    }

    fn print_commands(&self) {
        let Addresses { authorization_server, gateway, callback, .. } = self.addresses;
        let issuer = format!("http://{authorization_server}/realms/dpop/protocol/openid-connect");
        let folder = self.files.folder().display();
        let program = std::env::current_exe().unwrap_or_else(|_| "keybound".into());
        let program = program.display();
        anstream::println!(
            "\nAll three stay up until Ctrl-C. In another terminal:\n\n\
             export AUTHORIZATION_ENDPOINT={issuer}/auth\n\
             export TOKEN_ENDPOINT={issuer}/token\n\
             export PROTECTED_API=http://{gateway}/api\n\
             export CLIENT_ID=heimdall-dpop-client\n\
             export REDIRECT_PORT={port}\n\
             export STATE_DIR={folder}/.state\n\n\
             {program} login              # alice / alice, in the browser\n\
             {program} call               # challenge, retry, 200\n\
             {program} call --replay      # 401: the proof was used before\n\
             {program} call --scheme Bearer\n\
             {program} other-keygen && {program} call --wrong-key\n\n\
             Edit {rules} and save: the gateway reads it anew.",
            port = callback.port(),
            rules = self.files.rules().display(),
        );
    }

    async fn stop(self) {
        self.gateway.shutdown().await;
        self.echo.shutdown().await;
        self.authorization_server.shutdown().await;
    }
}

async fn start_authorization_server(addresses: &Addresses, files: &Files) -> Result<Handle> {
    let realm = Realm::read(&files.realm()).context("read the realm")?;
    let options = Options::new(addresses.authorization_server, vec![realm]);
    AuthorizationServer::start(options).await.context("start the authorization server")
}

async fn start_gateway(files: &Files) -> Result<App> {
    let options = ServeOptions {
        // Loopback without TLS; and whatever is set in the environment is meant for another gateway.
        enforcement: Enforcement::none(),
        environment: Environment::default(),
        installs_log: false,
        ..ServeOptions::new(files.config())
    };
    App::start(options).await.context("start the gateway")
}

fn answer(response: &Response<Bytes>) -> String {
    table::answer(response.status(), response.headers())
}

fn nonce_of(response: &Response<Bytes>) -> Result<String> {
    match response.headers().get("dpop-nonce") {
        Some(nonce) => Ok(nonce.to_str()?.to_owned()),
        None => bail!("the first call was not answered with a nonce"),
    }
}

/// `cnf.jkt` of the token, as anybody can read it.
fn confirmed_key(alice: &Alice) -> Option<String> {
    let payload = alice.token.as_str().split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&base64url::decode(payload).ok()?).ok()?;
    claims.pointer("/cnf/jkt")?.as_str().map(str::to_owned)
}

/// A loopback address that nobody uses at the moment.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?)
}

fn temporary_folder() -> PathBuf {
    std::env::temp_dir().join(format!("keybound-demo-{}", base64url::encode(crypto::random::<9>())))
}
