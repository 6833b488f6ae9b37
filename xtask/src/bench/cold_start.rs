//! From the start of the process to its first answer, and what it takes up when it has nothing to do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::goals::Goal;
use super::site::{PLAIN, Site, Variant};
use super::{Effort, median, process};

const PATIENCE: Duration = Duration::from_secs(20);
/// How long a program is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(1);

pub(crate) struct ColdStart {
    gateway: Start,
    nginx: Option<Start>,
}

/// Medians.
#[derive(Clone, Copy, Debug)]
struct Start {
    milliseconds: f64,
    resident_mib: f64,
}

pub(crate) fn measure(site: &Site, effort: Effort) -> Result<ColdStart> {
    println!("── cold start");
    let (mut gateway, mut nginx) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let (mut command, address) = site.gateway_command(&Variant::default())?;
        gateway.push(start(&mut command, address)?);
        if let Some((mut command, address)) = site.nginx_command()? {
            nginx.push(start(&mut command, address)?);
        }
    }
    let (gateway, nginx) = (Start::medians(&gateway), (!nginx.is_empty()).then(|| Start::medians(&nginx)));
    println!("   gateway {gateway:?}, nginx {nginx:?}");
    Ok(ColdStart { gateway, nginx })
}

fn start(command: &mut Command, address: SocketAddr) -> Result<Start> {
    let began = Instant::now();
    let mut child = command.spawn().context("start")?;
    let answered = first_answer(&mut child, address, began);
    // Measured when it has come to rest.
    #[expect(clippy::disallowed_methods, reason = "another process is left alone")]
    thread::sleep(IDLE);
    let resident_mib = process::resident_mib(child.id());
    stop(&mut child)?;
    Ok(Start { milliseconds: answered?.as_secs_f64() * 1_000.0, resident_mib: resident_mib? })
}

/// Asks a program to end, and waits until it has: nginx ends its workers then, and callgrind writes what it saw.
pub(crate) fn stop(child: &mut Child) -> Result<()> {
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    asked.context("kill")?;
    child.wait().context("wait for the end")?;
    Ok(())
}

/// Asks until there is an answer; gives how long that took.
pub(crate) fn first_answer(child: &mut Child, address: SocketAddr, began: Instant) -> Result<Duration> {
    while began.elapsed() < PATIENCE {
        if let Ok(connection) = TcpStream::connect(address)
            && answers(connection).is_ok()
        {
            return Ok(began.elapsed());
        }
        if let Some(status) = child.try_wait()? {
            bail!("ended at once, {status}");
        }
        thread::yield_now();
    }
    bail!("no answer from {address}")
}

fn answers(mut connection: TcpStream) -> Result<()> {
    write!(connection, "GET {PLAIN} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    match answer.starts_with("HTTP/1.1 200 ") {
        true => Ok(()),
        false => bail!("not 200"),
    }
}

impl Start {
    fn medians(starts: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| median(&starts.iter().map(value).collect::<Vec<_>>());
        Self { milliseconds: of(|start| start.milliseconds), resident_mib: of(|start| start.resident_mib) }
    }

    fn to_json(self) -> Value {
        json!({ "first_answer_ms": self.milliseconds, "idle_resident_mib": self.resident_mib })
    }
}

impl ColdStart {
    pub(crate) fn goals(&self) -> Vec<Goal> {
        let nginx = self.nginx.map(|nginx| nginx.milliseconds);
        let rule = format!("2 × nginx, {:.1}", nginx.unwrap_or_default());
        let first = Goal::new(10, "start to first answer", &rule, 0.0, self.gateway.milliseconds, "ms");
        vec![
            Goal { limit: nginx.map(|nginx| 2.0 * nginx), ..first },
            Goal::new(10, "resident when idle", "fixed", 15.0, self.gateway.resident_mib, "MiB"),
        ]
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "gateway": self.gateway.to_json(), "nginx": self.nginx.map(Start::to_json) })
    }
}
