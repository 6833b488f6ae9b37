//! What the command line asks for.

use anyhow::{Context, Result, bail};

pub(crate) const HELP: &str = "\
Fuzzes every parser of foreign bytes.

Usage: cargo xtask fuzz [OPTION…] [TARGET…]

  --minutes N         share N minutes among the targets, as many at a time as there are cores (default: 10)
  --minimize          fuzz nothing: take into fuzz/corpus, of what earlier runs left, the inputs that reach new code
  --no-build          run what an earlier run built, whatever changed since
  --sanitizer NAME    none (default), or address: slower, and needs the nightly toolchain
  -h, --help          this text

Without TARGET all of fuzz/fuzz_targets. The first run builds everything once, which takes some minutes. Finds are
written to fuzz/artifacts, and the exit status is 1.";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    Fuzz { minutes: u64 },
    Minimize,
}

/// What watches memory while targets run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sanitizer {
    /// Nothing: `unsafe` is forbidden in every crate here. The toolchain is the one that ships.
    None,
    /// AddressSanitizer, for the sake of the libraries below.
    Address,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) task: Task,
    pub(super) sanitizer: Sanitizer,
    /// Whether the targets are built anew.
    pub(super) builds: bool,
    pub(super) targets: Vec<String>,
}

impl Arguments {
    /// Reads the words behind `cargo xtask fuzz`. No target named means `all`.
    pub(super) fn parse(words: &[String], all: &[String]) -> Result<Self> {
        let mut arguments = Self {
            task: Task::Fuzz { minutes: 10 },
            sanitizer: Sanitizer::None,
            builds: true,
            targets: Vec::new(),
        };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--minimize" => arguments.task = Task::Minimize,
                "--no-build" => arguments.builds = false,
                "--minutes" => {
                    let minutes = words.next().and_then(|number| number.parse().ok());
                    let minutes = minutes.filter(|minutes| *minutes > 0);
                    arguments.task = Task::Fuzz { minutes: minutes.context("--minutes needs a number")? };
                }
                "--sanitizer" => {
                    arguments.sanitizer = match words.next() {
                        Some("none") => Sanitizer::None,
                        Some("address") => Sanitizer::Address,
                        _ => bail!("--sanitizer is none or address"),
                    };
                }
                target if all.iter().any(|known| known == target) => {
                    arguments.targets.push(target.to_owned());
                }
                other => bail!("neither an option nor a target: `{other}`; targets: {}", all.join(", ")),
            }
        }
        if arguments.targets.is_empty() {
            arguments.targets = all.to_vec();
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Arguments::parse(&owned(words), &owned(&["htu", "jwk"]))
    }

    #[test]
    fn names_targets_or_takes_all() {
        let all = parse(&[]).unwrap();
        assert_eq!((all.targets.len(), all.task), (2, Task::Fuzz { minutes: 10 }));
        let one = parse(&["--minutes", "3", "jwk", "--sanitizer", "address"]).unwrap();
        assert_eq!(one.targets, ["jwk"]);
        assert_eq!((one.task, one.sanitizer), (Task::Fuzz { minutes: 3 }, Sanitizer::Address));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for words in [&["jwt"][..], &["--minutes"], &["--minutes", "0"], &["--sanitizer", "x"], &["-x"]] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
