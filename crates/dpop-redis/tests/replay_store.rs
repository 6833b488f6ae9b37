//! The replay store against real servers: the contract, faults, credentials, TLS, sentinels, a cluster.

#![expect(clippy::unwrap_used, reason = "a test that can not be set up fails")]

mod servers;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dpop::{Claim, ReplayKey, ReplayStore};
use dpop_redis::{Credentials, Link, RedisConfig, RedisReplayStore, Tls, Topology};
use jose::{Algorithm, JwkThumbprint, KeyPair, UnixTime};
use servers::{Server, installed, wait_until};
use testkit::replay_contract::{self, StoreUnderTest};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

const TIMEOUT: Duration = Duration::from_millis(100);
/// What a claim may take in the worst case on a busy machine; without a time limit it would take for ever.
const BOUNDED: Duration = Duration::from_secs(5);

struct InRedis {
    runtime: Runtime,
    link: Arc<Link>,
    store: RedisReplayStore,
}

impl InRedis {
    fn connect(topology: Topology) -> Self {
        let gateway = Self::open(config(topology), Duration::from_secs(5));
        wait_until("connected", || gateway.link.is_connected());
        gateway
    }

    fn open(config: RedisConfig, timeout: Duration) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let guard = runtime.enter();
        let link = Arc::new(Link::new(config));
        link.connect();
        let store =
            RedisReplayStore::new(Arc::clone(&link), timeout).with_clock_reserve(Duration::from_secs(1));
        drop(guard);
        Self { runtime, link, store }
    }

    fn claim_fresh(&self) -> Claim {
        self.claim(ReplayKey::new(&thumbprint(), "fresh"), after(self.now(), 60), self.now())
    }

    fn recovers(&self) {
        wait_until("a fresh proof is accepted", || self.claim_fresh() == Claim::Claimed);
    }
}

impl StoreUnderTest for InRedis {
    fn claim(&self, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> Claim {
        self.runtime.block_on(self.store.claim(key, expires_at, now))
    }

    fn now(&self) -> UnixTime {
        #[expect(clippy::disallowed_methods, reason = "the server lives in real time")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        UnixTime::from_seconds(now.as_secs().try_into().unwrap())
    }

    fn pass(&self, seconds: i64) {
        #[expect(clippy::disallowed_methods, reason = "the server lives in real time")]
        std::thread::sleep(Duration::from_secs(seconds.unsigned_abs()) + Duration::from_millis(50));
    }

    fn may_linger(&self) -> i64 {
        1
    }
}

fn config(topology: Topology) -> RedisConfig {
    RedisConfig { topology, credentials: None, tls: Tls::Off, connect_timeout: Duration::from_secs(3) }
}

fn single(server: &Server) -> Topology {
    Topology::Single { address: server.address().parse().unwrap(), database: 0 }
}

fn thumbprint() -> JwkThumbprint {
    KeyPair::generate(Algorithm::Es256).unwrap().thumbprint()
}

fn after(time: UnixTime, seconds: i64) -> UnixTime {
    UnixTime::from_seconds(time.as_seconds() + seconds)
}

#[test]
fn one_server_keeps_the_contract() {
    if !installed("one_server_keeps_the_contract") {
        return;
    }
    let server = Server::start(&[]);
    replay_contract::check(&InRedis::connect(single(&server)));
    let keys = server.cli(&["--scan"]);
    assert!(keys.lines().all(|key| key.starts_with("keybound:replay:") && key.len() == 16 + 43), "{keys}");
}

#[test]
fn a_full_server_refuses_and_forgets_nothing() {
    if !installed("a_full_server_refuses_and_forgets_nothing") {
        return;
    }
    let server = Server::start(&["maxmemory-policy noeviction"]);
    let gateway = InRedis::connect(single(&server));
    let used: u64 = server
        .cli(&["info", "memory"])
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    server.cli(&["config", "set", "maxmemory", &(used + 300_000).to_string()]);
    replay_contract::refuses_when_full(&gateway, 100..=20_000);
    server.cli(&["config", "set", "maxmemory", "0"]);
    gateway.recovers();
}

#[test]
fn two_gateways_accept_a_proof_once() {
    if !installed("two_gateways_accept_a_proof_once") {
        return;
    }
    let server = Server::start(&[]);
    let gateways = [InRedis::connect(single(&server)), InRedis::connect(single(&server))];
    let thumbprint = thumbprint();
    for number in 0..200 {
        let key = ReplayKey::new(&thumbprint, &number.to_string());
        let answers: Vec<Claim> = std::thread::scope(|scope| {
            let claims = gateways.each_ref().map(|gateway| {
                scope.spawn(move || gateway.claim(key, after(gateway.now(), 60), gateway.now()))
            });
            claims.into_iter().map(|claim| claim.join().unwrap()).collect()
        });
        assert_eq!(
            answers.iter().filter(|answer| **answer == Claim::Claimed).count(),
            1,
            "{number}: {answers:?}"
        );
        assert!(!answers.contains(&Claim::Unavailable), "{number}: {answers:?}");
    }
}

#[test]
fn a_server_that_is_down_refuses_at_once_and_is_found_again() {
    if !installed("a_server_that_is_down_refuses_at_once_and_is_found_again") {
        return;
    }
    let mut server = Server::start(&[]);
    let port = server.port;
    let gateway = InRedis::open(config(single(&server)), TIMEOUT);
    gateway.recovers();
    server.kill();
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(gateway.claim_fresh(), Claim::Unavailable);
        assert!(start.elapsed() < BOUNDED);
    }
    let _again = Server::start_on(port, &[], &[]);
    gateway.recovers();
}

