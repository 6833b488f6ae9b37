//! What is measured: gateways and a plain proxy in front of one upstream.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use jose::{Algorithm, KeyPair, base64url, crypto};
use serde_json::{Value, json};

use super::key_server;
use crate::interop::openssl;
use crate::run::{Server, free_address, root};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "bench";

/// Where nothing is checked.
pub(crate) const PLAIN: &str = "/plain";
/// Where token and proof are checked.
pub(crate) const PROTECTED: &str = "/protected";
/// As above, and nonces are demanded.
pub(crate) const WITH_NONCES: &str = "/with-nonces";

/// What clients have to trust, in the folder of the site.
pub(crate) const CERTIFICATE: &str = "listener-certificate.pem";
const KEY_AND_CERTIFICATE: &str = "listener.pem";

/// Folder, keys and upstream of a run.
pub(crate) struct Site {
    pub(crate) keybound: PathBuf,
    pub(crate) folder: PathBuf,
    key_server: SocketAddr,
    _upstream: Server,
    upstream_address: SocketAddr,
    pub(crate) upstream_name: String,
}

/// A running gateway or proxy.
pub(crate) struct Running {
    server: Server,
    scheme: &'static str,
    address: SocketAddr,
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }
}

/// How a gateway is configured, where that varies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variant {
    /// Remembers used proofs here, not in its memory.
    pub(crate) redis: Option<SocketAddr>,
    /// Rules beside those of the run, at `/rules/NUMBER`, protected.
    pub(crate) rules: usize,
    /// Whether each request is told.
    pub(crate) access_log: bool,
    /// Whether it serves TLS.
    pub(crate) tls: bool,
}

impl Site {
    /// Makes keys and starts the upstream in a folder below `target/`.
    pub(crate) fn start(keybound: PathBuf, name: &str) -> Result<Self> {
        let folder = root().join("target/bench").join(name);
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let keys: Vec<Value> = [Algorithm::Ps256, Algorithm::Es256]
            .into_iter()
            .map(|algorithm| issuer_key(&folder, algorithm))
            .collect::<Result<_>>()?;
        let key_server = key_server::start(&json!({ "keys": keys }))?;
        fs::write(folder.join("secrets.jwks"), nonce_keys().to_string())?;
        let upstream_address = free_address()?;
        let (upstream, upstream_name) = match nginx_version() {
            Some(version) => {
                let server = "location / { default_type text/plain; return 200 ok; }";
                let conf = nginx_conf(&folder, "upstream", upstream_address, "", server)?;
                (nginx("upstream", &conf, upstream_address)?, format!("{version}, `return 200`, one worker"))
            }
            None => {
                let mut command = Command::new(&keybound);
                command.args(["echo", "--port", &upstream_address.port().to_string()]).stdout(Stdio::null());
                (Server::start("echo", &mut command, upstream_address)?, "keybound echo".to_owned())
            }
        };
        Ok(Self { keybound, folder, key_server, _upstream: upstream, upstream_address, upstream_name })
    }

    /// The issuer's private key for tokens with this algorithm.
    pub(crate) fn issuer_key(&self, algorithm: Algorithm) -> PathBuf {
        key_file(&self.folder, algorithm)
    }

    /// Starts a gateway and waits until it listens.
    pub(crate) fn gateway(&self, variant: &Variant) -> Result<Running> {
        let (mut command, address) = self.gateway_command(variant)?;
        let server = Server::start("gateway", &mut command, address)?;
        Ok(Running { server, scheme: if variant.tls { "https" } else { "http" }, address })
    }

