//! `keybound inspect`: what is in a JWT, a proof or a key. Offline, and never a private part.

mod key;
mod token;

use std::process::ExitCode;

use anyhow::{Context, Result};
use jose::{UnixTime, json};
use owo_colors::OwoColorize;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{clock::now, human_time, input_text::InputText, json_text, output};

/// Decode a JWT, a DPoP proof or a key: claims, times, thumbprint, warnings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  keybound token --raw | keybound inspect
  keybound inspect eyJ0eXAiOiJkcG9wK2p3dCIs…
  keybound inspect @key.jwk
  keybound inspect @.state/dpop-private-key.pem --json

Nothing leaves this machine. No signature is checked but that of a proof, with its own key.
Private parts of keys are left out.

Exit status: 0 decoded, with or without warnings; 1 not readable; 2 wrong usage.")]
pub(crate) struct Args {
    /// The JWT, proof, JWK, JWK set or PEM key; @FILE reads a file, - standard input.
    #[arg(value_name = "TEXT", default_value = "-")]
    text: InputText,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Decoded>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Decoded>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<Key>,
    /// Thumbprint of the key that an access token is bound to: `cnf.jkt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_to: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    times: Vec<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'static str>,
    warnings: Vec<String>,
}

/// A JSON object that came in, without private parts.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Decoded {
    members: Map<String, Value>,
    /// Indented, with members in the order they came in.
    #[serde(skip)]
    text: String,
}

/// A key, its public members only.
#[derive(Debug, Serialize)]
struct Key {
    jwk: Map<String, Value>,
    /// RFC 7638 with SHA-256: the `jkt` of DPoP.
    thumbprint: Option<String>,
}

#[derive(Debug, Serialize)]
struct Time {
    claim: &'static str,
    unix: i64,
    utc: String,
    relative: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let report = inspect(without_field_name(&args.text.read()?), now())?;
    if args.json {
        output::json(&report)?
    } else {
        report.print()?
    }
    Ok(ExitCode::SUCCESS)
}

fn inspect(text: &str, now: UnixTime) -> Result<Report> {
    if text.starts_with("-----BEGIN") {
        key::inspect_pem(text)
    } else if text.starts_with('{') {
        let members = json::parse_object(text.as_bytes(), json::MAX_DEPTH).context("read the JSON")?;
        key::inspect_json(&members)
    } else {
        token::inspect(text, now)
    }
}

/// A pasted header line is as good as its value.
fn without_field_name(text: &str) -> &str {
    let mut rest = text;
    for prefix in ["authorization:", "dpop:", "dpop ", "bearer "] {
        if let Some(start) = rest.get(..prefix.len())
            && start.eq_ignore_ascii_case(prefix)
        {
            rest = rest.get(prefix.len()..).unwrap_or_default().trim_start();
        }
    }
    rest
}

impl Decoded {
    /// Reads an object; says whether private parts were left out.
    fn read(bytes: &[u8], name: &str) -> Result<(Self, bool)> {
        let mut members =
            json::parse_object(bytes, json::MAX_DEPTH).with_context(|| format!("read the {name}"))?;
        let had_private_parts = key::remove_private_parts(&mut members);
        let as_it_came = String::from_utf8_lossy(bytes);
        let text = match json_text::indented(&as_it_came) {
            Some(text) if !had_private_parts => text,
            _ => serde_json::to_string_pretty(&members)?,
        };
        Ok((Self { members, text }, had_private_parts))
    }
}

impl Time {
    fn of(claims: &Map<String, Value>, now: UnixTime) -> Vec<Self> {
        ["auth_time", "iat", "nbf", "exp"]
            .into_iter()
            .filter_map(|claim| {
                let time = UnixTime::from_numeric_date(claims.get(claim)?)?;
                let (utc, relative) = (human_time::utc(time), human_time::relative(time, now));
                Some(Self { claim, unix: time.as_seconds(), utc, relative })
            })
            .collect()
    }
}

impl Report {
    fn print(&self) -> Result<()> {
        output::line(self.kind.bold())?;
        for (name, decoded) in [("header", &self.header), ("claims", &self.claims)] {
            let Some(decoded) = decoded else { continue };
            output::line(format_args!("{name}:"))?;
            output::line(output::harmless(&decoded.text))?;
        }
        for key in &self.keys {
            // The key of a proof was shown with its header.
            if self.header.is_none() {
                output::line(output::harmless(&serde_json::to_string_pretty(&key.jwk)?))?;
            }
            if let Some(thumbprint) = &key.thumbprint {
                output::line(format_args!("thumbprint: {thumbprint}"))?;
            }
        }
        if let Some(jkt) = &self.bound_to {
            output::line(format_args!("bound to key: {jkt}"))?;
        }
        for time in &self.times {
            output::line(format_args!("{:<9}  {} ({})", time.claim, time.utc, time.relative))?;
        }
        if let Some(signature) = self.signature {
            output::line(format_args!("signature: {signature}"))?;
        }
        for warning in &self.warnings {
            output::line(format_args!("{} {}", "warning:".yellow(), output::harmless(warning)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_pasted_header_lines() {
        for line in [
            "a.b.c",
            "DPoP a.b.c",
            "Authorization: DPoP a.b.c",
            "authorization: bearer  a.b.c",
            "DPoP: a.b.c",
        ] {
            assert_eq!(without_field_name(line), "a.b.c", "{line}");
        }
    }
}
