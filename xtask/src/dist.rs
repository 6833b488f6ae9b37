//! `cargo xtask dist`: the program as packages have it.
//!
//! To start and to answer takes a seventh of the program's code. That seventh is strewn over all of it, and the kernel maps
//! 64 KB around each page that is touched, so that an idle gateway would have two thirds of the code in memory. So the
//! program is started once under callgrind, which tells the functions it goes through, and linked again with these side
//! by side (`docs/performance.md` has what that does). Nothing else changes: a function that was not seen is where it
//! would have been.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use jose::Algorithm;

use crate::bench::cold_start::{first_answer, stop};
use crate::bench::load::Load;
use crate::bench::site::{PROTECTED, Site, Variant};
use crate::run::{built, cargo, step, target};

pub(crate) const HELP: &str = "\
The program as packages have it: target/dist/keybound, with the profile `dist`, and the functions that a start and a request go
through side by side. Takes some minutes, the first time as long again.

Usage: cargo xtask dist

Needs valgrind on x86-64 Linux; elsewhere the functions stay in the linker's order.";

/// What part of the functions of a run must be in the order already for it to be left as it is: which ones a run goes
/// through is a little different every time.
const ENOUGH: f64 = 0.95;
/// Fewer functions are no start of a gateway.
const FEWEST: usize = 500;

pub(crate) fn run(words: &[String]) -> Result<()> {
    ensure!(words.is_empty(), "`dist` takes no words\n\n{HELP}");
    let program = build()?;
    let mib = fs::metadata(&program)?.len() as f64 / f64::from(1 << 20);
    println!("\n{} ({mib:.1} MiB)", program.display());
    Ok(())
}

/// Builds it; gives its path.
pub(crate) fn build() -> Result<PathBuf> {
    let is_ours = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    if !is_ours || Command::new("valgrind").arg("--version").output().is_err() {
        println!("functions stay in the linker's order: that takes x86-64 Linux and the package `valgrind`");
        return link(None);
    }
    let file = target().join("dist/functions.txt");
    let order = Order::read(&file);
    let program = link(order.as_ref())?;
    println!("── functions that a start and a request go through");
    let recorded = Order { functions: record(&program)? };
    println!("   {} functions", recorded.functions.len());
    if order.is_some_and(|order| order.covers(&recorded)) {
        return Ok(program);
    }
    fs::write(&file, recorded.to_text()).with_context(|| file.display().to_string())?;
    link(Some(&recorded))
}

/// The functions that lie side by side.
struct Order {
    functions: BTreeSet<String>,
}

impl Order {
    /// That of an earlier run.
    fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        Some(Self { functions: text.lines().map(str::to_owned).collect() })
    }

    fn to_text(&self) -> String {
        self.functions.iter().map(|function| format!("{function}\n")).collect()
    }

    fn covers(&self, run: &Self) -> bool {
        let known = run.functions.intersection(&self.functions).count();
        known as f64 >= ENOUGH * run.functions.len() as f64
    }

    /// A file for the linker. Cargo links again when the argument changes and not when the file does: its name tells the
    /// content.
    fn for_linker(&self) -> Result<PathBuf> {
        let mut hasher = DefaultHasher::new();
        self.functions.hash(&mut hasher);
        let file = target().join(format!("dist/functions-{:016x}.txt", hasher.finish()));
        fs::write(&file, self.to_text()).with_context(|| file.display().to_string())?;
        Ok(file)
    }
}

fn link(order: Option<&Order>) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["rustc", "--profile", "dist", "--locked"]);
    command.args(["--package", "keybound-cli", "--bin", "keybound"]);
    if let Some(order) = order {
        let argument = format!("link-arg=-Wl,--symbol-ordering-file={}", order.for_linker()?.display());
        // Functions of the C library are in the list as well, and are not the linker's to place.
        command.args(["--", "-C", &argument, "-C", "link-arg=-Wl,--no-warn-symbol-ordering"]);
    }
    step("build keybound as packages have it", &mut command)?;
    built("dist/keybound")
}

/// Starts a gateway under callgrind, sends a few requests and ends it; gives the functions it went through.
fn record(program: &Path) -> Result<BTreeSet<String>> {
    let site = Site::start(program.to_owned(), "dist")?;
    let (gateway, address) = site.gateway_command(&Variant::default())?;
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let mut callgrind = Command::new("valgrind");
    callgrind
        .args(["--tool=callgrind", "--demangle=no", "--compress-strings=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(gateway.get_program())
        .args(gateway.get_args())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let mut child = callgrind.spawn().context("valgrind")?;
    let answered = first_answer(&mut child, address, began);
    let load = Load { connections: 2, keys: 2, ..Load::new(format!("http://{address}{PROTECTED}"), 20) };
    let sent = answered.and_then(|_| load.send(program, &site.issuer_key(Algorithm::Ps256), child.id()));
    stop(&mut child)?;
    sent?.clean("the requests that are recorded")?;
    let functions = functions(&fs::read_to_string(&out).context("what callgrind wrote")?);
    ensure!(functions.len() >= FEWEST, "callgrind saw {} functions only", functions.len());
    Ok(functions)
}

/// The functions of a profile with names in full. Recursion is told by a number behind the name: `fn=name'2`.
fn functions(profile: &str) -> BTreeSet<String> {
    let names = profile.lines().filter_map(|line| line.strip_prefix("fn="));
    names.map(|name| name.split_once('\'').map_or(name, |(name, _)| name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(functions: &[&str]) -> Order {
        Order { functions: functions.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn reads_each_function_once() {
        let profile =
            "events: Ir\nfn=_ZN4main17hE\n1 2\ncfn=strlen\ncalls=1 0\nfn=_ZN4main17hE'2\nfn=strlen\n";
        assert_eq!(functions(profile), order(&["_ZN4main17hE", "strlen"]).functions);
    }

    #[test]
    fn an_order_is_kept_while_it_has_most_of_what_runs() {
        let names: Vec<String> = (0..100).map(|number| format!("f{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (all, most, some) = (order(&names), order(&names[..96]), order(&names[..90]));
        assert!(all.covers(&most) && most.covers(&all) && !some.covers(&all));
        assert_eq!(
            Order { functions: all.to_text().lines().map(str::to_owned).collect() }.to_text(),
            all.to_text()
        );
    }
}
