//! `redis-server` processes that belong to one test.

#![expect(clippy::unwrap_used, reason = "a test that can not be set up fails")]

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to do what it was asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; it ends with the value.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    folder: TempDir,
}

/// Is the program there? Says by name which test is skipped if not. Where nothing may be skipped, that is a failure.
pub(crate) fn installed(test: &str) -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(std::env::var_os("KEYBOUND_SKIP_NOTHING").is_none(), "redis-server is not installed");
    // Past the test runner, which shows the output of failures only.
    let _ = writeln!(std::io::stderr(), "skipped: {test} (redis-server is not installed)");
    false
}

/// A port that was free a moment ago, below those that outgoing connections get.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run side by side start in different places.
    let first = 10_000 + u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        // A cluster node takes the port 10,000 above its own as well.
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}

impl Server {
    /// Starts a server with these further settings, as they stand in `redis.conf`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_on(free_port(), settings, &[])
    }

    /// The same, as `redis-server FILE ARGUMENTS`.
    pub(crate) fn start_on(port: u16, settings: &[&str], arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("redis.conf");
        let folder_name = folder.path().display();
        let port_line = if settings.iter().any(|line| line.starts_with("tls-port")) {
            "port 0".to_owned()
        } else {
            format!("port {port}")
        };
        let lines = format!(
            "bind 127.0.0.1\n{port_line}\ndir {folder_name}\nlogfile {folder_name}/log\nsave \"\"\ndaemonize no\n{}\n",
            settings.join("\n")
        );
        fs::write(&file, lines).unwrap();
        let process =
            Command::new("redis-server").arg(&file).args(arguments).stdout(Stdio::null()).spawn().unwrap();
        let mut server = Self { process, port, folder };
        server.wait_until_it_listens();
        server
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Runs `redis-cli` against the server and returns what it prints.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let output =
            Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn wait_until_it_listens(&mut self) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        wait_until("the server listens", || {
            assert!(self.process.try_wait().unwrap().is_none(), "redis-server ended: {}", self.log());
            TcpStream::connect(address).is_ok()
        });
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks again until it is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        #[expect(clippy::disallowed_methods, reason = "another process has to get on")]
        std::thread::sleep(Duration::from_millis(20));
    }
}
