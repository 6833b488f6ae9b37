//! `cargo xtask fuzz`: every parser of foreign bytes against input that nobody thought of (see `fuzz/README.md`).

mod arguments;
mod build;
mod campaign;
mod minimize;
mod report;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub(crate) use self::arguments::HELP;
use self::arguments::{Arguments, Task};
use crate::run::root;

/// Builds the targets and shares the minutes among them, or does what the arguments ask for instead. An error when
/// anything was found.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let Arguments { task, sanitizer, builds, targets } = Arguments::parse(words, &targets()?)?;
    let programs = if builds { build::build(sanitizer)? } else { build::built()? };
    match task {
        Task::Fuzz { minutes } => {
            let outcomes = campaign::run(&programs, &targets, minutes)?;
            report::print(&programs, &outcomes)
        }
        Task::Minimize => targets.iter().try_for_each(|target| minimize::run(&programs, target)),
    }
}

/// The folder of everything about fuzzing.
fn folder() -> PathBuf {
    root().join("fuzz")
}

/// The names of all targets, in order.
fn targets() -> Result<Vec<String>> {
    let files = files(&folder().join("fuzz_targets"))?;
    let names: Vec<String> =
        files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect();
    if names.is_empty() {
        bail!("fuzz/fuzz_targets is empty");
    }
    Ok(names)
}

/// The files in a folder, in order of their names; none when there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}
