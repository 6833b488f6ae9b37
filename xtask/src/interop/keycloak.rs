//! A real Keycloak from its package registry, with a realm imported at the start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run::{Server, root};

/// The first start builds itself; two shared cores need their time.
const PATIENCE: Duration = Duration::from_secs(480);

/// Downloads and unpacks a version below `target/`, once, and starts it with `realm`.
pub(crate) fn start(version: &str, address: SocketAddr, realm: &Path) -> Result<Server> {
    let home = install(version)?;
    let import = home.join("data/import");
    std::fs::create_dir_all(&import)?;
    std::fs::copy(realm, import.join("realm.json"))?;
    // The database of an earlier run would keep its realm.
    let database = home.join("data/h2");
    if database.exists() {
        std::fs::remove_dir_all(database)?;
    }
    let mut command = Command::new("bash");
    command
        .arg(home.join("bin/kc.sh"))
        .args(["start-dev", "--http-host=127.0.0.1", "--import-realm"])
        .arg(format!("--http-port={}", address.port()))
        .arg(format!("--hostname=http://{address}"))
        .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
        .env("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin")
        .env("JAVA_OPTS_KC_HEAP", "-Xms128m -Xmx512m")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Server::start_within("Keycloak", &mut command, address, PATIENCE)
}

fn install(version: &str) -> Result<PathBuf> {
    let folder = root().join("target/interop/keycloak");
    let home = folder.join(format!("keycloak-{version}"));
    if home.join("bin/kc.sh").exists() {
        return Ok(home);
    }
    std::fs::create_dir_all(&folder)?;
    run(Command::new("mvn")
        .args(["--quiet", "--batch-mode", "dependency:copy"])
        .arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{version}:zip"))
        .arg(format!("-DoutputDirectory={}", folder.display())))?;
    let archive = folder.join(format!("keycloak-quarkus-dist-{version}.zip"));
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).args([&archive, &folder]))?;
    std::fs::remove_file(archive)?;
    Ok(home)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(())
}
