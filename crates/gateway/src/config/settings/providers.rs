//! `providers`: where rules come from.

use std::time::Duration;

use gateway_core::document::{
    Code, ConfigDuration, Decode, Diagnostic, Diagnostics, Endpoint, KeyPath, MapReader, Node, Spanned,
};

use super::check_for_later;
use super::listener::TlsSettings;

/// Where rules come from; without a provider every request is refused for want of a rule.
#[derive(Debug, Clone, Default)]
pub struct ProviderSettings {
    /// Files.
    pub file_system: Option<FileSystemSettings>,
    /// HTTP servers.
    pub http_endpoint: Option<HttpEndpointSettings>,
}

/// `providers.file_system`: rule files.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "FileSystemProvider")]
pub struct FileSystemSettings {
    /// A file, or a folder whose files are read (not those of folders inside it). Relative to the working directory.
    pub src: Spanned<String>,
    /// Follow changes while running.
    #[schemars(extend("default" = false))]
    pub watch: bool,
    /// Replace `${NAME}` in rule files.
    #[schemars(extend("default" = false))]
    pub env_vars_enabled: bool,
}

/// `providers.http_endpoint`: rule sets from HTTP servers.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "HttpEndpointProvider")]
pub struct HttpEndpointSettings {
    /// Where the rule sets are: each endpoint answers GET with one, as JSON or YAML. Templates of URL and headers may use
    /// `secret` and nothing else.
    pub endpoints: Vec<Endpoint>,
    /// How often they are asked for. With `0s` once, when the gateway starts, and again only until the first good answer.
    #[schemars(with = "ConfigDuration", extend("default" = "0s"))]
    pub watch_interval: Duration,
}

impl Decode for ProviderSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let meanwhile = "use `file_system` and keep its files up to date by other means";
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let file_system = reader.optional("file_system");
        let http_endpoint = reader.optional("http_endpoint");
        check_for_later::<CloudBlobProvider>(&mut reader, "cloud_blob", meanwhile);
        check_for_later::<KubernetesProvider>(&mut reader, "kubernetes", meanwhile);
        reader.finish();
        Some(Self { file_system, http_endpoint })
    }
}

impl Decode for FileSystemSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let src = reader.required("src");
        let watch = reader.or("watch", false);
        let env_vars_enabled = reader.or("env_vars_enabled", false);
        reader.finish();
        Some(Self { src: src?, watch, env_vars_enabled })
    }
}

impl Decode for HttpEndpointSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let endpoints = reader.required::<Vec<Endpoint>>("endpoints");
        if endpoints.as_ref().is_some_and(Vec::is_empty) {
            let headline = format!("`{}` is empty", reader.path().key("endpoints"));
            let place = reader.key_place("endpoints").unwrap_or(reader.place()).clone();
            let diagnostic =
                Diagnostic::error(Code::MissingKey, headline, &place).expected("at least one entry");
            reader.diagnostics().push(diagnostic);
        }
        let watch_interval = reader.or("watch_interval", ConfigDuration(Duration::ZERO)).into();
        reader.finish();
        Some(Self { endpoints: endpoints?, watch_interval })
    }
}

/// Checked only: belongs to a later stage.
struct CloudBlobProvider;

impl Decode for CloudBlobProvider {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.required::<Vec<Bucket>>("buckets");
        reader.optional::<ConfigDuration>("watch_interval");
        reader.finish();
        Some(Self)
    }
}

struct Bucket;

impl Decode for Bucket {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.required::<String>("url");
        reader.optional::<String>("prefix");
        reader.finish();
        Some(Self)
    }
}

/// Checked only: belongs to a later stage.
struct KubernetesProvider;

impl Decode for KubernetesProvider {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.optional::<String>("auth_class");
        reader.optional::<TlsSettings>("tls");
        reader.finish();
        Some(Self)
    }
}
