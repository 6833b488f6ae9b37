//! Takes the inputs of earlier runs that reach new code into the committed corpus: small ones, and few.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::build::Programs;
use super::{files, folder};

/// The most inputs without a name of a target.
const MOST: usize = 24;
/// The longest such input in bytes.
const LONGEST: u64 = 700;

/// Chooses anew among what was grown and what was chosen before. Cases with a name stay.
pub(super) fn run(programs: &Programs, target: &str) -> Result<()> {
    let (corpus, grown) = (folder().join("corpus").join(target), folder().join("grown").join(target));
    fs::create_dir_all(&grown)?;
    for file in files(&corpus)?.iter().filter(|file| !has_name(file)) {
        let name = file.file_name().context("a file has a name")?;
        fs::rename(file, grown.join(name))?;
    }
    let chosen = folder().join("target/chosen").join(target);
    if chosen.is_dir() {
        fs::remove_dir_all(&chosen)?;
    }
    fs::create_dir_all(&chosen)?;
    let named = files(&corpus)?;
    for file in &named {
        fs::copy(file, chosen.join(file.file_name().context("a file has a name")?))?;
    }
    // Edges only: how often each is passed multiplies the inputs.
    let status = Command::new(programs.of(target))
        .args(["-merge=1", "-use_counters=0"])
        .arg(format!("-max_len={LONGEST}"))
        .args([&chosen, &grown])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("{target}: can not start"))?;
    if !status.success() {
        bail!("{target}: merging ended with {status}");
    }
    let mut new: Vec<_> = files(&chosen)?.into_iter().filter(|file| !has_name(file)).collect();
    let reached = new.len();
    new.sort_by_key(|file| fs::metadata(file).map_or(u64::MAX, |metadata| metadata.len()));
    // Longer inputs reach more at once.
    for file in new.iter().rev().take(MOST) {
        fs::copy(file, corpus.join(file.file_name().context("a file has a name")?))?;
    }
    println!("── {target}: {} cases with a name, {} of {reached} others", named.len(), reached.min(MOST));
    Ok(())
}

/// The fuzzer calls its inputs by 40 hexadecimal digits.
fn has_name(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    !(name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_names_from_digests() {
        assert!(has_name(Path::new("corpus/htu/vector-01")));
        assert!(!has_name(Path::new("corpus/htu/da39a3ee5e6b4b0d3255bfef95601890afd80709")));
    }
}
