//! The program under test, with a state folder of its own and an empty environment.

use std::{path::PathBuf, process::Stdio, time::Duration};

use bytes::Bytes;
use dpop_client::{HttpClient, HyperClient, PlainHttp, form};
use http::Request;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

use crate::fake_servers::FakeServers;

/// Nothing here takes long; a hanging program must not hang the tests.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    folder: tempfile::TempDir,
}

pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn command(&self, arguments: &[&str], environment: &[(String, String)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keybound"));
        command
            .args(arguments)
            .env_clear()
            .env("STATE_DIR", self.state_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, value) in environment {
            // An empty value takes a variable away.
            match value.as_str() {
                "" => command.env_remove(name),
                value => command.env(name, value),
            };
        }
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str], environment: &[(String, String)]) -> Finished {
        let output = self.command(arguments, environment).output();
        let output = tokio::time::timeout(TIMEOUT, output).await.expect("the program ends").unwrap();
        Finished {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a server until it prints a line that contains `wanted`, does `then` with the line, and stops it by
    /// SIGTERM.
    pub(crate) async fn run_until<F: Future<Output = ()>>(
        &self,
        arguments: &[&str],
        wanted: &str,
        then: impl FnOnce(String) -> F,
    ) -> Finished {
        let mut child = self.command(arguments, &[]).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut stdout = String::new();
        let whole = async {
            while !stdout.lines().any(|line| line.contains(wanted)) {
                assert_ne!(output.read_line(&mut stdout).await.unwrap(), 0, "{stdout}");
            }
            then(stdout.lines().find(|line| line.contains(wanted)).unwrap().to_owned()).await;
            let process = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
            rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
            output.read_to_string(&mut stdout).await.unwrap();
            child.wait_with_output().await.unwrap()
        };
        let output = tokio::time::timeout(TIMEOUT, whole).await.expect("the server stops");
        let stderr = String::from_utf8(output.stderr).unwrap();
        Finished { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// Runs a command, does `then` with the first line that contains `wanted`, and lets the command end by itself.
    pub(crate) async fn run_with_line<F: Future<Output = ()>>(
        &self,
        arguments: &[&str],
        environment: &[(String, String)],
        wanted: &str,
        then: impl FnOnce(String) -> F,
    ) -> Finished {
        let mut child = self.command(arguments, environment).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut stdout = String::new();
        let whole = async {
            while !stdout.lines().any(|line| line.contains(wanted)) {
                if output.read_line(&mut stdout).await.unwrap() == 0 {
                    break;
                }
            }
            if let Some(line) = stdout.lines().find(|line| line.contains(wanted)) {
                then(line.to_owned()).await;
            }
            output.read_to_string(&mut stdout).await.unwrap();
            child.wait_with_output().await.unwrap()
        };
        let output = tokio::time::timeout(TIMEOUT, whole).await.expect("the command ends");
        let stderr = String::from_utf8(output.stderr).unwrap();
        Finished { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// Logs in as a browser would; `extra` is added to the redirect.
    pub(crate) async fn log_in(
        &self,
        servers: &FakeServers,
        arguments: &[&str],
        environment: &[(String, String)],
        extra: &str,
    ) -> Finished {
        let code = servers.code();
        self.log_in_with(arguments, environment, |state| format!("code={code}&state={state}{extra}")).await
    }

    /// Runs a login and comes back to its callback with the query that `answer` makes from the state.
    pub(crate) async fn log_in_with(
        &self,
        arguments: &[&str],
        environment: &[(String, String)],
        answer: impl FnOnce(String) -> String,
    ) -> Finished {
        let mut child = self.command(arguments, environment).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut errors = child.stderr.take().unwrap();
        let mut stdout = String::new();
        let whole = async {
            while !stdout.contains("Waiting for redirect") {
                if output.read_line(&mut stdout).await.unwrap() == 0 {
                    break;
                }
            }
            if let Some(url) = stdout.lines().find(|line| line.contains("/auth?")) {
                let parameters = form::decode(url.split_once('?').unwrap().1);
                let of = |name: &str| {
                    let found = parameters.iter().find(|(key, _)| key == name);
                    found.map(|(_, value)| value.clone()).unwrap()
                };
                assert_eq!(of("code_challenge_method"), "S256");
                assert_eq!(of("dpop_jkt").len(), 43);
                visit(&format!("{}?{}", of("redirect_uri"), answer(of("state")))).await;
            }
            output.read_to_string(&mut stdout).await.unwrap();
            let mut stderr = String::new();
            errors.read_to_string(&mut stderr).await.unwrap();
            let code = child.wait().await.unwrap().code().unwrap();
            (code, stderr)
        };
        let (code, stderr) = tokio::time::timeout(TIMEOUT, whole).await.expect("the login ends");
        Finished { code, stdout, stderr }
    }
}

/// What a browser does before and at the redirect.
async fn visit(callback: &str) {
    let browser = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
    let favicon = callback.split_once("/callback").unwrap().0.to_owned() + "/favicon.ico";
    let get = |url: &str| browser.send(Request::get(url).body(Bytes::new()).unwrap());
    assert_eq!(get(&favicon).await.unwrap().status(), 404);
    let page = get(callback).await.unwrap();
    let text = String::from_utf8(page.body().to_vec()).unwrap();
    assert!(text.contains("You can close this tab"), "{text}");
}

/// The answer to a form.
pub(crate) async fn post(url: &str, form: &str) -> String {
    let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
    let request = Request::post(url).header("content-type", "application/x-www-form-urlencoded");
    let response = client.send(request.body(Bytes::from(form.to_owned())).unwrap()).await.unwrap();
    String::from_utf8(response.body().to_vec()).unwrap()
}

/// The body behind a URL.
pub(crate) async fn get(url: &str) -> String {
    let client = HyperClient::new(PlainHttp::LoopbackOnly).unwrap();
    let response = client.send(Request::get(url).body(Bytes::new()).unwrap()).await.unwrap();
    String::from_utf8(response.body().to_vec()).unwrap()
}
