//! The client of a front: curl, with tokens and proofs of `keybound token` and `keybound proof`.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::site::Site;

/// A client that is logged in and knows of the front only.
pub(super) struct Client<'a> {
    site: &'a Site,
    /// `https://localhost:…`, the origin that `htu` has to name.
    pub(super) origin: String,
    /// The access token.
    pub(super) token: String,
}

/// What a client sends.
#[derive(Clone, Copy, Default)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
    pub(super) http2: bool,
}

/// What it gets.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    fields: Vec<(String, String)>,
    pub(super) body: String,
}

/// Without values: one may be a nonce.
impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} with", self.status)?;
        self.fields.iter().try_for_each(|(name, _)| write!(formatter, " {name}"))
    }
}

impl Answer {
    /// All values of a field, named in lower case.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }
}

impl<'a> Client<'a> {
    /// Gets a token for the client itself.
    pub(super) fn login(site: &'a Site) -> Result<Self> {
        let origin = format!("https://localhost:{}", site.front.port());
        let mut client = Self { site, origin, token: String::new() };
        client.keybound(&["login", "--client-credentials"])?;
        client.token = client.keybound(&["token", "--raw"])?;
        Ok(client)
    }

    /// One proof. `url` is absolute, or a path at the front.
    pub(super) fn proof(&self, method: &str, url: &str, nonce: Option<&str>) -> Result<String> {
        let url = if url.starts_with('/') { format!("{}{url}", self.origin) } else { url.to_owned() };
        let mut arguments = vec!["proof"];
        arguments.extend(nonce.iter().flat_map(|nonce| ["--nonce", nonce]));
        arguments.extend([method, &url]);
        self.keybound(&arguments)
    }

    fn keybound(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.site.keybound)
            .args(arguments)
            .current_dir(&self.site.folder)
            .env("ISSUER", &self.site.issuer)
            .env("CLIENT_ID", "kc-admin-client")
            .env("CLIENT_SECRET", "acme-admin-secret")
            .env("STATE_DIR", self.site.folder.join(".state"))
            .env("NO_COLOR", "1")
            .output()?;
        finished("keybound", &output)
    }

    /// Sends a request and reads the answer. The target goes out byte for byte.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<Answer> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--ipv4", "--path-as-is", "--max-time", "20"])
            .args(["--cacert", &self.site.file("fullchain.pem")])
            .arg(if request.http2 { "--http2" } else { "--http1.1" });
        match request.method {
            "HEAD" => curl.arg("--head"),
            method => curl.args(["--request", method]),
        };
        if !request.body.is_empty() {
            curl.args(["--data-binary", "@-"]);
        }
        for (name, value) in request.headers {
            curl.args(["--header", &format!("{name}: {value}")]);
        }
        curl.arg(format!("{}{}", self.origin, request.target));
        let mut process = curl
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("install the distribution's package `curl`")?;
        process.stdin.take().context("input of curl")?.write_all(request.body)?;
        parse(&finished("curl", &process.wait_with_output()?)?)
    }
}

fn finished(name: &str, output: &Output) -> Result<String> {
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}: {}", output.status, error.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Head and body as curl prints them; heads of interim answers are passed over.
fn parse(printed: &str) -> Result<Answer> {
    let (head, body) = printed.split_once("\r\n\r\n").unwrap_or((printed, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("status line")?.parse()?;
    if (100..200).contains(&status) {
        return parse(body);
    }
    let mut fields = Vec::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { bail!("no header field: {line}") };
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Answer { status, fields, body: body.to_owned() })
}
