//! The other verifiers: one Node process and one Python process, each with two. They read requests as JSON lines and
//! answer each with a line of verdicts.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::Case;
use crate::world::World;

/// What the others say about one request: an empty text is a good word, any other the reason against it. Whoever has no
/// opinion is not in it.
pub(crate) type Verdicts = BTreeMap<String, String>;

/// Asks all of them about all requests.
pub(crate) fn judge(world: &World, cases: &[Case<'_>], node: &Path, python: &Path) -> Result<Vec<Verdicts>> {
    let mut input = format!("{}\n", world.described());
    for case in cases {
        let request = &case.request;
        let line = json!({
            "method": request.method,
            "url": request.url,
            "authorization": request.authorization,
            "proofs": request.proofs,
            "nonce": request.nonce,
            "concerns_token": case.class.concerns_token,
        });
        input.push_str(&line.to_string());
        input.push('\n');
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut commands = [
        ("Node", Command::new("node"), ["--no-warnings".into(), node.join("verdicts.mjs")]),
        ("Python", Command::new(python), ["-Wignore".into(), scripts.join("python/verdicts.py")]),
    ];
    let answers: Vec<Result<Vec<Verdicts>>> = thread::scope(|scope| {
        let running: Vec<_> = commands
            .iter_mut()
            .map(|(name, command, words)| {
                let input = &input;
                scope.spawn(move || ask(command.args(words), input).context(*name))
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("the thread that asks has ended")))
            .collect()
    });
    let mut all = vec![Verdicts::new(); cases.len()];
    for answers in answers {
        let answers = answers?;
        ensure!(answers.len() == cases.len(), "{} answers to {} requests", answers.len(), cases.len());
        for (verdicts, answer) in all.iter_mut().zip(answers) {
            verdicts.extend(answer);
        }
    }
    Ok(all)
}

fn ask(command: &mut Command, input: &str) -> Result<Vec<Verdicts>> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("can not start")?;
    let (mut stdin, stdout) = child.stdin.take().zip(child.stdout.take()).context("pipes")?;
    let answers = thread::scope(|scope| {
        // A process that ends early says why on its standard error; its answers are too few.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        BufReader::new(stdout).lines().map(|line| read(&line?)).collect()
    });
    let status = child.wait()?;
    ensure!(status.success(), "ended with {status}");
    answers
}

fn read(line: &str) -> Result<Verdicts> {
    let Value::Object(members) = serde_json::from_str(line).context("an answer is no JSON")? else {
        bail!("an answer is no object")
    };
    members
        .into_iter()
        .filter(|(_, verdict)| !verdict.is_null())
        .map(|(name, verdict)| Ok((name, verdict.as_str().context("a verdict is no text")?.to_owned())))
        .collect()
}
