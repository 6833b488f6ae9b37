//! `secret_management`: where secrets come from.

use gateway_core::document::{
    Code, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place, Spanned, decode_one_of, report_wrong_type,
};

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
    Jwks {
        /// Path, relative to the working directory.
        path: Spanned<String>,
    },
    /// Private keys and certificates in a PEM file.
    Pem {
        /// Path, relative to the working directory.
        path: Spanned<String>,
    },
    /// Texts and credentials in the configuration itself.
    Inline {
        /// The map as written.
        entries: Node,
    },
    /// Texts and credentials in a flat YAML or JSON file.
    File {
        /// Path, relative to the working directory.
        path: Spanned<String>,
    },
    /// Its settings are wrong, which was reported; references to it are not reported as unknown.
    Broken,
}

impl std::fmt::Debug for SecretSourceKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Jwks { path } => formatter.debug_struct("Jwks").field("path", &path.value).finish(),
            Self::Pem { path } => formatter.debug_struct("Pem").field("path", &path.value).finish(),
            Self::Inline { .. } => formatter.write_str("Inline(..)"),
            Self::Broken => formatter.write_str("Broken"),
            Self::File { path } => formatter.debug_struct("File").field("path", &path.value).finish(),
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
        SourceType::Jwks => {
            SecretSourceKind::Jwks { path: read_path(config, &config_path, &[], diagnostics)? }
        }
        SourceType::Pem => {
            SecretSourceKind::Pem { path: read_path(config, &config_path, &["password"], diagnostics)? }
        }
        SourceType::File => {
            SecretSourceKind::File { path: read_path(config, &config_path, &[], diagnostics)? }
        }
        SourceType::Inline => {
            check_inline(config, &config_path, diagnostics)?;
            SecretSourceKind::Inline { entries: config.clone() }
        }
    };
    Some(SecretSourceSettings { name, allow_in_rules, kind })
}

/// `path` and `watch` of a source in a file; of the `later` keys none works yet.
fn read_path(
    node: &Node,
    path: &KeyPath,
    later: &[&'static str],
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<String>> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let file = reader.required("path");
    if reader.or("watch", false) {
        reader.not_supported_yet("watch", "restart the gateway when the file changes");
    }
    for key in later {
        reader.optional::<String>(key);
        reader.not_supported_yet(
            key,
            "keep the key in a file that only the gateway may read, without password",
        );
    }
    reader.finish();
    file
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