    /// The command that starts a gateway, and where it will listen.
    pub(crate) fn gateway_command(&self, variant: &Variant) -> Result<(Command, SocketAddr)> {
        let (address, management) = (free_address()?, free_address()?);
        let folder = self.folder.join(format!("gateway-{}", address.port()));
        fs::create_dir_all(folder.join("rules"))?;
        let config = folder.join("keybound.yaml");
        if variant.tls {
            make_certificate(&self.folder)?;
        }
        fs::write(&config, self.configuration(variant, &folder, address, management))?;
        for (number, text) in self.rules(variant.rules).into_iter().enumerate() {
            fs::write(folder.join(format!("rules/{number}.yaml")), text)?;
        }
        let mut command = Command::new(&self.keybound);
        command.args(["serve", "proxy", "--insecure", "-c"]).arg(config);
        let log = fs::File::create(folder.join("gateway.log"))?;
        command.stdout(log.try_clone()?).stderr(log);
        Ok((command, address))
    }

    fn configuration(
        &self,
        variant: &Variant,
        folder: &Path,
        address: SocketAddr,
        management: SocketAddr,
    ) -> String {
        let (key_server, access_log) = (self.key_server, variant.access_log);
        let (secrets, rules) = (self.folder.join("secrets.jwks"), folder.join("rules"));
        let listener = match variant.tls {
            true => format!(
                "\n  listener: {{ type: pem, config: {{ path: \"{}\" }} }}",
                self.folder.join(KEY_AND_CERTIFICATE).display()
            ),
            false => String::new(),
        };
        let tls = if variant.tls { ", tls: { secret: { source: listener } }" } else { "" };
        let mut text = format!(
            r#"log: {{ level: warn, access_log_enabled: {access_log} }}
serve: {{ host: 127.0.0.1, port: {}{tls} }}
management: {{ host: 127.0.0.1, port: {} }}
secret_management:
  nonce_keys: {{ type: jwks, config: {{ path: "{}" }} }}{listener}
master_key: {{ source: nonce_keys, selector: nonces }}
mechanisms:
  authenticators:
    - {{ id: nobody, type: unauthorized }}
    - {{ id: anybody, type: anonymous }}
"#,
            address.port(),
            management.port(),
            secrets.display(),
        );
        for (id, nonces) in [("dpop", false), ("dpop_with_nonces", true)] {
            let _ = write!(
                text,
                r#"    - id: {id}
      type: jwt
      config:
        jwks_endpoint: {{ url: "http://{key_server}/jwks" }}
        assertions:
          issuers: ["{ISSUER}"]
          audience: ["{AUDIENCE}"]
          allowed_algorithms: [PS256, ES256]
          proof_of_possession:
            type: dpop
            config: {{ max_age: 1m, nonce_required: {nonces}, replay_allowed: false }}
"#
            );
        }
        let _ = write!(
            text,
            r#"  finalizers:
    - {{ id: as_is, type: noop }}
default_rule:
  execute: [{{ authenticator: nobody }}, {{ finalizer: as_is }}]
providers:
  file_system: {{ src: "{}" }}
"#,
            rules.display()
        );
        if let Some(redis) = variant.redis {
            let _ = writeln!(
                text,
                "cache: {{ type: redis, config: {{ address: \"{redis}\", tls: {{ disabled: true }} }} }}"
            );
        }
        text
    }

    /// The texts of the rule files. A file may not have more than 50,000 values.
    fn rules(&self, more: usize) -> Vec<String> {
        const RULES_PER_FILE: usize = 1_000;
        let fixed = [(PLAIN, "anybody"), (PROTECTED, "dpop"), (WITH_NONCES, "dpop_with_nonces")];
        let fixed = fixed.map(|(path, authenticator)| self.rule(path, authenticator));
        let numbered = (0..more).map(|number| self.rule(&format!("/rules/{number}"), "dpop"));
        let rules: Vec<String> = fixed.into_iter().chain(numbered).collect();
        let file = |rules: &[String]| format!("version: \"1beta1\"\nrules:\n{}", rules.concat());
        rules.chunks(RULES_PER_FILE).map(file).collect()
    }

    fn rule(&self, path: &str, authenticator: &str) -> String {
        format!(
            "  - id: \"{path}\"\n    match: {{ http: {{ paths: [{{ path: \"{path}\" }}] }} }}\n    \
             forward_to: {{ host: \"{}\", rewrite: {{ scheme: http }} }}\n    \
             execute: [{{ authenticator: {authenticator} }}, {{ finalizer: as_is }}]\n",
            self.upstream_address
        )
    }

