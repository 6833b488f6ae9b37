//! Runs the targets, as many at a time as there are cores.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

use super::build::Programs;
use super::{files, folder};

/// Longer inputs find nothing that shorter ones do not, and are slow.
const MAX_BYTES: usize = 4096;
/// An input that takes more seconds is a find.
const SLOW_SECONDS: u32 = 10;
/// An input that takes more memory is one, too.
const MAX_MEGABYTES: u32 = 2048;

/// How a target's run ended.
pub(super) struct Outcome {
    pub(super) target: String,
    /// What the program said.
    pub(super) log: PathBuf,
    /// Inputs that it wrote because they fail.
    pub(super) finds: Vec<PathBuf>,
    pub(super) succeeded: bool,
}

/// Fuzzes each target for its share of the minutes.
pub(super) fn run(programs: &Programs, targets: &[String], minutes: u64) -> Result<Vec<Outcome>> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(targets.len());
    // The last round may have idle workers: the minutes are a limit.
    let seconds = (minutes * 60 / targets.len().div_ceil(workers) as u64).max(1);
    println!("\n── {} targets, {workers} at a time, {seconds} s for each", targets.len());
    let queue: Mutex<VecDeque<&String>> = Mutex::new(targets.iter().collect());
    let outcomes = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(target) = next() {
                    let outcome = fuzz(programs, target, seconds);
                    let says = match &outcome {
                        Ok(outcome) if outcome.succeeded => "nothing found",
                        Ok(_) => "FOUND SOMETHING",
                        Err(_) => "can not run",
                    };
                    println!("── {target}: {says}");
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut outcomes = outcomes.into_iter().collect::<Result<Vec<Outcome>>>()?;
    outcomes.sort_by(|one, other| one.target.cmp(&other.target));
    Ok(outcomes)
}

fn fuzz(programs: &Programs, target: &str, seconds: u64) -> Result<Outcome> {
    let (grown, corpus) = (folder().join("grown").join(target), folder().join("corpus").join(target));
    let artifacts = folder().join("artifacts").join(target);
    for folder in [&grown, &artifacts] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let log = folder().join("target").join(format!("{target}.log"));
    let known = files(&artifacts)?;
    // New inputs go to the first folder; the committed ones in the second stay as they are.
    let status = Command::new(programs.of(target))
        .args([&grown, &corpus])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={MAX_BYTES}"))
        .arg(format!("-timeout={SLOW_SECONDS}"))
        .arg(format!("-rss_limit_mb={MAX_MEGABYTES}"))
        .args(dictionary(target))
        .arg("-print_final_stats=1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).with_context(|| log.display().to_string())?)
        .status()
        .with_context(|| format!("{target}: can not start"))?;
    let finds = files(&artifacts)?.into_iter().filter(|file| !known.contains(file)).collect();
    Ok(Outcome { target: target.to_owned(), log, finds, succeeded: status.success() })
}

/// Words of the language, for the targets whose input has some.
fn dictionary(target: &str) -> Option<String> {
    let words = folder().join("dictionaries").join(target);
    words.is_file().then(|| format!("-dict={}", words.display()))
}
