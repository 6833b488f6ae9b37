//! Printing the answer: as the guide does, as curl does, or as JSON.

use std::{
    fs::File,
    io::{IsTerminal, Write},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result};
use dpop_client::ResponseStream;
use http::{HeaderMap, Response, StatusCode, header::CONTENT_TYPE, header::WWW_AUTHENTICATE};
use owo_colors::OwoColorize;
use serde_json::{Map, Value, json};

use super::Args;
use crate::{json_text, output};

/// Longest answer that is held to be indented, in bytes; all else is passed on as it comes.
const MAX_HELD_BYTES: usize = 1024 * 1024;

/// How long a server may be silent in the middle of an answer that is not an event stream.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to print.
pub(super) enum Show<'a> {
    /// The guide's lines, with JSON indented.
    Plain,
    /// Head and body as they came.
    Whole,
    /// The guide's lines, and the body in a file; the head as it came, if wanted.
    File(&'a Path, bool),
    Json,
}

impl<'a> Show<'a> {
    pub(super) fn of(args: &'a Args) -> Self {
        match &args.output {
            Some(file) => Self::File(file, args.include),
            None if args.include => Self::Whole,
            None if args.json => Self::Json,
            None => Self::Plain,
        }
    }

    pub(super) async fn print(&self, response: Response<ResponseStream>) -> Result<()> {
        let (head, body) = response.into_parts();
        let mut body = Body { stream: body, patience: patience(&head.headers) };
        match self {
            Self::Plain => {
                print_status(head.status, &head.headers)?;
                match is_stream(&head.headers) {
                    true => body.pass_on(&mut Output::standard()).await,
                    false => body.print_indented().await,
                }
            }
            Self::Whole => {
                print_head(head.version, head.status, &head.headers)?;
                body.pass_on(&mut Output::standard()).await
            }
            Self::File(path, with_head) => {
                match with_head {
                    true => print_head(head.version, head.status, &head.headers)?,
                    false => print_status(head.status, &head.headers)?,
                }
                let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
                body.pass_on(&mut Output { to: Box::new(file), is_terminal: false }).await
            }
            Self::Json => {
                let bytes = body.whole().await?;
                output::json(&as_json(head.status, &head.headers, &bytes))
            }
        }
    }
}

/// Event streams are silent for as long as nothing happens.
fn patience(headers: &HeaderMap) -> Option<Duration> {
    (!media_type(headers).starts_with("text/event-stream")).then_some(PATIENCE)
}

/// What people want to see while it comes.
fn is_stream(headers: &HeaderMap) -> bool {
    let media_type = media_type(headers);
    media_type.starts_with("text/event-stream") || media_type.starts_with("application/x-ndjson")
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_ascii_lowercase()
}

struct Body {
    stream: ResponseStream,
    patience: Option<Duration>,
}

struct Output {
    to: Box<dyn Write>,
    is_terminal: bool,
}

impl Output {
    fn standard() -> Self {
        let stdout = std::io::stdout();
        let is_terminal = stdout.is_terminal();
        Self { to: Box::new(stdout), is_terminal }
    }

    /// At once. A terminal gets no control sequences of a server.
    fn write(&mut self, piece: &[u8]) -> Result<()> {
        let written = match self.is_terminal {
            true => self.to.write_all(output::harmless(&String::from_utf8_lossy(piece)).as_bytes()),
            false => self.to.write_all(piece),
        };
        written.and_then(|()| self.to.flush()).context("write the answer")
    }
}

impl Body {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>> {
        self.stream.next(self.patience).await.context("read the answer")
    }

    async fn pass_on(&mut self, output: &mut Output) -> Result<()> {
        while let Some(piece) = self.next().await? {
            output.write(&piece)?;
        }
        Ok(())
    }

    async fn whole(&mut self) -> Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    async fn print_indented(&mut self) -> Result<()> {
        let mut held = Vec::new();
        while let Some(piece) = self.next().await? {
            held.extend_from_slice(&piece);
            if held.len() > MAX_HELD_BYTES {
                let mut output = Output::standard();
                output.write(&held)?;
                return self.pass_on(&mut output).await;
            }
        }
        let text = String::from_utf8_lossy(&held);
        output::line(output::harmless(&json_text::indented(&text).unwrap_or_else(|| text.into_owned())))
    }
}

fn print_status(status: StatusCode, headers: &HeaderMap) -> Result<()> {
    let code = status.as_u16();
    let coloured = if code < 400 { code.green().to_string() } else { code.red().to_string() };
    output::line(format_args!("HTTP {coloured}"))?;
    for (name, shown) in [(WWW_AUTHENTICATE, "WWW-Authenticate"), (dpop::DPOP_NONCE, "DPoP-Nonce")] {
        for value in headers.get_all(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            output::line(format_args!("{shown}: {}", output::harmless(&value)))?;
        }
    }
    Ok(())
}

fn print_head(version: http::Version, status: StatusCode, headers: &HeaderMap) -> Result<()> {
    output::line(format_args!("{version:?} {status}"))?;
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        output::line(format_args!("{name}: {}", output::harmless(&value)))?;
    }
    output::line("")
}

fn as_json(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Value {
    let mut shown = Map::new();
    for name in headers.keys() {
        let values: Vec<Value> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned().into())
            .collect();
        shown.insert(name.to_string(), Value::Array(values));
    }
    let body = serde_json::from_slice(body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
    json!({ "status": status.as_u16(), "headers": shown, "body": body })
}
