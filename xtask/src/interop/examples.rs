//! The programs of `examples/` as their READMEs run them, against `keybound authorization-server`, called by foreign clients.
//!
//! Every client makes the same calls, right and wrong, with an authorization server that demands nonces and one that does not, and
//! with the API as it is written and with nonces the other way ([`otherwise`]). What the servers answered is printed, and
//! compared with [`expected`].

mod client;
mod expected;
mod otherwise;
mod program;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use self::client::{CLIENTS, Client};
use self::program::Beside;
pub(super) use self::program::{EXAMPLES, Example};
use crate::run::{Server, free_address, root};

/// Where an example runs, and what runs beside it.
struct Site {
    folder: PathBuf,
    issuer: String,
    /// Where the example listens.
    address: SocketAddr,
    /// Where another node of it listens, if there are two.
    other_node: SocketAddr,
    /// Where the program that it needs listens, if it needs one.
    beside: SocketAddr,
    /// Where clients find it: scheme, host and port.
    public_origin: String,
    _authorization_server: Server,
}

/// Builds the example and lets all clients call it.
pub(super) fn run(keybound: &Path, example: &Example) -> Result<()> {
    let programs = [(*example, example.build()?), (example.otherwise(), example.build_otherwise()?)];
    let mut unexpected = 0;
    for (example, program) in &programs {
        for nonces in [false, true] {
            let site = Site::start(keybound, example, nonces)?;
            let _running = example.start(program, &site)?;
            let call = |client: &Client| client.run(example, &site).with_context(|| client.name.to_owned());
            let found = CLIENTS.iter().map(call).collect::<Result<Vec<_>>>()?;
            let with = if nonces { "demands nonces" } else { "demands none" };
            println!("\n{}: {}; the authorization server {with}", example.package, example.demands());
            unexpected += expected::compare(example, nonces, &found);
        }
    }
    match unexpected {
        0 => Ok(()),
        number => bail!("{number} answers are not those expected, see above"),
    }
}

impl Site {
    /// Starts the authorization server.
    fn start(keybound: &Path, example: &Example, nonces: bool) -> Result<Self> {
        let folder = root().join("target/interop/examples").join(example.package);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let (authorization_server, address, other_node, beside) =
            (free_address()?, free_address()?, free_address()?, free_address()?);
        let mut command = Command::new(keybound);
        command
            .args(["authorization-server", "--port", &authorization_server.port().to_string(), "--realm"])
            .arg(root().join("examples/realm.json"))
            .args(nonces.then_some("--nonces"))
            .stdout(Stdio::null());
        let process = Server::start("authorization server", &mut command, authorization_server)?;
        let public_origin = match example.beside {
            Beside::Nginx => format!("https://localhost:{}", beside.port()),
            Beside::Nothing | Beside::Redis => format!("http://{address}"),
        };
        Ok(Self {
            folder,
            issuer: format!("http://{authorization_server}/realms/examples"),
            address,
            other_node,
            beside,
            public_origin,
            _authorization_server: process,
        })
    }
}
