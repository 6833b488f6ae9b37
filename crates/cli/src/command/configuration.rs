//! What `serve` and `validate` say about the gateway's configuration: the file, the environment, and which demands are
//! lifted.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use gateway::{
    Addresses, Clock, Mode, ServeOptions, StartError,
    config::{Enforcement, Environment},
};

use crate::output;

/// Where the configuration comes from.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigurationArgs {
    /// The configuration. Without it the first of keybound.yaml and heimdall.yaml here, then in $HOME/.config, then in
    /// /etc/heimdall.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Environment variables that start with it set configuration keys. Without it HEIMDALLCFG_ and KEYBOUND_.
    #[arg(long, value_name = "PREFIX")]
    env_config_prefix: Option<String>,
    // Last: its heading would cover what follows.
    #[command(flatten)]
    enforcement: EnforcementArgs,
}

/// Demands of a safe configuration that can be lifted for local tests.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "For local tests only")]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of the command line")]
struct EnforcementArgs {
    /// Lift all of the following.
    #[arg(long)]
    insecure: bool,
    /// Lift the three demands for TLS.
    #[arg(long)]
    insecure_skip_all_tls_enforcement: bool,
    /// Listeners may be without TLS.
    #[arg(long)]
    insecure_skip_ingress_tls_enforcement: bool,
    /// Endpoints that the gateway asks may be http.
    #[arg(long)]
    insecure_skip_egress_tls_enforcement: bool,
    /// Upstreams may be http.
    #[arg(long)]
    insecure_skip_upstream_tls_enforcement: bool,
    /// Everybody may be a trusted proxy.
    #[arg(long)]
    insecure_skip_secure_trusted_proxies_enforcement: bool,
    /// The default rule may let everybody pass.
    #[arg(long)]
    insecure_skip_secure_default_rule_enforcement: bool,
}

impl ConfigurationArgs {
    /// What to start or check. The log goes to standard output.
    pub(crate) fn serve_options(&self, mode: Mode) -> ServeOptions {
        ServeOptions {
            mode,
            configuration: self.config.clone(),
            environment_prefix: self.env_config_prefix.clone(),
            environment: Environment::of_process(),
            enforcement: self.enforcement.to_enforcement(),
            addresses: Addresses::Configured,
            clock: Clock::of_system(),
            installs_log: true,
        }
    }
}

impl EnforcementArgs {
    fn to_enforcement(&self) -> Enforcement {
        if self.insecure {
            return Enforcement::none();
        }
        let enforcement = Enforcement {
            skip_ingress_tls: self.insecure_skip_ingress_tls_enforcement,
            skip_egress_tls: self.insecure_skip_egress_tls_enforcement,
            skip_upstream_tls: self.insecure_skip_upstream_tls_enforcement,
            skip_secure_trusted_proxies: self.insecure_skip_secure_trusted_proxies_enforcement,
            skip_secure_default_rule: self.insecure_skip_secure_default_rule_enforcement,
        };
        if self.insecure_skip_all_tls_enforcement { enforcement.without_tls() } else { enforcement }
    }
}

/// Says why nothing was started. Mistakes in files come as a report that speaks for itself.
pub(crate) fn refuse(error: StartError) -> Result<ExitCode> {
    match error {
        StartError::Configuration(report) => {
            output::note(report.to_text());
            Ok(ExitCode::FAILURE)
        }
        StartError::Listen { .. }
        | StartError::Tls(_)
        | StartError::ListenerTls { .. }
        | StartError::Metrics(_) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        configuration: ConfigurationArgs,
    }

    fn enforcement(flags: &[&str]) -> Enforcement {
        let arguments = ["keybound"].iter().chain(flags);
        Program::parse_from(arguments).configuration.serve_options(Mode::Proxy).enforcement
    }

    #[test]
    fn every_flag_lifts_what_it_says() {
        assert_eq!(enforcement(&[]), Enforcement::full());
        assert_eq!(enforcement(&["--insecure"]), Enforcement::none());
        let tls = enforcement(&["--insecure-skip-all-tls-enforcement"]);
        assert_eq!(tls, Enforcement::full().without_tls());
        let egress = enforcement(&["--insecure-skip-egress-tls-enforcement"]);
        assert_eq!(egress, Enforcement { skip_egress_tls: true, ..Enforcement::full() });
        let rest = enforcement(&[
            "--insecure-skip-all-tls-enforcement",
            "--insecure-skip-secure-trusted-proxies-enforcement",
            "--insecure-skip-secure-default-rule-enforcement",
        ]);
        assert_eq!(rest, Enforcement::none());
    }
}
