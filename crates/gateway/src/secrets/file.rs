//! `file` sources: like `inline`, from a flat YAML or JSON file.

use gateway_core::document::{Diagnostics, KeyPath, Spanned};
use gateway_core::secrets::SecretContent;

use super::inline::read_entries;
use super::report_unreadable;
use crate::config::{Sources, read_document};

pub(super) fn read(
    name: &str,
    path: &Spanned<String>,
    bytes: &[u8],
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<SecretContent> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        report_unreadable(path, "it is not UTF-8", diagnostics);
        return None;
    };
    // The same path as inline values: nothing in the file is ever shown.
    let root = KeyPath::configuration().key("secret_management").key(name).key("config");
    let node = read_document(&path.value, text, &root, None, sources, diagnostics)?;
    if node.entries().is_none_or(<[_]>::is_empty) {
        report_unreadable(path, "it is not a map with at least one entry", diagnostics);
        return None;
    }
    read_entries(&node, &root, diagnostics).map(SecretContent::Entries)
}
