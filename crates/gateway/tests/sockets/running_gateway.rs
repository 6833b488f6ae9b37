//! The gateway, started from configuration files in a folder of its own.

use std::{net::SocketAddr, path::Path, time::Duration};

use gateway::{Addresses, App, Mode, ServeOptions, config::Enforcement};
use tempfile::TempDir;

pub struct RunningGateway {
    pub folder: TempDir,
    pub app: App,
}

impl RunningGateway {
    /// Starts with a configuration and rule files by name. `/etc/heimdall` in the texts is the folder they are in.
    pub async fn start(configuration: &str, rules: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        for (name, text) in rules {
            std::fs::write(folder.path().join("rules").join(name), text).unwrap();
        }
        let path = folder.path().join("heimdall-config.yaml");
        let here = folder.path().to_str().unwrap();
        std::fs::write(&path, configuration.replace("/etc/heimdall", here)).unwrap();
        Self::start_in(folder, &path).await
    }

    /// Starts with what is in the folder already.
    pub async fn start_in(folder: TempDir, configuration: &Path) -> Self {
        Self::start_in_mode(Mode::Proxy, folder, configuration).await
    }

    /// The same in another mode than proxy.
    pub async fn start_in_mode(mode: Mode, folder: TempDir, configuration: &Path) -> Self {
        Self::start_with(folder, ServeOptions { mode, ..options(configuration) }).await
    }

    /// The same with these options.
    pub async fn start_with(folder: TempDir, options: ServeOptions) -> Self {
        match App::start(options).await {
            Ok(app) => Self { folder, app },
            Err(error) => panic!("{error}"),
        }
    }

    /// A gateway that lets everything through to one upstream.
    pub async fn open_to(upstream: SocketAddr) -> Self {
        Self::open_with("", upstream).await
    }

    /// The same with more of `serve`, two blanks in front of each line.
    pub async fn open_with(serve: &str, upstream: SocketAddr) -> Self {
        let rules = open_rules(upstream);
        Self::start(&open_configuration(serve), &[("open.yaml", &rules)]).await
    }

    pub fn address(&self) -> SocketAddr {
        self.app.serve_address()
    }

    pub async fn stop(self) {
        assert!(self.app.shutdown_within(Duration::from_secs(5)).await, "everything ended in time");
    }
}

/// Nothing enforced, on ports of the system's choice, without a log.
pub fn options(configuration: &Path) -> ServeOptions {
    ServeOptions {
        enforcement: Enforcement::none(),
        addresses: Addresses::AnyLoopbackPort,
        installs_log: false,
        ..ServeOptions::new(configuration)
    }
}

pub fn open_configuration(serve: &str) -> String {
    format!(
        "serve:\n  host: 127.0.0.1\n{serve}\
         mechanisms:\n  authenticators:\n    - {{id: anybody, type: anonymous}}\n  finalizers:\n    - {{id: as_is, type: noop}}\n    \
         - {{id: user, type: header, config: {{headers: {{X-User: \"{{{{ .Subject.ID }}}}\"}}}}}}\n\
         providers:\n  file_system: {{src: /etc/heimdall/rules, watch: true}}\n"
    )
}

pub fn open_rules(upstream: SocketAddr) -> String {
    format!(
        r#"
version: "1beta1"
rules:
  - id: named
    match: {{http: {{paths: [{{path: /named/**}}]}}}}
    forward_to: {{host: "{upstream}"}}
    execute: [{{authenticator: anybody}}, {{finalizer: user}}]
  - id: rewritten
    match: {{http: {{paths: [{{path: /rw/**}}]}}}}
    forward_to:
      host: "{upstream}"
      forward_host_header: false
      rewrite: {{strip_path_prefix: /rw, add_path_prefix: /v2, strip_query_parameters: [debug]}}
    execute: [{{authenticator: anybody}}, {{finalizer: as_is}}]
  - id: open
    match: {{http: {{paths: [{{path: /}}, {{path: /**}}]}}}}
    forward_to: {{host: "{upstream}"}}
    execute: [{{authenticator: anybody}}, {{finalizer: as_is}}]
"#
    )
}
