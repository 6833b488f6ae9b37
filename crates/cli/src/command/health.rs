//! `keybound health`: does a gateway live, and does it take requests?

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use dpop_client::{HttpClient, HyperClient, PlainHttp};
use http::Request;
use serde_json::{Value, json};

use crate::output;

/// Nobody waits longer for a sign of life.
const TIMEOUT: Duration = Duration::from_secs(5);
/// No answer about health is larger.
const MAX_BYTES: usize = 64 * 1024;

/// Ask the management port of a running gateway whether it lives.
///
/// It asks `/.well-known/health`, which answers while the process does, or with --ready `/.well-known/ready`, which answers
/// only while requests may come: the probes of a container.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound health
  keybound health --ready -e http://127.0.0.1:4457
  keybound health -e https://gateway.internal:4457 -o json

Exit status: 0 healthy, 1 not healthy or no answer within 5 seconds, 2 wrong usage.")]
pub(crate) struct Args {
    /// The management port.
    #[arg(long, short, value_name = "URL", default_value = "http://127.0.0.1:4457")]
    endpoint: String,
    /// Ask whether requests may come, not only whether the process lives.
    #[arg(long)]
    ready: bool,
    /// Form of the answer.
    #[arg(long, short, value_name = "FORM", value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Text,
    Json,
    Yaml,
}

pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let path = if args.ready { "ready" } else { "health" };
    let url = format!("{}/.well-known/{path}", args.endpoint.trim_end_matches('/'));
    let (status, answer) = match ask(&url).await.with_context(|| format!("ask {url}")) {
        Ok(answered) => answered,
        Err(error) => {
            // Container runtimes know 0 and 1 only, whatever the cause.
            output::report(&error);
            return Ok(ExitCode::FAILURE);
        }
    };
    let is_good = status.is_success();
    match args.output {
        Form::Json => output::json(&answer)?,
        Form::Yaml => yaml(&answer)?,
        Form::Text if is_good => output::line("ok")?,
        Form::Text => output::line(refusal(status, &answer))?,
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The status and the answer, which is a JSON object.
async fn ask(url: &str) -> Result<(http::StatusCode, Value)> {
    // A probe carries nothing that could be read on the way.
    let client = HyperClient::new(PlainHttp::Everywhere)?.with_limits(TIMEOUT, MAX_BYTES);
    let response = client.send(Request::get(url).body(Bytes::new()).context("read the URL")?).await?;
    let status = response.status();
    let answer: Value = serde_json::from_slice(response.body()).unwrap_or_else(|_| json!({}));
    ensure!(
        answer.get("status").is_some_and(Value::is_string),
        "the answer ({status}) is not that of a gateway's management port"
    );
    Ok((status, answer))
}

fn refusal(status: http::StatusCode, answer: &Value) -> String {
    let word = answer.get("status").and_then(Value::as_str).unwrap_or_default();
    let missing = answer.get("missing").and_then(Value::as_array).into_iter().flatten();
    let missing: Vec<&str> = missing.filter_map(Value::as_str).collect();
    let missing =
        if missing.is_empty() { String::new() } else { format!(": missing {}", missing.join(", ")) };
    output::harmless(&format!("{word} ({}){missing}", status.as_u16()))
}

/// A flat object, one member a line; JSON values are YAML.
fn yaml(answer: &Value) -> Result<()> {
    for (key, value) in answer.as_object().into_iter().flatten() {
        let value = match value.as_str() {
            Some(word) if word.bytes().all(|byte| byte.is_ascii_lowercase()) => word.to_owned(),
            Some(_) | None => value.to_string(),
        };
        output::line(output::harmless(&format!("{key}: {value}")))?;
    }
    Ok(())
}
