//! `inline` sources: texts, and maps of texts as credentials, written in the configuration itself.

use std::collections::BTreeMap;

use gateway_core::document::{Code, Decode, Diagnostic, Diagnostics, KeyPath, Node, NodeValue};
use gateway_core::secrets::{SecretContent, SecretEntry};
use zeroize::Zeroizing;

pub(super) fn read(name: &str, entries: &Node, diagnostics: &mut Diagnostics) -> Option<SecretContent> {
    let path = KeyPath::configuration().key("secret_management").key(name).key("config");
    read_entries(entries, &path, diagnostics).map(SecretContent::Entries)
}

/// The entries of an `inline` or `file` source. A number is an error: it would lose zeros and signs.
pub(super) fn read_entries(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<BTreeMap<String, SecretEntry>> {
    let entries = node.entries()?;
    let decoded: Vec<Option<(String, SecretEntry)>> = entries
        .iter()
        .map(|(key, value)| {
            let path = path.key(&key.text);
            let entry = match &value.value {
                NodeValue::Mapping(members) if members.is_empty() => {
                    let headline = format!("`{path}` is empty");
                    diagnostics.push(Diagnostic::error(Code::MissingKey, headline, &value.place));
                    None
                }
                NodeValue::Mapping(_) => {
                    let members = BTreeMap::<String, String>::decode(value, &path, diagnostics)?;
                    Some(SecretEntry::Credentials(
                        members.into_iter().map(|(name, text)| (name, Zeroizing::new(text))).collect(),
                    ))
                }
                NodeValue::Null
                | NodeValue::Bool(_)
                | NodeValue::Number(_)
                | NodeValue::String(_)
                | NodeValue::Sequence(_) => String::decode(value, &path, diagnostics)
                    .map(|text| SecretEntry::Text(Zeroizing::new(text))),
            };
            Some((key.text.clone(), entry?))
        })
        .collect();
    decoded.into_iter().collect()
}
