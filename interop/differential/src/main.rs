//! Thousands of requests, good and spoiled in every way the specifications give a name to, are judged by Keybound's
//! verifier and by independent ones. We must say what each class expects; wherever another verifier says something
//! else, `docs/differences.md` must say why, and it must say nothing more.
//!
//! ```text
//! keybound-differential --node FOLDER --python INTERPRETER [--seed N] [--count N] [--only CLASS] [--keep FILE]
//! ```
//!
//! The two folders hold the other verifiers; `cargo xtask interop differential` installs and passes them. The seed
//! decides methods, targets, algorithms and what is changed; keys are new in every run. `--keep` writes every request
//! that somebody disagreed about.

#![expect(
    clippy::expect_used,
    reason = "a request that can not be made ends the run, which is the right thing for a test"
)]

mod differences;
mod draft;
mod mutations;
mod peers;
mod random;
mod tally;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use self::differences::Page;
use self::draft::{Draft, Request};
use self::mutations::{Mutation, PLAIN};
use self::random::Random;
use self::tally::Tally;
use self::world::World;

const DEFAULT_COUNT: usize = 20_000;

struct Options {
    node: PathBuf,
    python: PathBuf,
    seed: u64,
    count: usize,
    only: Option<String>,
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    println!("seed {}", options.seed);
    let world = World::new();
    let mut classes = mutations::all();
    if let Some(only) = &options.only {
        classes.retain(|class| class.name == only);
    }
    let cases = cases(&world, &classes, options.seed, options.count)?;
    let verdicts = peers::judge(&world, &cases, &options.node, &options.python)?;
    let tally = Tally::of(&world, &cases, &verdicts);
    if let Some(path) = &options.keep {
        tally.write_disagreements(path, &cases, &verdicts)?;
    }
    tally.check(&Page::read()?, options.only.as_deref())?;
    println!("{} requests of {} classes: every verdict is as expected", cases.len(), classes.len());
    Ok(())
}

/// A request and the class it belongs to.
struct Case<'c> {
    class: &'c Mutation,
    request: Request,
}

/// Every fourth request is plain and good, the others take turns over the classes.
fn cases<'c>(world: &World, classes: &'c [Mutation], seed: u64, count: usize) -> Result<Vec<Case<'c>>> {
    let plain = classes.iter().find(|class| class.name == PLAIN);
    let mut random = Random::new(seed);
    let mut turns = classes.iter().cycle();
    (0..count)
        .map(|number| {
            let class = match plain {
                Some(plain) if number % 4 == 0 => plain,
                _ => turns.next().context("no class has this name")?,
            };
            Ok(Case { class, request: request(world, class, &mut random) })
        })
        .collect()
}

fn request(world: &World, class: &Mutation, random: &mut Random) -> Request {
    let algorithm = *random.choose(class.algorithms);
    let mut draft = Draft::new(world, algorithm, random);
    (class.change)(&mut draft, random);
    draft.finish()
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut node, mut python, mut seed, mut count, mut only, mut keep) =
            (None, None, None, None, None, None);
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--node" => node = Some(value.into()),
                "--python" => python = Some(value.into()),
                "--seed" => seed = Some(value.parse().context("--seed")?),
                "--count" => count = Some(value.parse().context("--count")?),
                "--only" => only = Some(value),
                "--keep" => keep = Some(value.into()),
                _ => bail!("unknown option {word}"),
            }
        }
        Ok(Self {
            node: node.context("--node is missing")?,
            python: python.context("--python is missing")?,
            seed: seed.unwrap_or_else(|| u64::from_be_bytes(jose::crypto::random())),
            count: count.unwrap_or(DEFAULT_COUNT),
            only,
            keep,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn we_judge_every_class_as_it_expects() {
        let world = World::new();
        let classes = mutations::all();
        // Plain ones aside, several requests of each class.
        let cases = cases(&world, &classes, 20_260_101, classes.len() * 4).unwrap();
        let mut wrong = BTreeSet::new();
        for case in &cases {
            let verdict = world.judge(&case.request);
            if verdict != case.class.expected {
                wrong.insert(format!("{}: {verdict:?}, not {:?}", case.class.name, case.class.expected));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_class_has_a_name_of_its_own() {
        let classes = mutations::all();
        let names: BTreeSet<_> = classes.iter().map(|class| class.name).collect();
        assert_eq!(names.len(), classes.len());
        assert!(names.len() > 250, "{} classes", names.len());
    }

    #[test]
    fn a_seed_decides_what_is_asked() {
        let world = World::new();
        let classes = mutations::all();
        let urls = |seed| -> Vec<String> {
            let cases = cases(&world, &classes, seed, 20).unwrap();
            cases.into_iter().map(|case| format!("{} {}", case.request.method, case.request.url)).collect()
        };
        assert_eq!(urls(1), urls(1));
        assert_ne!(urls(1), urls(2));
    }
}
