//! Secret sources: the files and inline values behind `secret_management`, read into the store that mechanisms use.
//!
//! A source that can not be read is one error at its `path`; everything that refers to it stays silent then. No message
//! holds a secret.

mod file;
pub(crate) mod follow;
mod inline;
mod jwks;
mod pem;

use std::collections::BTreeMap;

use gateway_core::document::{Code, Diagnostic, Diagnostics, Spanned};
use gateway_core::secrets::{SecretContent, SecretSource, SecretStore};
use jose::crypto;
use zeroize::Zeroizing;

use crate::config::Sources;
use crate::config::reason;
use crate::config::settings::{SecretSourceKind, SecretSourceSettings};

/// Largest file of a source in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// What tells one content of a file from another: its SHA-256.
type Fingerprint = [u8; 32];

/// The contents that the secrets of the moment were made from, by name of the source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fingerprints(BTreeMap<String, Fingerprint>);

/// Reads every source. The texts of `file` sources are added to `sources`, for messages that point into them.
pub(crate) fn read_sources(
    settings: &[SecretSourceSettings],
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> (SecretStore, Fingerprints) {
    let mut store = SecretStore::new();
    let mut fingerprints = Fingerprints::default();
    for source in settings {
        let name = &source.name.value;
        let content = match (&source.kind, source.kind.file()) {
            (_, Some(file)) => read_file(&file.path, diagnostics).and_then(|bytes| {
                fingerprints.0.insert(name.clone(), crypto::sha256(&bytes));
                parse_file(source, &bytes, sources, diagnostics)
            }),
            (SecretSourceKind::Inline { entries }, None) => inline::read(name, entries, diagnostics),
            (_, None) => None,
        };
        let content = content.unwrap_or(SecretContent::Unreadable);
        store.insert(name.clone(), SecretSource { allow_in_rules: source.allow_in_rules, content });
    }
    (store, fingerprints)
}

/// What a source's file holds; `None` after reporting what is wrong with it.
fn parse_file(
    source: &SecretSourceSettings,
    bytes: &[u8],
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<SecretContent> {
    match &source.kind {
        SecretSourceKind::Jwks(file) => jwks::read(&file.path, bytes, diagnostics),
        SecretSourceKind::Pem { file, password } => {
            pem::read(&file.path, bytes, password.as_ref().map(|password| password.as_str()), diagnostics)
        }
        SecretSourceKind::File(file) => {
            file::read(&source.name.value, &file.path, bytes, sources, diagnostics)
        }
        SecretSourceKind::Inline { .. } | SecretSourceKind::Broken => None,
    }
}

/// The bytes of a source's file; `None` after reporting `unreadable_file` with the absolute path tried.
fn read_file(path: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<Zeroizing<Vec<u8>>> {
    read_bytes(&path.value).map_err(|why| report_unreadable(path, &why, diagnostics)).ok()
}

/// The bytes of a file, or why there are none.
fn read_bytes(path: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| reason(&error))?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err("it is larger than 4 MB".to_owned());
    }
    std::fs::read(path).map(Zeroizing::new).map_err(|error| reason(&error))
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