    /// nginx as a plain proxy with one worker; `None` where it is not installed.
    pub(crate) fn nginx_proxy(&self) -> Result<Option<Running>> {
        let Some((mut command, address)) = self.nginx_command()? else { return Ok(None) };
        let server = Server::start("nginx", &mut command, address)?;
        Ok(Some(Running { server, scheme: "http", address }))
    }

    /// The command that starts nginx as a plain proxy, and where it will listen.
    pub(crate) fn nginx_command(&self) -> Result<Option<(Command, SocketAddr)>> {
        if nginx_version().is_none() {
            return Ok(None);
        }
        let address = free_address()?;
        let upstream = format!(
            "upstream behind {{ server {}; keepalive 256; keepalive_requests 100000000; }}",
            self.upstream_address
        );
        let server = "location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection \"\"; }";
        let name = format!("nginx-{}", address.port());
        let conf = nginx_conf(&self.folder, &name, address, &upstream, server)?;
        Ok(Some((nginx_command(&conf), address)))
    }
}

/// Version of nginx, if it is installed.
pub(crate) fn nginx_version() -> Option<String> {
    let output = Command::new("nginx").arg("-v").output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.split_once("nginx/").map(|(_, version)| format!("nginx {}", version.trim()))
}

fn nginx_conf(folder: &Path, name: &str, address: SocketAddr, more: &str, server: &str) -> Result<PathBuf> {
    let own = folder.join(name);
    fs::create_dir_all(&own)?;
    let conf = own.join("nginx.conf");
    let place = own.display();
    fs::write(
        &conf,
        format!(
            "daemon off; worker_processes 1; worker_rlimit_nofile 100000; pid {place}/pid; error_log {place}/error.log;\n\
             events {{ worker_connections 12000; }}\n\
             http {{\n  access_log off; keepalive_requests 100000000; large_client_header_buffers 8 32k;\n  \
             client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;\n  \
             uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;\n  {more}\n  \
             server {{ listen {address} backlog=8192; {server} }}\n}}\n"
        ),
    )?;
    Ok(conf)
}

fn nginx_command(conf: &Path) -> Command {
    let mut command = Command::new("nginx");
    command.arg("-e").arg(conf.with_file_name("error.log")).arg("-c").arg(conf);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn nginx(name: &str, conf: &Path, address: SocketAddr) -> Result<Server> {
    Server::start(name, &mut nginx_command(conf), address)
}

/// A certificate for 127.0.0.1, in a file for clients that trust it and in one for the gateway with its key.
fn make_certificate(folder: &Path) -> Result<()> {
    let request = ["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2", "-subj", "/CN=bench"];
    let names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    let files = ["-keyout", "listener-key.pem", "-out", CERTIFICATE];
    openssl::run(folder, &[&request[..], &openssl::CURVE, &names, &files].concat())?;
    let read = |name| fs::read_to_string(folder.join(name));
    fs::write(folder.join(KEY_AND_CERTIFICATE), read("listener-key.pem")? + &read(CERTIFICATE)?)?;
    Ok(())
}

fn key_file(folder: &Path, algorithm: Algorithm) -> PathBuf {
    folder.join(format!("issuer-{algorithm}.pem"))
}

/// Makes a key of the issuer; gives its public part.
fn issuer_key(folder: &Path, algorithm: Algorithm) -> Result<Value> {
    let key = KeyPair::generate(algorithm).context("make the issuer's key")?;
    fs::write(key_file(folder, algorithm), key.to_pkcs8_pem()?.as_bytes())?;
    let mut public = key.public_jwk().to_json();
    public.insert("kid".to_owned(), json!(algorithm.as_str()));
    public.insert("alg".to_owned(), json!(algorithm.as_str()));
    Ok(Value::Object(public))
}

fn nonce_keys() -> Value {
    let key = base64url::encode(crypto::random::<32>());
    json!({ "keys": [{ "kty": "oct", "kid": "nonces", "k": key }] })
}
