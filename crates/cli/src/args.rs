//! The command line.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    command::{
        authorization_server, call, clear_state, completion, convert, demo, echo, explain, health, inspect,
        keygen, load, login, logout, man, other_keygen, proof, serve, token, validate, why,
    },
    profile::Profile,
};

/// Access tokens bound to keys: a gateway that checks DPoP (RFC 9449), a client, and an authorization server for
/// development.
#[derive(Debug, Parser)]
#[command(name = "keybound", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Validate(validate::Args),
    Convert(convert::Args),
    Health(health::Args),
    AuthorizationServer(authorization_server::Args),
    Echo(echo::Args),
    Keygen(keygen::Args),
    OtherKeygen(other_keygen::Args),
    Login(login::Args),
    Token(token::Args),
    Call(call::Args),
    Proof(proof::Args),
    Load(Box<load::Args>),
    Logout(logout::Args),
    ClearState(clear_state::Args),
    Inspect(inspect::Args),
    Why(why::Args),
    Explain(explain::Args),
    Completion(completion::Args),
    Man(man::Args),
}

/// The commands as the help shows them. A test keeps it complete.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Start here", &["demo"]),
    ("Gateway", &["serve", "validate", "convert", "health"]),
    ("For development", &["authorization-server", "echo"]),
    (
        "Client",
        &["keygen", "other-keygen", "login", "token", "call", "proof", "load", "logout", "clear-state"],
    ),
    ("Look inside", &["inspect", "why", "explain"]),
    ("Shell", &["completion", "man"]),
];

const EXAMPLES: &str = "\
Examples:
  keybound demo
  keybound serve proxy -c heimdall-config.yaml --insecure
  keybound explain -c heimdall-config.yaml --insecure --url http://127.0.0.1:4456/api
  keybound authorization-server
  keybound login --issuer http://127.0.0.1:8080/realms/dpop --client-id heimdall-dpop-client
  keybound call http://127.0.0.1:4456/api
  keybound call --replay http://127.0.0.1:4456/api
  keybound token --raw | keybound inspect

Exit status: 0 done, 1 failed, 2 wrong usage, 3 the verdict of the command, 4 not logged in, 5 the
authorization server said no, 6 the API answered 401, 7 the API answered another status from 400 on,
8 no connection, 9 an answer that is not safe to use.";

/// Reads the command line, with the defaults of the chosen profile. Ends the program for help, version and wrong usage
/// (status 2).
///
/// # Errors
///
/// When the profile can not be read.
pub(crate) fn parse() -> Result<Args> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let command = with_grouped_help(Args::command());
    // A file with a mistake in it must not keep the gateway from starting.
    let profile = if is_for_profiles(&command, &arguments) { Profile::choose(&arguments)? } else { None };
    let command = match profile {
        Some(profile) => profile.apply(command),
        None => command,
    };
    let matches = command.get_matches_from(arguments);
    Ok(Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

/// Whether the command that is asked for takes defaults from a profile.
fn is_for_profiles(command: &clap::Command, arguments: &[OsString]) -> bool {
    let name =
        arguments.iter().skip(1).find_map(|argument| argument.to_str().filter(|text| !text.starts_with('-')));
    name.and_then(|name| command.find_subcommand(name))
        .is_some_and(|command| command.get_arguments().any(|argument| argument.get_id() == "profile"))
}

fn with_grouped_help(command: clap::Command) -> clap::Command {
    let width = command.get_subcommands().map(|command| command.get_name().len()).max().unwrap_or_default();
    let mut listed = String::new();
    for (heading, names) in GROUPS {
        listed.push_str(&format!("{heading}:\n"));
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            listed.push_str(&format!("  {name:width$}  {about}\n"));
        }
        listed.push('\n');
    }
    command.after_help(EXAMPLES).help_template(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{listed}Options:\n{{options}}{{after-help}}"
    ))
}

impl Args {
    /// Runs the command and says how the program ends.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Demo(args) => demo::run(args).await,
            Command::Serve(args) => serve::run(&args).await,
            Command::Validate(args) => validate::run(&args),
            Command::Convert(args) => convert::run(&args),
            Command::Health(args) => health::run(&args).await,
            Command::AuthorizationServer(args) => authorization_server::run(&args).await,
            Command::Echo(args) => echo::run(&args).await,
            Command::Keygen(args) => keygen::run(&args),
            Command::OtherKeygen(args) => other_keygen::run(&args),
            Command::Login(args) => login::run(&args).await,
            Command::Token(args) => token::run(&args),
            Command::Call(args) => call::run(&args).await,
            Command::Proof(args) => proof::run(&args).await,
            Command::Load(args) => load::run(&args).await,
            Command::Logout(args) => logout::run(&args).await,
            Command::ClearState(args) => clear_state::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Explain(args) => explain::run(&args).await,
            Command::Why(args) => why::run(&args).await,
            Command::Completion(args) => completion::run(&args, Self::command()),
            Command::Man(args) => man::run(&args, with_grouped_help(Self::command())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        with_grouped_help(Args::command()).debug_assert();
    }

    #[test]
    fn every_command_is_in_one_group_of_the_help() {
        let command = Args::command();
        let mut defined: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        defined.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, defined);
        assert!(command.get_subcommands().all(|command| command.get_about().is_some()));
    }
}
