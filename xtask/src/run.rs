//! Starting programs, and ending them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where Cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program that was built, by its place below [`target`].
pub(crate) fn built(program: &str) -> Result<PathBuf> {
    target().join(program).canonicalize().with_context(|| program.to_owned())
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a step to its end, its output passed through.
pub(crate) fn step(title: &str, command: &mut Command) -> Result<()> {
    println!("\n── {title}");
    let started = Instant::now();
    let status = command.current_dir(root()).status().with_context(|| format!("{title}: can not start"))?;
    if !status.success() {
        bail!("{title}: {status}");
    }
    let left = disk_left().map(|bytes| format!(", {:.1} GiB of disk left", bytes / f64::from(1 << 30)));
    println!("── {title}: done in {:.0} s{}", started.elapsed().as_secs_f32(), left.unwrap_or_default());
    Ok(())
}

/// Bytes that are free where Cargo builds; nothing where `df` does not tell.
fn disk_left() -> Option<f64> {
    let output = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(target()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.lines().nth(1)?.trim().parse().ok()
}

/// A server that ends with the test, with all processes it started.
pub(crate) struct Server(Child);

impl Server {
    /// Starts `command` and waits until something listens on `address`.
    pub(crate) fn start(name: &str, command: &mut Command, address: SocketAddr) -> Result<Self> {
        Self::start_within(name, command, address, Duration::from_secs(20))
    }

    /// As [`Server::start`], for programs that take longer.
    pub(crate) fn start_within(
        name: &str,
        command: &mut Command,
        address: SocketAddr,
        patience: Duration,
    ) -> Result<Self> {
        // A group of its own: what a start script leaves running ends with it.
        let mut server =
            Self(command.process_group(0).spawn().with_context(|| format!("{name}: can not start"))?);
        let deadline = Instant::now() + patience;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.0.try_wait()? {
                bail!("{name}: ended at once, {status}");
            }
            if Instant::now() > deadline {
                bail!("{name}: nothing listens on {address}");
            }
            #[expect(clippy::disallowed_methods, reason = "waits for another process to listen")]
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }
}

impl Server {
    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The processes may have ended by themselves; there is nothing to do then.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

/// A loopback address nobody listens on at the moment, and that no outgoing connection will take before it is used: from
/// below the range that Linux chooses source ports from (32768 and up).
pub(crate) fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..RANGE {
        // Runs side by side begin at different places.
        let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(97));
        let port = FIRST_PORT + u16::try_from(step % u32::from(RANGE))?;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return Ok(listener.local_addr()?);
        }
    }
    bail!("no free port from {FIRST_PORT} on")
}

const FIRST_PORT: u16 = 20_000;
const RANGE: u16 = 12_000;
