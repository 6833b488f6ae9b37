//! Secret sources: the files and inline values behind `secret_management`, read into the store that mechanisms use.
//!
//! A source that can not be read is one error at its `path`; everything that refers to it stays silent then. No message
//! holds a secret.

mod file;
mod inline;
mod jwks;
mod pem;

use gateway_core::document::{Code, Diagnostic, Diagnostics, Spanned};
use gateway_core::secrets::{SecretContent, SecretSource, SecretStore};

use crate::config::Sources;
use crate::config::reason;
use crate::config::settings::{SecretSourceKind, SecretSourceSettings};

/// Largest file of a source in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Reads every source. The texts of `file` sources are added to `sources`, for messages that point into them.
pub(crate) fn read_sources(
    settings: &[SecretSourceSettings],
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> SecretStore {
    let mut store = SecretStore::new();
    for source in settings {
        let content = match &source.kind {
            SecretSourceKind::Jwks { path } => jwks::read(path, diagnostics),
            SecretSourceKind::Pem { path } => pem::read(path, diagnostics),
            SecretSourceKind::Inline { entries } => inline::read(&source.name.value, entries, diagnostics),
            SecretSourceKind::File { path } => file::read(&source.name.value, path, sources, diagnostics),
            SecretSourceKind::Broken => None,
        };
        let content = content.unwrap_or(SecretContent::Unreadable);
        store.insert(
            source.name.value.clone(),
            SecretSource { allow_in_rules: source.allow_in_rules, content },
        );
    }
    store
}

/// The bytes of a source's file; `None` after reporting `unreadable_file` with the absolute path tried.
fn read_file(path: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let why = match std::fs::metadata(&path.value) {
        Ok(metadata) if metadata.len() > MAX_FILE_BYTES => "it is larger than 4 MB".to_owned(),
        Ok(_) => match std::fs::read(&path.value) {
            Ok(bytes) => return Some(zeroize::Zeroizing::new(bytes)),
            Err(error) => reason(&error),
        },
        Err(error) => reason(&error),
    };
    report_unreadable(path, &why, diagnostics);
    None
}

/// Reports that the file of a source can not be used.
fn report_unreadable(path: &Spanned<String>, why: &str, diagnostics: &mut Diagnostics) {
    let tried = std::path::absolute(&path.value)
        .map_or_else(|_| path.value.clone(), |tried| tried.display().to_string());
    diagnostics.push(
        Diagnostic::error(
            Code::UnreadableFile,
            format!("secret file `{}` can not be used: {why}", path.value),
            &path.place,
        )
        .found(tried)
        .hint("relative paths start at the working directory of the process"),
    );
}
