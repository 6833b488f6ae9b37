//! `keybound serve proxy` as a process: its ports, its log, its memory, and how it ends.

use std::{
    fs,
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// How long anything may take that has to come at some time on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Memory above the level before a fault that counts as that level: the allocator keeps some pages of what was freed,
/// and tables that grew stay as large as they were. A body, a key set or connections that were not let go would be more.
const ALLOWANCE: u64 = 10 << 20;

/// The name of the configuration in the folder.
const CONFIGURATION: &str = "keybound.yaml";

/// A running gateway; it ends with the value.
pub struct GatewayProcess {
    pub folder: TempDir,
    pub address: SocketAddr,
    pub management: SocketAddr,
    child: Child,
    log: Log,
}

/// The memory up to which it counts as the same level.
pub fn level_of(bytes: u64) -> u64 {
    bytes + (bytes / 5).max(ALLOWANCE)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn follow(&self, output: impl AsyncRead + Unpin + Send + 'static) {
        let log = self.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                log.0.lock().unwrap().push_str(&(line + "\n"));
            }
        });
    }
}

/// Asks until it is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

impl GatewayProcess {
    /// Starts with the configuration, which says port 0, and what is in the folder. `/etc/heimdall` in the text is the
    /// folder.
    pub async fn start(folder: TempDir, configuration: &str) -> Self {
        let path = folder.path().join(CONFIGURATION);
        fs::write(&path, configuration.replace("/etc/heimdall", folder.path().to_str().unwrap())).unwrap();
        Self::start_in(folder).await
    }

    /// Starts with what is in the folder already.
    pub async fn start_in(folder: TempDir) -> Self {
        let path = folder.path().join(CONFIGURATION);
        let mut child = Command::new(env!("CARGO_BIN_EXE_keybound"))
            .args(["serve", "proxy", "--insecure", "-c"])
            .arg(&path)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Log::default();
        log.follow(child.stderr.take().unwrap());
        log.follow(child.stdout.take().unwrap());
        // Other lines name addresses as well, and may come first.
        let started = || {
            let text = log.text();
            text.lines().find(|line| line.contains("msg=\"Started\"")).map(str::to_owned)
        };
        let start = Instant::now();
        let line = loop {
            if let Some(line) = started() {
                break line;
            }
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "not started: {}", log.text());
            sleep(Duration::from_millis(10)).await;
        };
        let port = |name: &str| line.split(name).nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        Self { folder, address: port(" address="), management: port(" management="), child, log }
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// How many of its lines hold a text.
    pub fn lines_with(&self, text: &str) -> usize {
        self.log.text().lines().filter(|line| line.contains(text)).count()
    }

    /// The memory of the process that is not swapped out, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most that it had.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// The memory comes back to the level that it had before a fault: the allocator gives pages back while it works, so
    /// something is done meanwhile.
    pub async fn memory_is_back(&self, before: u64, fault: &str, mut work: impl AsyncFnMut()) {
        let level = level_of(before);
        let what = format!("memory comes back after {fault} to less than {} MB", level >> 20);
        eventually(&what, async || {
            work().await;
            self.resident_bytes() <= level
        })
        .await;
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let process = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(process, Signal::TERM).unwrap();
    }

    /// Waits for the end; the exit status, the log, and the folder it was started in.
    pub async fn ended(mut self) -> (Option<i32>, String, TempDir) {
        let status = timeout(PATIENCE + PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        (status.code(), self.log.text(), self.folder)
    }
}
