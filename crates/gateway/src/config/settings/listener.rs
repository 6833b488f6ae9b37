//! `serve` and `management`: the two listeners.

use std::time::Duration;

use gateway_core::document::{
    ByteSize, Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Network, Node,
    NodeValue, Place, SecretReference, Spanned, decode_one_of,
};
use gateway_core::public_origin::PublicOrigin;
use gateway_core::respond::RespondSettings;
use http::StatusCode;

use super::{
    cors::CorsSettings,
    written::{WrittenOrigins, WrittenRespond},
};

/// `serve`: where requests come in.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "Serve")]
pub struct ServeSettings {
    /// Name or address to listen on; every interface when missing.
    pub host: Option<String>,
    /// Port; 0 lets the system choose.
    #[schemars(extend("default" = 4456))]
    pub port: u16,
    /// Time limits.
    #[schemars(with = "Option<Timeouts>")]
    pub timeout: Timeouts,
    /// Size limits of heads.
    #[schemars(with = "Option<BufferLimits>")]
    pub buffer_limit: BufferLimits,
    /// The pool of connections to upstreams.
    #[schemars(with = "Option<ConnectionLimits>")]
    pub connections_limit: ConnectionLimits,
    /// Peers whose forwarding headers are believed.
    #[schemars(with = "Option<Vec<Network>>")]
    pub trusted_proxies: Vec<Spanned<Network>>,
    /// Certificate and protocol versions; plain HTTP when missing.
    pub tls: Option<TlsSettings>,
    /// Which scripts of other origins may ask; proxy mode only. Browsers refuse them all when missing, unless the upstream
    /// answers preflights.
    pub cors: Option<CorsSettings>,
    /// Status codes and bodies of answers.
    #[schemars(with = "Option<WrittenRespond>")]
    pub respond: RespondSettings,
    /// Scheme, host and port as clients use them; several when the gateway has several names.
    #[schemars(with = "Option<WrittenOrigins>", extend("x-keybound" = true))]
    pub public_origin: Vec<PublicOrigin>,
    /// Limits of requests and connections.
    #[schemars(with = "Option<RequestLimits>", extend("x-keybound" = true))]
    pub limits: RequestLimits,
    /// Where `serve` starts; the start of the document when it is missing.
    #[schemars(skip)]
    pub place: Place,
}

/// `management`: health, keys and metrics.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "Management")]
pub struct ManagementSettings {
    /// Name or address to listen on; every interface when missing.
    pub host: Option<String>,
    /// Port; 0 lets the system choose.
    #[schemars(extend("default" = 4457))]
    pub port: u16,
    /// Time limits.
    #[schemars(with = "Option<Timeouts>")]
    pub timeout: Timeouts,
    /// Size limits of heads.
    #[schemars(with = "Option<BufferLimits>")]
    pub buffer_limit: BufferLimits,
    /// Certificate and protocol versions; plain HTTP when missing.
    pub tls: Option<TlsSettings>,
    /// Which scripts of other origins may ask; none when missing.
    pub cors: Option<CorsSettings>,
    /// Whether `GET /metrics` answers (true).
    #[schemars(extend("default" = true, "x-keybound" = true))]
    pub metrics: bool,
    /// Where `management` starts; the start of the document when it is missing.
    #[schemars(skip)]
    pub place: Place,
}

/// Time limits of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
pub struct Timeouts {
    /// For the head of a request, every gap in its body, and the head of the upstream's answer.
    #[schemars(with = "ConfigDuration", extend("default" = "5s"))]
    pub read: Duration,
    /// For a write that does not get on.
    #[schemars(with = "ConfigDuration", extend("default" = "10s"))]
    pub write: Duration,
    /// For a connection without a request.
    #[schemars(with = "ConfigDuration", extend("default" = "2m"))]
    pub idle: Duration,
}

/// Size limits of a listener, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
pub struct BufferLimits {
    /// The largest head of a request. heimdall's default is 4KB; a large token and a proof do not fit there.
    #[schemars(with = "ByteSize", extend("default" = "32KB"))]
    pub read: u64,
    /// Without effect over HTTP.
    #[schemars(with = "ByteSize", extend("default" = "4KB"))]
    pub write: u64,
}

/// The pool of connections to upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
pub struct ConnectionLimits {
    /// Connections to one host, in use or idle; no limit when missing or 0. Who finds them all in use waits for up to
    /// `timeout.read`, at most 1024 requests at a time, then gets 503. A WebSocket counts until it is open.
    pub max_per_host: Option<usize>,
    /// Idle connections altogether that are kept for the next request.
    #[schemars(extend("default" = 100))]
    pub max_idle: usize,
    /// Idle connections to one host that are kept for the next request.
    #[schemars(extend("default" = 100))]
    pub max_idle_per_host: usize,
}

