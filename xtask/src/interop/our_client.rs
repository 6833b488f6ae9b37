//! Our command line as a client: runs commands in a folder of their own and looks at what they print.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// A client with its state.
pub(super) struct OurClient<'a> {
    keybound: &'a Path,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl<'a> OurClient<'a> {
    /// A client that has nothing yet.
    pub(super) fn new(keybound: &'a Path, folder: PathBuf) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(Self { keybound, folder, environment: Vec::new() })
    }

    /// Says something once, in the environment.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.keybound);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("STATE_DIR", self.folder.join("state"))
            .env("KEYBOUND_CONFIG", self.folder.join("config.toml"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that must end with `status` and print all of `texts`.
    pub(super) fn expect(&self, arguments: &[&str], status: i32, texts: &[&str]) -> Result<String> {
        let output = self.command(arguments).output()?;
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        check(arguments, output.status, status, &format!("{stdout}{stderr}"), texts)?;
        Ok(stdout.into_owned())
    }

    /// Runs a login, does `visit` with the first printed line that starts with `prefix`, and waits for the end.
    pub(super) fn log_in(
        &self,
        arguments: &[&str],
        prefix: &str,
        visit: impl FnOnce(&str) -> Result<()>,
    ) -> Result<()> {
        let mut login = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(login.stdout.take().context("output of login")?);
        let mut printed = String::new();
        let line = loop {
            let mut line = String::new();
            if output.read_line(&mut line)? == 0 {
                let mut errors = String::new();
                login.stderr.take().context("errors of login")?.read_to_string(&mut errors)?;
                bail!("login printed no line with `{prefix}`: {printed}{errors}");
            }
            printed.push_str(&line);
            if line.starts_with(prefix) {
                break line;
            }
        };
        if let Err(error) = visit(line.trim()) {
            // The client waits for minutes: end it.
            login.kill()?;
            return Err(error);
        }
        output.read_to_string(&mut printed)?;
        let output = login.wait_with_output()?;
        printed.push_str(&String::from_utf8_lossy(&output.stderr));
        check(arguments, output.status, 0, &printed, &["token_type: DPoP"])
    }
}

fn check(arguments: &[&str], ended: ExitStatus, status: i32, printed: &str, texts: &[&str]) -> Result<()> {
    ensure!(ended.code() == Some(status), "{}: {ended}: {printed}", arguments.join(" "));
    for text in texts {
        ensure!(printed.contains(text), "{}: no `{text}` in: {printed}", arguments.join(" "));
    }
    Ok(())
}
