//! Starting programs, and ending them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Runs a step to its end, its output passed through.
pub(crate) fn step(title: &str, command: &mut Command) -> Result<()> {
    println!("\n── {title}");
    let started = Instant::now();
    let status = command.current_dir(root()).status().with_context(|| format!("{title}: can not start"))?;
    if !status.success() {
        bail!("{title}: {status}");
    }
    println!("── {title}: done in {:.0} s", started.elapsed().as_secs_f32());
    Ok(())
}

/// A server that ends with the test.
pub(crate) struct Server(Child);

impl Server {
    /// Starts `command` and waits until something listens on `address`.
    pub(crate) fn start(name: &str, command: &mut Command, address: SocketAddr) -> Result<Self> {
        let mut server = Self(command.spawn().with_context(|| format!("{name}: can not start"))?);
        let deadline = Instant::now() + Duration::from_secs(20);
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

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended by itself; there is nothing to do then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A loopback address nobody listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
