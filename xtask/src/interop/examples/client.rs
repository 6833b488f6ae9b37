//! The foreign clients. Each is a script that makes the same calls and prints a line for each.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Site;
use super::program::{Beside, Example};
use crate::interop::{node, python};

/// A client.
pub(super) struct Client {
    /// Its name.
    pub(super) name: &'static str,
    /// The program and its first arguments, and where it is run.
    command: fn() -> Result<(PathBuf, &'static str, PathBuf)>,
}

/// What the servers answered to a client, by step.
pub(super) type Answers = BTreeMap<String, String>;

/// All of them.
pub(super) const CLIENTS: [Client; 3] = [
    Client {
        name: "oauth4webapi",
        command: || Ok(("node".into(), "call-an-example.mjs", node::install("interop/oauth4webapi")?)),
    },
    Client {
        name: "dpop",
        command: || Ok(("node".into(), "call-an-example.mjs", node::install("interop/dpop")?)),
    },
    Client {
        name: "requests-oauth2client",
        command: || {
            let (python, folder) = python::install("interop/requests-oauth2client")?;
            Ok((python, "call_an_example.py", folder))
        },
    },
];

impl Client {
    /// Makes all calls that the example understands.
    pub(super) fn run(&self, example: &Example, site: &Site) -> Result<Answers> {
        let (program, script, folder) = (self.command)()?;
        let mut command = Command::new(program);
        command
            .args([script, &site.issuer, "service", "service-secret"])
            .arg(format!("{}{}", site.public_origin, example.path))
            .envs(example.scope.map(|scope| ("SCOPE", scope)))
            .envs(example.notices_revocation.then_some(("REVOKE", "yes")))
            .current_dir(folder);
        match example.beside {
            Beside::Nothing => {}
            Beside::Nginx => {
                let certificate = site.folder.join("localhost.pem");
                command.env("NODE_EXTRA_CA_CERTS", &certificate).env("REQUESTS_CA_BUNDLE", &certificate);
            }
            Beside::Redis => {
                command.env("OTHER_NODE", format!("http://{}{}", site.other_node, example.path));
            }
        }
        let output = command.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        let printed = String::from_utf8_lossy(&output.stdout);
        let answer = |line: &str| {
            let (step, answers) = line.split_once(": ").with_context(|| format!("no step: {line}"))?;
            Ok((step.to_owned(), answers.to_owned()))
        };
        printed.lines().map(answer).collect()
    }
}
