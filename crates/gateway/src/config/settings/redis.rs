//! `cache` of type `redis`, `redis-cluster` or `redis-sentinel`: one connection, for answers and for used proofs.

use std::time::Duration;

use dpop_redis::{Address, Topology};
use gateway_core::document::{
    ByteSize, Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place,
    SecretReference, decode_one_of,
};

use super::listener::{CipherSuite, TlsVersion};

/// Redis, as the configuration describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct RedisSettings {
    /// Which servers.
    pub topology: Topology,
    /// User and password.
    pub credentials: Option<SecretReference>,
    /// Encryption; `None` when it is disabled.
    pub tls: Option<RedisTlsSettings>,
    /// To connect (3s).
    pub connect_timeout: Duration,
    /// To answer a command of the cache (100ms).
    pub answer_timeout: Duration,
    /// Where `cache` stands.
    pub place: Place,
}

/// `tls` of a Redis connection.
#[derive(Debug, Clone, PartialEq)]
pub struct RedisTlsSettings {
    /// The certificate to show and its key.
    pub secret: Option<SecretReference>,
    /// The oldest version (TLS1.3).
    pub min_version: TlsVersion,
    /// The cipher suites; all when empty.
    pub cipher_suites: Vec<String>,
}

impl Default for RedisTlsSettings {
    fn default() -> Self {
        Self { secret: None, min_version: TlsVersion::Tls13, cipher_suites: Vec::new() }
    }
}

/// Which of heimdall's three types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Cluster,
    Sentinel,
}

/// Reads `config`.
pub(super) fn decode(
    kind: Kind,
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<RedisSettings> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let topology = decode_topology(kind, &mut reader);
    let credentials = reader.optional("credentials");
    without_effect(&mut reader);
    let timeouts = reader.optional_with("timeout", decode_timeouts).unwrap_or_default();
    let tls = match reader.node("tls") {
        Some(_) => reader
            .optional_with("tls", |node, path, diagnostics| decode_tls(kind, node, path, diagnostics))?,
        None => Some(RedisTlsSettings::default()),
    };
    reader.finish();
    Some(RedisSettings {
        topology: topology?,
        credentials,
        tls,
        connect_timeout: timeouts.connect,
        answer_timeout: timeouts.answer,
        place: node.place.clone(),
    })
}

fn decode_topology(kind: Kind, reader: &mut MapReader<'_, '_>) -> Option<Topology> {
    Some(match kind {
        Kind::Single => {
            let (address, database) = (reader.required::<HostAndPort>("address"), reader.or("db", 0));
            Topology::Single { address: address?.0, database }
        }
        Kind::Cluster => Topology::Cluster { nodes: decode_nodes(reader)? },
        Kind::Sentinel => {
            let (sentinels, primary, database) =
                (decode_nodes(reader), reader.required("master"), reader.or("db", 0));
            Topology::Sentinel { sentinels: sentinels?, primary: primary?, database }
        }
    })
}

fn decode_nodes(reader: &mut MapReader<'_, '_>) -> Option<Vec<Address>> {
    let nodes = reader.required::<Vec<HostAndPort>>("nodes")?;
    if nodes.is_empty() {
        let headline = format!("`{}` is empty", reader.path().key("nodes"));
        let place = reader.key_place("nodes").unwrap_or(reader.place()).clone();
        let diagnostic = Diagnostic::error(Code::OutOfRange, headline, &place).expected("at least one node");
        reader.diagnostics().push(diagnostic);
        return None;
    }
    Some(nodes.into_iter().map(|node| node.0).collect())
}

struct HostAndPort(Address);

impl Decode for HostAndPort {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let text = String::decode(node, path, diagnostics)?;
        if let Ok(address) = text.parse() {
            return Some(Self(address));
        }
        diagnostics.push(
            Diagnostic::error(
                Code::WrongType,
                format!("`{path}` is not the address of a server"),
                &node.place,
            )
            .found(text)
            .expected("`HOST:PORT` such as `redis.example.com:6379`"),
        );
        None
    }
}

/// Settings of heimdall's client that have no counterpart here. Nothing depends on them, so they are read, and said to be
/// without effect.
fn without_effect(reader: &mut MapReader<'_, '_>) {
    let client_cache = reader.optional_with("client_cache", |node, path, diagnostics| {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let is_disabled = reader.or("disabled", false);
        reader.optional::<ConfigDuration>("ttl");
        reader.optional::<ByteSize>("size_per_connection");
        reader.finish();
        Some(is_disabled)
    });
    let buffer_limit = reader.optional_with("buffer_limit", |node, path, diagnostics| {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.optional::<ByteSize>("read");
        reader.optional::<ByteSize>("write");
        reader.finish();
        Some(())
    });
    let flush_delay = reader.optional::<ConfigDuration>("max_flush_delay");
    for (key, is_asked_for) in [
        ("client_cache", client_cache == Some(false)),
        ("buffer_limit", buffer_limit.is_some()),
        ("max_flush_delay", flush_delay.is_some()),
    ] {
        if is_asked_for {
            let headline = format!("`{}` has no effect", reader.path().key(key));
            let place = reader.key_place(key).unwrap_or(reader.place()).clone();
            let warning = Diagnostic::warning(Code::Deprecated, headline, &place)
                .hint("every command goes to Redis at once, over one connection; remove the key");
            reader.diagnostics().push(warning);
        }
    }
}

struct RedisTimeouts {
    connect: Duration,
    answer: Duration,
}

impl Default for RedisTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), answer: Duration::from_millis(100) }
    }
}

/// A command is written and answered within one limit: the longer one of heimdall's two.
fn decode_timeouts(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<RedisTimeouts> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let connect = reader.optional::<ConfigDuration>("connect");
    let read = reader.optional::<ConfigDuration>("read");
    let write = reader.optional::<ConfigDuration>("write");
    reader.finish();
    let defaults = RedisTimeouts::default();
    Some(RedisTimeouts {
        connect: connect.map_or(defaults.connect, |limit| limit.0),
        answer: read.into_iter().chain(write).map(|limit| limit.0).max().unwrap_or(defaults.answer),
    })
}

/// `Some(None)` when it is disabled.
fn decode_tls(
    kind: Kind,
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<Option<RedisTlsSettings>> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let is_disabled = reader.or("disabled", false);
    let secret = reader.optional("secret");
    let min_version = reader.optional_with("min_version", |node, path, diagnostics| {
        let versions = [("TLS1.2", TlsVersion::Tls12), ("TLS1.3", TlsVersion::Tls13)];
        decode_one_of(node, path, &versions, diagnostics)
    });
    let suites = reader.optional::<Vec<CipherSuite>>("cipher_suites");
    if kind == Kind::Cluster {
        let is_strict = min_version == Some(TlsVersion::Tls13);
        for (key, is_set) in
            [("secret", secret.is_some()), ("min_version", is_strict), ("cipher_suites", suites.is_some())]
        {
            if is_set {
                reader.not_supported_yet(
                    key,
                    "nodes of a cluster are reached with TLS 1.2 or 1.3, the system's trust anchors and no client certificate",
                );
            }
        }
    }
    reader.finish();
    Some((!is_disabled).then(|| RedisTlsSettings {
        secret,
        min_version: min_version.unwrap_or(TlsVersion::Tls13),
        cipher_suites: suites.unwrap_or_default().into_iter().map(|suite| suite.0).collect(),
    }))
}