#[test]
fn a_server_that_is_slow_refuses_in_time() {
    if !installed("a_server_that_is_slow_refuses_in_time") {
        return;
    }
    let server = Server::start(&[]);
    let gateway = InRedis::open(config(single(&server)), TIMEOUT);
    gateway.recovers();
    server.cli(&["client", "pause", "60000", "write"]);
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(gateway.claim_fresh(), Claim::Unavailable);
        assert!(start.elapsed() < BOUNDED);
    }
    server.cli(&["client", "unpause"]);
    gateway.recovers();
}

#[test]
fn credentials_are_needed_and_can_change() {
    if !installed("credentials_are_needed_and_can_change") {
        return;
    }
    let server = Server::start(&["user gateway on >first ~keybound:* +set"]);
    let credentials = |password: &str| {
        Some(Credentials { username: Some("gateway".into()), password: Zeroizing::new(password.into()) })
    };
    let gateway =
        InRedis::open(RedisConfig { credentials: credentials("wrong"), ..config(single(&server)) }, TIMEOUT);
    assert_eq!(gateway.claim_fresh(), Claim::Unavailable);
    gateway.link.set_credentials(credentials("first"));
    gateway.recovers();
    server.cli(&["acl", "setuser", "gateway", "resetpass", ">second"]);
    gateway.link.set_credentials(credentials("second"));
    gateway.recovers();
    assert!(!format!("{:?}", gateway.store).contains("second"));
}

#[test]
fn connections_are_encrypted_and_the_server_is_authenticated() {
    if !installed("connections_are_encrypted_and_the_server_is_authenticated") {
        return;
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (certificate_file, key_file) =
        (file("certificate.pem", certificate.pem()), file("key.pem", key.serialize_pem()));
    let port = servers::free_port();
    let server = Server::start_on(
        port,
        &[
            &format!("tls-port {port}"),
            &format!("tls-cert-file {certificate_file}"),
            &format!("tls-key-file {key_file}"),
            "tls-auth-clients no",
        ],
        &[],
    );
    let trusting = |anchors: rustls::RootCertStore| {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(anchors)
            .with_no_client_auth();
        InRedis::open(RedisConfig { tls: Tls::On(Arc::new(tls)), ..config(single(&server)) }, TIMEOUT)
    };
    let mut anchors = rustls::RootCertStore::empty();
    anchors.add(certificate.der().clone()).unwrap();
    trusting(anchors).recovers();

    let stranger = trusting(rustls::RootCertStore::empty());
    stranger.pass(1);
    assert_eq!(stranger.claim_fresh(), Claim::Unavailable);
    assert!(!stranger.link.is_connected());
}

#[test]
fn sentinels_lead_to_the_primary_and_to_its_successor() {
    if !installed("sentinels_lead_to_the_primary_and_to_its_successor") {
        return;
    }
    let mut primary = Server::start(&[]);
    let replica = Server::start(&[&format!("replicaof 127.0.0.1 {}", primary.port)]);
    wait_until("replicating", || replica.cli(&["role"]).contains("connected"));
    let sentinel = Server::start_on(
        servers::free_port(),
        &[
            &format!("sentinel monitor shop 127.0.0.1 {} 1", primary.port),
            "sentinel down-after-milliseconds shop 500",
            "sentinel failover-timeout shop 2000",
        ],
        &["--sentinel"],
    );
    wait_until("the sentinel knows the replica", || {
        sentinel.cli(&["sentinel", "replicas", "shop"]).contains(&replica.port.to_string())
    });
    let topology = Topology::Sentinel {
        // One that is not there is passed over.
        sentinels: vec!["127.0.0.1:1".parse().unwrap(), sentinel.address().parse().unwrap()],
        primary: "shop".into(),
        database: 0,
    };
    let gateway = InRedis::connect(topology);
    replay_contract::claims_once(&gateway);
    primary.kill();
    gateway.recovers();
    assert!(replica.cli(&["role"]).starts_with("master"), "{}", replica.cli(&["role"]));
    replay_contract::claims_once(&gateway);
}

#[test]
fn a_cluster_keeps_the_contract() {
    if !installed("a_cluster_keeps_the_contract") {
        return;
    }
    let nodes = [0; 3].map(|_| Server::start(&["cluster-enabled yes", "cluster-node-timeout 2000"]));
    let addresses = nodes.each_ref().map(Server::address);
    let mut create = vec!["--cluster", "create"];
    create.extend(addresses.iter().map(String::as_str));
    create.extend(["--cluster-replicas", "0", "--cluster-yes"]);
    nodes[0].cli(&create);
    wait_until("the cluster is up", || {
        nodes.iter().all(|node| node.cli(&["cluster", "info"]).contains("cluster_state:ok"))
    });
    let gateway = InRedis::connect(Topology::Cluster { nodes: vec![addresses[0].parse().unwrap()] });
    replay_contract::check(&gateway);
    let used: Vec<String> = nodes.iter().map(|node| node.cli(&["dbsize"])).collect();
    assert!(used.iter().all(|size| size != "0"), "every node has a share: {used:?}");
}
