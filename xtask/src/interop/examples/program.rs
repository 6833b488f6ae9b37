//! The examples: what each demands, how it is built and started, and what runs beside it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Site;
use crate::interop::fronts::{Front, nginx, page};
use crate::interop::openssl;
use crate::run::{Server, built, root, step};

/// A program of `examples/`.
#[derive(Clone, Copy)]
pub(crate) struct Example {
    /// Its package, folder and program.
    pub(crate) package: &'static str,
    /// The path of its route, as clients see it.
    pub(super) path: &'static str,
    /// It demands nonces.
    pub(super) nonces: bool,
    /// The scope that it demands.
    pub(super) scope: Option<&'static str>,
    /// It asks the issuer about every token, so that a revoked one is noticed.
    pub(super) notices_revocation: bool,
    /// What it needs.
    pub(super) beside: Beside,
}

/// A foreign program that an example needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    /// nginx in front.
    Nginx,
    /// A Redis that two nodes share.
    Redis,
}

const PLAIN: Example = Example {
    package: "axum-minimal",
    path: "/orders",
    nonces: false,
    scope: None,
    notices_revocation: false,
    beside: Beside::Nothing,
};

/// All of them.
pub(crate) const EXAMPLES: [Example; 7] = [
    PLAIN,
    Example { package: "axum-scopes", scope: Some("orders:read"), ..PLAIN },
    Example { package: "axum-nonces", nonces: true, ..PLAIN },
    Example {
        package: "axum-introspection-redis",
        nonces: true,
        notices_revocation: true,
        beside: Beside::Redis,
        ..PLAIN
    },
    Example { package: "behind-nginx", path: "/shop/orders", nonces: true, beside: Beside::Nginx, ..PLAIN },
    Example { package: "tower-any", ..PLAIN },
    Example { package: "actix", nonces: true, scope: Some("orders:read"), ..PLAIN },
];

impl Example {
    /// The version of what it needs; an error, with how to install it, when that is missing.
    pub(crate) fn version(&self) -> Result<String> {
        match self.beside {
            Beside::Nothing => Ok("-".to_owned()),
            Beside::Nginx => Front::Nginx.version(),
            Beside::Redis => redis_version(),
        }
    }

    /// What a request needs, in words.
    pub(super) fn demands(&self) -> String {
        let scope = self.scope.map(|scope| format!(" and the scope {scope}")).unwrap_or_default();
        format!("it demands {}{scope}", if self.nonces { "nonces" } else { "no nonces" })
    }

    /// The program. All examples are built at once, so that what they share is built once.
    pub(super) fn build(&self) -> Result<PathBuf> {
        let packages = EXAMPLES.iter().flat_map(|example| ["--package", example.package]);
        step("build the examples", Command::new("cargo").args(["build", "--locked"]).args(packages))?;
        built(&format!("debug/{}", self.package))
    }

    /// Starts it, with what it needs.
    pub(super) fn start(&self, program: &Path, site: &Site) -> Result<Vec<Server>> {
        let node = |address: SocketAddr, redis: Option<SocketAddr>| {
            let mut command = Command::new(program);
            command
                .env("LISTEN", address.to_string())
                .env("PUBLIC_ORIGIN", &site.public_origin)
                .env("ISSUER", &site.issuer)
                .env("NONCE_KEY", "only for tests: 16 bytes or more")
                .env("CLIENT_SECRET", "orders-secret")
                .envs(redis.map(|redis| ("REDIS", redis.to_string())))
                .stdout(Stdio::null());
            Server::start(self.package, &mut command, address)
        };
        match self.beside {
            Beside::Nothing => Ok(vec![node(site.address, None)?]),
            Beside::Nginx => Ok(vec![start_nginx(site)?, node(site.address, None)?]),
            Beside::Redis => {
                let server = start_redis(site)?;
                let address = Some(site.beside);
                Ok(vec![server, node(site.address, address)?, node(site.other_node, address)?])
            }
        }
    }
}

/// nginx with the example's configuration.
fn start_nginx(site: &Site) -> Result<Server> {
    openssl::certificate(&site.folder, "localhost-key.pem", "localhost.pem")?;
    let text = std::fs::read_to_string(root().join("examples/behind-nginx/nginx.conf"))?;
    let own = [("127.0.0.1:8443", site.beside.to_string()), ("127.0.0.1:3000", site.address.to_string())];
    std::fs::write(site.folder.join("nginx.conf"), page::with_own("nginx.conf", &text, &own)?)?;
    let mut command = Command::new(nginx::PROGRAM);
    command.arg("-p").arg(&site.folder).args(["-c", "nginx.conf"]).stdin(Stdio::null());
    Server::start("nginx", &mut command, site.beside).context(nginx::HINT)
}

const REDIS_HINT: &str = "redis-server: install the distribution's package `redis-server`";

fn redis_version() -> Result<String> {
    let output = Command::new("redis-server").arg("--version").output().context(REDIS_HINT)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    Ok(version.unwrap_or("unknown").to_owned())
}

fn start_redis(site: &Site) -> Result<Server> {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &site.beside.port().to_string()])
        .args(["--save", "", "--maxmemory-policy", "noeviction", "--dir"])
        .arg(&site.folder)
        .stdout(Stdio::null());
    Server::start("redis-server", &mut command, site.beside).context(REDIS_HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_run() {
        let folders = std::fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path());
        let programs = folders.filter(|folder| folder.join("Cargo.toml").exists());
        let mut found: Vec<_> = programs.map(|folder| folder.file_name().unwrap().to_owned()).collect();
        let mut run = EXAMPLES.map(|example| example.package);
        found.sort_unstable();
        run.sort_unstable();
        assert_eq!(found, run);
    }
}