/// Limits of requests and connections; none unless set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(inline)]
pub struct RequestLimits {
    /// The largest body of a request in bytes.
    #[schemars(with = "Option<ByteSize>")]
    pub max_body_size: Option<u64>,
    /// Open connections; more wait.
    pub max_connections: Option<usize>,
}

/// `tls` of a listener.
#[derive(Debug, Clone, PartialEq, schemars::JsonSchema)]
#[schemars(rename = "Tls")]
pub struct TlsSettings {
    /// A private key with its certificate and chain, in a `pem` source. The certificate must be valid now; with `watch` on
    /// the source it is renewed without a restart.
    pub secret: SecretReference,
    /// The oldest protocol version that clients may speak: `TLS1.2` or `TLS1.3`.
    #[schemars(extend("default" = "TLS1.3"))]
    pub min_version: TlsVersion,
    /// Cipher suites by their IANA names, AEAD only; all nine when missing. Those of TLS 1.3 are restricted only if the list
    /// names one of them.
    #[schemars(extend("default" = []))]
    pub cipher_suites: Vec<String>,
}

/// TLS versions that may be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(inline)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[schemars(rename = "TLS1.2")]
    Tls12,
    /// TLS 1.3.
    #[schemars(rename = "TLS1.3")]
    Tls13,
}

/// heimdall's port for requests.
const SERVE_PORT: u16 = 4456;
/// heimdall's port for operators.
const MANAGEMENT_PORT: u16 = 4457;

impl ServeSettings {
    /// Everything at its default; `place` is where a missing `serve` is reported.
    #[must_use]
    pub fn defaults(place: &Place) -> Self {
        Self {
            host: None,
            port: SERVE_PORT,
            timeout: Timeouts::default(),
            buffer_limit: BufferLimits::default(),
            connections_limit: ConnectionLimits::default(),
            trusted_proxies: Vec::new(),
            tls: None,
            cors: None,
            respond: RespondSettings::default(),
            public_origin: Vec::new(),
            limits: RequestLimits::default(),
            place: place.clone(),
        }
    }
}

impl ManagementSettings {
    /// Everything at its default; `place` is where a missing `management` is reported.
    #[must_use]
    pub fn defaults(place: &Place) -> Self {
        Self {
            host: None,
            port: MANAGEMENT_PORT,
            timeout: Timeouts::default(),
            buffer_limit: BufferLimits::default(),
            tls: None,
            cors: None,
            metrics: true,
            place: place.clone(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { read: Duration::from_secs(5), write: Duration::from_secs(10), idle: Duration::from_secs(120) }
    }
}

impl Default for BufferLimits {
    fn default() -> Self {
        Self { read: 32 << 10, write: 4 << 10 }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { max_per_host: None, max_idle: 100, max_idle_per_host: 100 }
    }
}

impl Decode for ServeSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let defaults = Self::defaults(&node.place);
        let settings = Self {
            host: reader.optional("host"),
            port: reader.or("port", defaults.port),
            timeout: reader.or("timeout", defaults.timeout),
            buffer_limit: reader.or("buffer_limit", defaults.buffer_limit),
            connections_limit: reader.or("connections_limit", defaults.connections_limit),
            trusted_proxies: reader.or("trusted_proxies", Vec::new()),
            tls: reader.optional("tls"),
            cors: reader.optional("cors"),
            respond: reader.optional_with("respond", decode_respond).unwrap_or_default(),
            public_origin: reader.optional_with("public_origin", decode_origins).unwrap_or_default(),
            limits: reader.or("limits", defaults.limits),
            place: node.place.clone(),
        };
        reader.finish();
        Some(settings)
    }
}

impl Decode for ManagementSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let defaults = Self::defaults(&node.place);
        let settings = Self {
            host: reader.optional("host"),
            port: reader.or("port", defaults.port),
            timeout: reader.or("timeout", defaults.timeout),
            buffer_limit: reader.or("buffer_limit", defaults.buffer_limit),
            tls: reader.optional("tls"),
            cors: reader.optional("cors"),
            metrics: reader.or("metrics", defaults.metrics),
            place: node.place.clone(),
        };
        reader.finish();
        Some(settings)
    }
}

impl Decode for Timeouts {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let defaults = Self::default();
        let timeouts = Self {
            read: reader.or("read", ConfigDuration(defaults.read)).into(),
            write: reader.or("write", ConfigDuration(defaults.write)).into(),
            idle: reader.or("idle", ConfigDuration(defaults.idle)).into(),
        };
        reader.finish();
        Some(timeouts)
    }
}

