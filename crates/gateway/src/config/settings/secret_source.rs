//! `secret_management`: where secrets come from.

use gateway_core::document::{
    Code, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place, Spanned, decode_one_of, report_wrong_type,
};
use zeroize::Zeroizing;

/// One source under `secret_management`.
#[derive(Debug, Clone)]
pub struct SecretSourceSettings {
    /// Its name.
    pub name: Spanned<String>,
    /// Whether rules may use it.
    pub allow_in_rules: bool,
    /// What it is and where.
    pub kind: SecretSourceKind,
}

/// The types of sources with their settings.
#[derive(Clone)]
pub enum SecretSourceKind {
    /// A JWK set in a file.
    Jwks(SecretFile),
    /// Private keys and certificates in a PEM file.
    Pem {
        /// The file.
        file: SecretFile,
        /// Opens the file's `ENCRYPTED PRIVATE KEY` blocks (PKCS#8 with PBES2); not needed for keys that are not encrypted.
        password: Option<Zeroizing<String>>,
    },
    /// Texts and credentials in the configuration itself.
    Inline {
        /// The map as written.
        entries: Node,
    },
    /// Texts and credentials in a flat YAML or JSON file.
    File(SecretFile),
    /// Its settings are wrong, which was reported; references to it are not reported as unknown.
    Broken,
}

/// A file that secrets come from.
#[derive(Debug, Clone)]
pub struct SecretFile {
    /// Path, relative to the working directory.
    pub path: Spanned<String>,
    /// Whether the file is followed while the gateway runs (false). A content that can not be used, or a file that is gone,
    /// leaves the secrets as they are.
    pub watch: bool,
}

impl SecretSourceKind {
    /// The file it comes from, if it comes from one.
    #[must_use]
    pub fn file(&self) -> Option<&SecretFile> {
        match self {
            Self::Jwks(file) | Self::Pem { file, .. } | Self::File(file) => Some(file),
            Self::Inline { .. } | Self::Broken => None,
        }
    }
}

impl std::fmt::Debug for SecretSourceKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.file().map(|file| file.path.value.as_str()).unwrap_or_default();
        match self {
            Self::Jwks(_) => formatter.debug_struct("Jwks").field("path", &path).finish(),
            Self::Pem { .. } => formatter.debug_struct("Pem").field("path", &path).finish_non_exhaustive(),
            Self::Inline { .. } => formatter.write_str("Inline(..)"),
            Self::File(_) => formatter.debug_struct("File").field("path", &path).finish(),
            Self::Broken => formatter.write_str("Broken"),
        }
    }
}

#[derive(Clone, Copy)]
enum SourceType {
    Jwks,
    Pem,
    Inline,
    File,
}

pub(super) fn decode_sources(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<SecretSourceSettings>> {
    let Some(entries) = node.entries() else {
        report_wrong_type(node, path, "a map", None, diagnostics);
        return None;
    };
    let mut sources = Vec::new();
    for (key, value) in entries {
        let name = Spanned::new(key.text.clone(), key.place.clone());
        let source = decode_source(name.clone(), value, &path.key(&key.text), diagnostics);
        let broken = SecretSourceSettings { name, allow_in_rules: true, kind: SecretSourceKind::Broken };
        sources.push(source.unwrap_or(broken));
    }
    Some(sources)
}

fn decode_source(
    name: Spanned<String>,
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<SecretSourceSettings> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    if !reader.has("type") {
        reader.report_missing("type");
    }
    let source_type = reader.optional_with("type", |node, path, diagnostics| {
        let choices = [
            ("jwks", SourceType::Jwks),
            ("pem", SourceType::Pem),
            ("inline", SourceType::Inline),
            ("file", SourceType::File),
        ];
        decode_one_of(node, path, &choices, diagnostics)
    });
    let allow_in_rules = reader.or("allow_in_rules", false);
    let config = reader.node("config");
    if config.is_none() {
        reader.report_missing("config");
    }
    reader.finish();
    let (source_type, config) = (source_type?, config?);
    let config_path = path.key("config");
    let kind = match source_type {
        SourceType::Jwks => SecretSourceKind::Jwks(read_file(config, &config_path, diagnostics, |_| ())?.0),
        SourceType::Pem => {
            let (file, password) = read_file(config, &config_path, diagnostics, |reader| {
                reader.optional::<String>("password").map(Zeroizing::new)
            })?;
            SecretSourceKind::Pem { file, password }
        }
        SourceType::File => SecretSourceKind::File(read_file(config, &config_path, diagnostics, |_| ())?.0),
        SourceType::Inline => {
            check_inline(config, &config_path, diagnostics)?;
            SecretSourceKind::Inline { entries: config.clone() }
        }
    };
    Some(SecretSourceSettings { name, allow_in_rules, kind })
}

/// `path` and `watch` of a source in a file, and what else this type of source has.
fn read_file<T>(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
    read_more: impl FnOnce(&mut MapReader<'_, '_>) -> T,
) -> Option<(SecretFile, T)> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let file = reader.required("path");
    let watch = reader.or("watch", false);
    let more = read_more(&mut reader);
    reader.finish();
    Some((SecretFile { path: file?, watch }, more))
}

fn check_inline(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<()> {
    let Some(entries) = node.entries() else {
        report_wrong_type(node, path, "a map", None, diagnostics);
        return None;
    };
    if entries.is_empty() {
        report_empty(path, &node.place, diagnostics);
        return None;
    }
    Some(())
}

fn report_empty(path: &KeyPath, place: &Place, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(Code::MissingKey, format!("`{path}` is empty"), place)
            .expected("at least one entry"),
    );
}
