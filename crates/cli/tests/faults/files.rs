//! Certificates, secrets and rules whose files are replaced, deleted, half-written, and swapped by symbolic link as
//! Kubernetes does. What was in force stays until there is something whole, and the log says why.

use std::{
    fs::{self, File},
    io::Write,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::PathBuf,
    time::Duration,
};

use jose::{Algorithm, KeyPair};
use tokio::time::sleep;

use crate::{
    gateway_process::{GatewayProcess, eventually},
    site::open_rule,
    sockets::{
        raw_client::exchange,
        tls_client::{BOTH, Identity, connect_as, identity},
        upstream::Upstream,
    },
};

/// Versions of a file.
enum Versions {
    Certificates(Vec<Identity>),
    Secrets(Vec<KeyPair>),
    Rules(SocketAddr),
}

/// The lines of the log, as `docs/operations.md` has them.
struct Lines {
    taken: &'static str,
    refused: &'static str,
    unreadable: &'static str,
}

const OF_SECRETS: Lines = Lines {
    taken: "secret renewed",
    refused: "new secret not taken, the old one stays",
    unreadable: "secret not read, the old one stays",
};
const OF_RULES: Lines = Lines {
    taken: "rules loaded",
    refused: "rules not loaded, the old ones stay",
    unreadable: "rules not read, the old ones stay",
};

/// More than any test here needs.
const VERSIONS: usize = 10;

impl Versions {
    fn of_certificates() -> Self {
        Self::Certificates((0..VERSIONS).map(|_| identity()).collect())
    }

    fn of_secrets() -> Self {
        Self::Secrets((0..VERSIONS).map(|_| KeyPair::generate(Algorithm::Es256).unwrap()).collect())
    }

    fn lines(&self) -> Lines {
        match self {
            Self::Certificates(_) | Self::Secrets(_) => OF_SECRETS,
            Self::Rules(_) => OF_RULES,
        }
    }

    fn content(&self, version: usize) -> String {
        match self {
            Self::Certificates(identities) => identities[version].pem.clone(),
            Self::Secrets(keys) => keys[version].to_pkcs8_pem().unwrap().to_string(),
            Self::Rules(upstream) => {
                let rules = [format!("/v{version}"), format!("/v{version}/more")];
                let rules: String = rules.iter().map(|path| open_rule(path, *upstream)).collect();
                format!("version: \"1beta1\"\nrules:\n{rules}")
            }
        }
    }

    /// Where a writer pauses. Of rules, what stands before is a file that could be taken.
    fn pause(&self, version: usize) -> usize {
        let content = self.content(version);
        match self {
            Self::Rules(_) => content.rfind("  - id").unwrap(),
            Self::Certificates(_) | Self::Secrets(_) => content.len() / 2,
        }
    }

    /// What is left of a file when its writer died.
    fn broken(&self, version: usize) -> String {
        let content = self.content(version);
        content[..content.len() - content.len() / 6].to_owned()
    }
}

/// A gateway whose file changes.
struct Changing {
    gateway: GatewayProcess,
    versions: Versions,
}

const CONFIGURATION: &str = r#"
log: {level: info, access_log_enabled: false}
serve: {host: 127.0.0.1, port: 0TLS}
management: {host: 127.0.0.1, port: 0}
secret_management:
  followed: {type: pem, config: {path: /etc/heimdall/followed/file, watch: true}}
  fixed: {type: pem, config: {path: /etc/heimdall/fixed.pem}}
mechanisms:
  authenticators: [{id: anybody, type: anonymous}]
  finalizers:
    - {id: as_is, type: noop}
    - {id: internal, type: jwt, config: {signer: {source: SIGNER}}}
providers: {file_system: {src: RULES, watch: true}}
"#;

impl Changing {
    /// With the first version in force.
    async fn start(versions: Versions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["followed", "rules"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("followed/file"), versions.content(0)).unwrap();
        let fixed = identity().pem;
        fs::write(folder.path().join("fixed.pem"), fixed).unwrap();
        let (tls, signer, rules) = match &versions {
            Versions::Certificates(_) => {
                (", tls: {secret: {source: followed}}", "fixed", "/etc/heimdall/rules")
            }
            Versions::Secrets(_) => ("", "followed", "/etc/heimdall/rules"),
            Versions::Rules(_) => ("", "fixed", "/etc/heimdall/followed"),
        };
        let mut configuration =
            CONFIGURATION.replace("TLS", tls).replace("SIGNER", signer).replace("RULES", rules);
        if let Versions::Rules(_) = versions {
            configuration = configuration
                .lines()
                .filter(|line| !line.contains("  followed:"))
                .fold(String::new(), |text, line| text + line + "\n");
        }
        let gateway = GatewayProcess::start(folder, &configuration).await;
        let changing = Self { gateway, versions };
        changing.comes_into_force(0).await;
        changing
    }

    fn at(&self, name: &str) -> PathBuf {
        self.gateway.folder.path().join("followed").join(name)
    }

