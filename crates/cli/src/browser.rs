//! Opening a page in the user's browser.

use std::{
    io::IsTerminal,
    process::{Command, Stdio},
};

/// Opens `url` where that is what a person at a desktop expects: not in scripts, not over SSH without a display. Best
/// effort; the URL is printed in any case.
pub(crate) fn open(url: &str) {
    let is_page = url.starts_with("https://") || url.starts_with("http://");
    if !is_page || !std::io::stdout().is_terminal() || !has_display() {
        return;
    }
    let [program, arguments @ ..] = OPENER;
    let spawned = Command::new(program)
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    drop(spawned);
}

#[cfg(target_os = "macos")]
const OPENER: [&str; 1] = ["open"];
#[cfg(windows)]
const OPENER: [&str; 2] = ["rundll32", "url.dll,FileProtocolHandler"];
#[cfg(not(any(target_os = "macos", windows)))]
const OPENER: [&str; 1] = ["xdg-open"];

#[cfg(any(target_os = "macos", windows))]
fn has_display() -> bool {
    true
}

#[cfg(not(any(target_os = "macos", windows)))]
fn has_display() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
