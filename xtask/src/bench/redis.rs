//! A Redis of the run's own, and what it does by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Effort;
use crate::run::{Server, free_address};

pub(crate) struct Redis {
    _server: Server,
    pub(crate) address: SocketAddr,
}

impl Redis {
    /// Starts it without persistence; `None` where it is not installed.
    pub(crate) fn start(folder: &Path) -> Result<Option<Self>> {
        let is_installed = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if is_installed.is_err() {
            return Ok(None);
        }
        let address = free_address()?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
        command.arg(address.port().to_string()).current_dir(folder).stdout(Stdio::null());
        let server = Server::start("redis-server", &mut command, address)?;
        Ok(Some(Self { _server: server, address }))
    }

    /// The median time of a claim as the gateway makes it, in microseconds, with 64 of them under way.
    pub(crate) fn p50_us(&self, effort: Effort) -> Result<f64> {
        let requests = (effort.requests * 2).to_string();
        let port = self.address.port().to_string();
        let output = Command::new("redis-benchmark")
            .args(["--csv", "-c", "64", "-r", "100000000", "-n", &requests, "-p", &port])
            .args(["SET", "claim:__rand_int__", "1", "NX", "EX", "70"])
            .output()
            .context("redis-benchmark")?;
        let text = String::from_utf8_lossy(&output.stdout);
        p50_ms(&text).map(|milliseconds| milliseconds * 1_000.0).context("no median from redis-benchmark")
    }
}

fn p50_ms(csv: &str) -> Option<f64> {
    let mut lines = csv.lines().filter(|line| line.starts_with('"'));
    let column = lines.next()?.split(',').position(|name| name == "\"p50_latency_ms\"")?;
    // The command is the first cell and may have commas.
    let cells: Vec<&str> = lines.next()?.split("\",\"").collect();
    cells.get(column)?.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_median_of_redis_benchmark() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\"\n\
                   \"SET claim:__rand_int__ 1 NX EX 70\",\"100.0\",\"0.3\",\"0.1\",\"0.279\"\n";
        assert_eq!(p50_ms(csv), Some(0.279));
        assert_eq!(p50_ms("WARNING: could not fetch server CONFIG\n"), None);
    }
}
