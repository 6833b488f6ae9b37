//! The log as it is written: text of a client stays within the value that it is in.

use std::{io::IsTerminal as _, process::Command};

use serde_json::json;

use super::{
    gateway_site::GatewaySite,
    rows::{case::plain, draft::Draft, expectation::*, site::Site},
    setup::Setup,
};

/// The settings of the log, and the variable that names one of them to the process that writes it.
const FORMATS: [(&str, &str); 3] = [
    ("text", "log: {level: debug, format: text}\n"),
    ("json", "log: {level: debug, format: json}\n"),
    ("gelf", "log: {level: debug, format: gelf}\n"),
];
const FORMAT: &str = "HOSTILE_LOG_FORMAT";

/// A line of its own, and a red one.
const FORGED: &str = "x\nFORGED time=1 level=ERROR\r\n\u{1b}[31mFORGED";

/// O5: a newline and an escape sequence in the `kid` of the token; O6: the same in its `iss`.
#[test]
fn clients_write_no_lines_and_no_colours() {
    for (format, _) in FORMATS {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["hostile::log_lines::writes_the_log", "--exact", "--ignored", "--nocapture"])
            .env(FORMAT, format)
            .output()
            .unwrap();
        let log = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{format}: {log}");
        let refusals = log.lines().filter(|line| line.contains("invalid_token")).count();
        assert_eq!(refusals, 2, "{format}: one access event for each of O5 and O6\n{log}");
        for line in log.lines() {
            assert!(!line.trim_start().starts_with("FORGED"), "{format}: {line}");
            assert!(!line.chars().any(|letter| letter.is_control() && letter != '\t'), "{format}: {line:?}");
        }
    }
}

/// Sends the rows to a gateway that writes its log to standard output.
#[tokio::test]
#[ignore = "run in a process of its own by the test above"]
async fn writes_the_log() {
    assert!(!std::io::stdout().is_terminal(), "somebody reads the log");
    let format = std::env::var(FORMAT).unwrap();
    let (_, more) = FORMATS.into_iter().find(|(name, _)| *name == format).unwrap();
    let site = GatewaySite::with(Setup { more, installs_log: true, ..Setup::default() }).await;
    let in_kid = |draft: &mut Draft| draft.token.header["kid"] = json!(FORGED);
    let in_issuer = |draft: &mut Draft| draft.token.claims["iss"] = json!(FORGED);
    site.run(vec![plain("O5", TOKEN_KEY, in_kid), plain("O6", TOKEN_ISSUER, in_issuer)]).await;
}