    async fn is_in_force(&self, version: usize) -> bool {
        match &self.versions {
            Versions::Certificates(identities) => {
                connect_as(self.gateway.address, &identities[version], &[], BOTH).await.is_ok()
            }
            Versions::Secrets(keys) => {
                let request = "GET /.well-known/jwks HTTP/1.1\r\nHost: a\r\n\r\n";
                let set = exchange(self.gateway.management, request).await.unwrap().json();
                set["keys"][0]["x"] == keys[version].public_jwk().to_json()["x"]
            }
            Versions::Rules(_) => self.status(&format!("/v{version}")).await == 200,
        }
    }

    async fn status(&self, path: &str) -> u16 {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        exchange(self.gateway.address, request).await.unwrap().status
    }

    async fn comes_into_force(&self, version: usize) {
        eventually(&format!("version {version} in force"), async || self.is_in_force(version).await).await;
    }

    /// Changes something that must not be taken: the log says so, and what was there stays.
    async fn keeps(&self, version: usize, line: &str, change: impl FnOnce()) {
        let before = self.gateway.lines_with(line);
        change();
        eventually(line, async || self.gateway.lines_with(line) > before).await;
        assert!(self.is_in_force(version).await, "{line}: version {version} stays");
    }

    /// Changes something that must be taken, and the log says so.
    async fn takes(&self, version: usize, change: impl FnOnce()) {
        let line = self.versions.lines().taken;
        let before = self.gateway.lines_with(line);
        change();
        self.comes_into_force(version).await;
        eventually(line, async || self.gateway.lines_with(line) > before).await;
    }

    /// Puts a version in the place of the file, by renaming.
    fn replace(&self, version: usize) {
        let temporary = self.at(".temporary");
        fs::write(&temporary, self.versions.content(version)).unwrap();
        fs::rename(temporary, self.at("file")).unwrap();
    }

    /// A version as kubelet mounts it: a folder of its own, and a link that is swapped for it. With `None` the folder is
    /// not there.
    fn mount(&self, name: &str, content: Option<String>) {
        if let Some(content) = content {
            fs::create_dir(self.at(name)).unwrap();
            fs::write(self.at(name).join("file"), content).unwrap();
        }
        symlink(name, self.at("..data_tmp")).unwrap();
        fs::rename(self.at("..data_tmp"), self.at("..data")).unwrap();
    }

    /// Every way to change a file, one after the other.
    async fn survives_every_change(self) {
        let lines = self.versions.lines();
        self.takes(1, || self.replace(1)).await;

        // A writer that takes its time. Nothing is read before it is done, so there is nothing to complain about.
        let complaints = || self.gateway.lines_with("level=ERROR");
        let content = self.versions.content(2);
        let (first, rest) = content.split_at(self.versions.pause(2));
        let mut writer = File::create(self.at("file")).unwrap();
        writer.write_all(first.as_bytes()).unwrap();
        for _ in 0..10 {
            sleep(Duration::from_millis(100)).await;
            assert!(self.is_in_force(1).await && !self.is_in_force(2).await, "half-written");
        }
        writer.write_all(rest.as_bytes()).unwrap();
        self.takes(2, || drop(writer)).await;
        assert_eq!(complaints(), 0, "{}", self.gateway.log());

        // A writer that died.
        self.keeps(2, lines.refused, || fs::write(self.at("file"), self.versions.broken(3)).unwrap()).await;
        self.takes(3, || fs::write(self.at("file"), self.versions.content(3)).unwrap()).await;

        // Deleted, and there again.
        match &self.versions {
            Versions::Rules(_) => {
                fs::remove_file(self.at("file")).unwrap();
                eventually("rules go with their file", async || self.status("/v3").await == 404).await;
            }
            Versions::Certificates(_) | Versions::Secrets(_) => {
                self.keeps(3, lines.unreadable, || fs::remove_file(self.at("file")).unwrap()).await;
            }
        }
        self.takes(4, || self.replace(4)).await;

        // As Kubernetes does it.
        self.mount("..2026_01", Some(self.versions.content(5)));
        symlink("..data/file", self.at(".link")).unwrap();
        self.takes(5, || fs::rename(self.at(".link"), self.at("file")).unwrap()).await;
        self.takes(6, || self.mount("..2026_02", Some(self.versions.content(6)))).await;
        fs::remove_dir_all(self.at("..2026_01")).unwrap();
        self.keeps(6, lines.refused, || self.mount("..2026_03", Some(self.versions.broken(7)))).await;
        self.takes(7, || self.mount("..2026_04", Some(self.versions.content(7)))).await;
        self.keeps(7, lines.unreadable, || self.mount("..2026_05", None)).await;
        self.takes(8, || self.mount("..2026_06", Some(self.versions.content(8)))).await;

        // None of that piles up.
        let before = self.gateway.resident_bytes();
        for round in 0..20 {
            let version = round % 2;
            self.mount(&format!("..2027_{round}"), Some(self.versions.content(version)));
            self.comes_into_force(version).await;
        }
        self.gateway.memory_is_back(before, "20 swaps", async || assert!(self.is_in_force(1).await)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_follow_whole_files_only() {
    Changing::start(Versions::of_certificates()).await.survives_every_change().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_follow_whole_files_only() {
    Changing::start(Versions::of_secrets()).await.survives_every_change().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_follow_whole_files_only() {
    let upstream = Upstream::start().await;
    Changing::start(Versions::Rules(upstream.address)).await.survives_every_change().await;
}