impl Decode for BufferLimits {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let defaults = Self::default();
        let limits = Self {
            read: reader.or("read", ByteSize(defaults.read)).as_bytes(),
            write: reader.or("write", ByteSize(defaults.write)).as_bytes(),
        };
        reader.finish();
        Some(limits)
    }
}

impl Decode for ConnectionLimits {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let defaults = Self::default();
        let limits = Self {
            max_per_host: reader.optional("max_per_host").filter(|limit| *limit > 0),
            max_idle: reader.or("max_idle", defaults.max_idle),
            max_idle_per_host: reader.or("max_idle_per_host", defaults.max_idle_per_host),
        };
        reader.finish();
        Some(limits)
    }
}

impl Decode for RequestLimits {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let max_body_size = reader.optional::<ByteSize>("max_body_size").map(ByteSize::as_bytes);
        let max_connections = reader.optional("max_connections").filter(|limit| *limit > 0);
        reader.finish();
        Some(Self { max_body_size, max_connections })
    }
}

/// Names of the AEAD suites that can be chosen.
const CIPHER_SUITES: [(&str, ()); 9] = [
    ("TLS_AES_128_GCM_SHA256", ()),
    ("TLS_AES_256_GCM_SHA384", ()),
    ("TLS_CHACHA20_POLY1305_SHA256", ()),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", ()),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", ()),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ()),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", ()),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", ()),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ()),
];

impl Decode for TlsSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let secret = reader.required("secret");
        let min_version = reader.optional_with("min_version", |node, path, diagnostics| {
            decode_one_of(
                node,
                path,
                &[("TLS1.2", TlsVersion::Tls12), ("TLS1.3", TlsVersion::Tls13)],
                diagnostics,
            )
        });
        let cipher_suites = reader.or::<Vec<CipherSuite>>("cipher_suites", Vec::new());
        reader.finish();
        Some(Self {
            secret: secret?,
            min_version: min_version.unwrap_or(TlsVersion::Tls13),
            cipher_suites: cipher_suites.into_iter().map(|suite| suite.0).collect(),
        })
    }
}

/// The IANA name of a suite that may be configured.
pub(super) struct CipherSuite(pub(super) String);

impl Decode for CipherSuite {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let name = node.scalar_text();
        if let Some(name) = name.as_deref().filter(|name| name.contains("_CBC_")) {
            diagnostics.push(
                Diagnostic::error(Code::NotOneOf, format!("`{path}` is a suite with CBC"), &node.place)
                    .found(name)
                    .expected("a suite with GCM or CHACHA20_POLY1305")
                    .hint("remove it: every client that speaks TLS 1.2 has an AEAD suite (RFC 9325 §4.2)"),
            );
            return None;
        }
        decode_one_of(node, path, &CIPHER_SUITES, diagnostics)?;
        name.map(Self)
    }
}

fn decode_respond(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<RespondSettings> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let verbose = reader.or("verbose", false);
    let with = reader.optional_with("with", |node, path, diagnostics| {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let mut status = |key| reader.optional::<Answer>(key).map(|answer| answer.code);
        let respond = RespondSettings {
            verbose,
            accepted: status("accepted"),
            precondition_error: status("precondition_error"),
            authentication_error: status("authentication_error"),
            authorization_error: status("authorization_error"),
            communication_error: status("communication_error"),
            internal_error: status("internal_error"),
            no_rule_error: status("no_rule_error"),
        };
        reader.finish();
        Some(respond)
    });
    reader.finish();
    Some(with.unwrap_or(RespondSettings { verbose, ..RespondSettings::default() }))
}

struct Answer {
    code: StatusCode,
}

impl Decode for Answer {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let code = reader.required::<Spanned<u16>>("code");
        let status = code.and_then(|code| {
            // 1xx is no final answer.
            let status =
                StatusCode::from_u16(code.value).ok().filter(|status| (200..600).contains(&status.as_u16()));
            if status.is_none() {
                let headline = format!("`{}` is not a status code", reader.path().key("code"));
                reader.diagnostics().push(
                    Diagnostic::error(Code::OutOfRange, headline, &code.place)
                        .found(code.value.to_string())
                        .expected("200 to 599"),
                );
            }
            status
        });
        reader.finish();
        Some(Self { code: status? })
    }
}

/// One origin or a list of them.
fn decode_origins(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Vec<PublicOrigin>> {
    match &node.value {
        NodeValue::Sequence(_) => Vec::decode(node, path, diagnostics),
        NodeValue::Null
        | NodeValue::Bool(_)
        | NodeValue::Number(_)
        | NodeValue::String(_)
        | NodeValue::Mapping(_) => PublicOrigin::decode(node, path, diagnostics).map(|origin| vec![origin]),
    }
}
