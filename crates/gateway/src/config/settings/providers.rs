//! `providers`: where rules come from.

use gateway_core::document::{
    ConfigDuration, Decode, Diagnostics, Endpoint, KeyPath, MapReader, Node, Spanned,
};

use super::check_for_later;
use super::listener::TlsSettings;

/// Where rules come from; without a provider every request is refused for want of a rule.
#[derive(Debug, Clone, Default)]
pub struct ProviderSettings {
    /// Files.
    pub file_system: Option<FileSystemSettings>,
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

impl Decode for ProviderSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let meanwhile = "use `file_system` and keep its files up to date by other means";
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let file_system = reader.optional("file_system");
        check_for_later::<HttpEndpointProvider>(&mut reader, "http_endpoint", meanwhile);
        check_for_later::<CloudBlobProvider>(&mut reader, "cloud_blob", meanwhile);
        check_for_later::<KubernetesProvider>(&mut reader, "kubernetes", meanwhile);
        reader.finish();
        Some(Self { file_system })
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

/// Checked only: belongs to a later stage.
struct HttpEndpointProvider;

impl Decode for HttpEndpointProvider {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        reader.required::<Vec<Endpoint>>("endpoints");
        reader.optional::<ConfigDuration>("watch_interval");
        reader.finish();
        Some(Self)
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
