//! Passphrases and PINs: from a file, or typed without being shown.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, IsTerminal, Write},
    path::Path,
};

use anyhow::{Context, Result};
use zeroize::Zeroizing;

/// The first line of a file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>> {
    let text =
        Zeroizing::new(std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// What somebody types at the terminal; `None` when there is none.
pub(crate) fn ask(what: &str) -> Result<Option<Zeroizing<String>>> {
    let terminal = OpenOptions::new().read(true).write(true).open(terminal_path()).ok();
    let Some(mut terminal) = terminal.filter(|_| std::io::stderr().is_terminal()) else { return Ok(None) };
    write!(terminal, "{what}: ").context("ask at the terminal")?;
    let shown = hide_input(&terminal)?;
    let mut typed = Zeroizing::new(String::new());
    let read = BufReader::new(&terminal).read_line(&mut typed);
    shown.restore(&terminal);
    // The line break that was typed is not shown either.
    writeln!(terminal).context("ask at the terminal")?;
    read.context("read from the terminal")?;
    Ok(Some(Zeroizing::new(typed.trim_end_matches(['\n', '\r']).to_owned())))
}

#[cfg(unix)]
fn terminal_path() -> &'static str {
    "/dev/tty"
}

#[cfg(not(unix))]
fn terminal_path() -> &'static str {
    "CON"
}

/// How the terminal was before.
struct Shown {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

#[cfg(unix)]
fn hide_input(terminal: &std::fs::File) -> Result<Shown> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let before = tcgetattr(terminal).context("look at the terminal")?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(terminal, OptionalActions::Flush, &hidden).context("hide what is typed")?;
    Ok(Shown { before })
}

#[cfg(not(unix))]
fn hide_input(_terminal: &std::fs::File) -> Result<Shown> {
    Err(anyhow::anyhow!("give the passphrase in a file")).context("what is typed can not be hidden here")
}

impl Shown {
    #[cfg(unix)]
    fn restore(self, terminal: &std::fs::File) {
        // Best effort: the program ends soon, and a shell sets its terminal itself.
        let _ = rustix::termios::tcsetattr(terminal, rustix::termios::OptionalActions::Flush, &self.before);
    }

    #[cfg(not(unix))]
    fn restore(self, _terminal: &std::fs::File) {}
}
