//! Reads a map with known keys and reports those that are not.

use super::decode::{Decode, report_wrong_type};
use super::diagnostics::{Code, Diagnostic, Diagnostics};
use super::key_path::KeyPath;
use super::node::{Key, Node, Place};
use super::suggestion::did_you_mean;

/// Takes the known keys of one map, then reports the rest as unknown.
///
/// A key is known once it was asked for, whether it is there or not; [`MapReader::finish`] must be the last call.
#[derive(Debug)]
pub struct MapReader<'n, 'd> {
    entries: &'n [(Key, Node)],
    place: &'n Place,
    path: KeyPath,
    known: Vec<&'static str>,
    elsewhere: Vec<(&'static str, &'static str)>,
    diagnostics: &'d mut Diagnostics,
}

impl<'n, 'd> MapReader<'n, 'd> {
    /// Starts to read `node`, which must be a map; otherwise reports that and returns `None`.
    pub fn new(node: &'n Node, path: &KeyPath, diagnostics: &'d mut Diagnostics) -> Option<Self> {
        let Some(entries) = node.entries() else {
            report_wrong_type(node, path, "a map", None, diagnostics);
            return None;
        };
        Some(Self {
            entries,
            place: &node.place,
            path: path.clone(),
            known: Vec::new(),
            elsewhere: Vec::new(),
            diagnostics,
        })
    }

    /// The map's own path.
    #[must_use]
    pub fn path(&self) -> &KeyPath {
        &self.path
    }

    /// Where the map starts.
    #[must_use]
    pub fn place(&self) -> &'n Place {
        self.place
    }

    /// For reports that go beyond one key.
    pub fn diagnostics(&mut self) -> &mut Diagnostics {
        self.diagnostics
    }

    /// The undecoded value of `key`; the key is known from then on.
    pub fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.entries.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// The place of `key` itself, when it is there. Does not make it known.
    #[must_use]
    pub fn key_place(&self, key: &str) -> Option<&'n Place> {
        self.entries.iter().find(|(name, _)| name.text == key).map(|(name, _)| &name.place)
    }

    /// Whether `key` is there. Does not make it known.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.key_place(key).is_some()
    }

    /// The value of a mandatory key; `None` after reporting `missing_key` or what is wrong with the value.
    pub fn required<T: Decode>(&mut self, key: &'static str) -> Option<T> {
        match self.node(key) {
            Some(node) => T::decode(node, &self.path.key(key), self.diagnostics),
            None => {
                self.report_missing(key);
                None
            }
        }
    }

    /// The value of a key that may be left out; `None` when it is not there, or after reporting what is wrong with it.
    pub fn optional<T: Decode>(&mut self, key: &'static str) -> Option<T> {
        let node = self.node(key)?;
        T::decode(node, &self.path.key(key), self.diagnostics)
    }

    /// The value of a key, or `default` when it is not there. `default` as well after reporting what is wrong with it.
    pub fn or<T: Decode>(&mut self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// Reads the value of `key`, when it is there, with a function instead of a [`Decode`] type.
    pub fn optional_with<T>(
        &mut self,
        key: &'static str,
        decode: impl FnOnce(&'n Node, &KeyPath, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(key)?;
        decode(node, &self.path.key(key), self.diagnostics)
    }

    /// Reports that the mandatory `key` is not there.
    pub fn report_missing(&mut self, key: &str) {
        self.diagnostics.push(
            Diagnostic::error(Code::MissingKey, format!("`{}` is missing", self.path.key(key)), self.place)
                .expected(format!("the key `{key}`"))
                .hint(format!("add `{key}` here")),
        );
    }

    /// Reports that `key`, when it is there, belongs to a later stage of this program; `meanwhile` says what to do now.
    /// The value is not checked: decode it before.
    pub fn not_supported_yet(&mut self, key: &'static str, meanwhile: &str) {
        self.known.push(key);
        if let Some(place) = self.key_place(key) {
            self.diagnostics.push(
                Diagnostic::error(
                    Code::NotSupportedYet,
                    format!("`{}` is known but not supported yet", self.path.key(key)),
                    place,
                )
                .hint(meanwhile),
            );
        }
    }

    /// Says where a key that does not belong here belongs, for the hint: `("nonce_required", "proof_of_possession.config")`.
    pub fn belongs_elsewhere(&mut self, key: &'static str, path: &'static str) {
        self.elsewhere.push((key, path));
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        for (key, _) in self.entries {
            if self.known.contains(&key.text.as_str()) {
                continue;
            }
            let within = if self.path.is_root() { String::new() } else { format!(" in `{}`", self.path) };
            let mut known = self.known.clone();
            known.sort_unstable();
            known.dedup();
            let expected = match known.as_slice() {
                [] => "no keys here".to_owned(),
                known => format!("one of {}", known.join(", ")),
            };
            let diagnostic = if names_a_level(&key.place) {
                let headline = format!("the variable sets nothing: there is no `{}`{within}", key.text);
                Diagnostic::warning(Code::UnknownEnvironment, headline, &key.place)
            } else {
                let headline = format!("unknown key `{}`{within}", key.text);
                Diagnostic::error(Code::UnknownKey, headline, &key.place)
            };
            let diagnostic = diagnostic.found(key.text.as_str()).expected(expected);
            let diagnostic = match self.elsewhere.iter().find(|(name, _)| *name == key.text) {
                Some((name, path)) => diagnostic.hint(format!("`{name}` belongs into `{path}`")),
                None => diagnostic.did_you_mean(did_you_mean(&key.text, self.known.iter().copied())),
            };
            self.diagnostics.push(diagnostic);
        }
    }
}

/// Whether a key comes from the name of an environment variable, not from its value. The prefix is no proof that a variable
/// is meant for us, so such a key is only warned about.
fn names_a_level(place: &Place) -> bool {
    place.is_environment() && place.column == 0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn place() -> Place {
        Place::new(Arc::from("gateway.yaml"), 4, 5)
    }

    #[test]
    fn unknown_keys_are_reported_with_the_near_known_one() {
        let node = Node::from_json(&json!({"raed": "5s", "write": 1}), &place());
        let mut diagnostics = Diagnostics::new();
        let path = KeyPath::configuration().key("serve").key("timeout");
        let mut reader = MapReader::new(&node, &path, &mut diagnostics).unwrap();
        assert_eq!(reader.optional::<u8>("read"), None);
        assert_eq!(reader.or::<u8>("write", 7), 1);
        assert_eq!(reader.or::<u8>("idle", 7), 7);
        reader.finish();
        let diagnostic = diagnostics.errors().next().unwrap();
        assert_eq!(diagnostic.headline, "unknown key `raed` in `serve.timeout`");
        assert_eq!(diagnostic.expected.as_deref(), Some("one of idle, read, write"));
        assert_eq!(diagnostic.hint.as_deref(), Some("did you mean `read`?"));
    }

    #[test]
    fn a_variable_that_sets_nothing_is_a_warning() {
        let node = Node::from_json(&json!({"levl": "info"}), &Place::environment("HEIMDALLCFG_LOG_LEVL"));
        let mut diagnostics = Diagnostics::new();
        let mut reader =
            MapReader::new(&node, &KeyPath::configuration().key("log"), &mut diagnostics).unwrap();
        assert_eq!(reader.optional::<String>("level"), None);
        reader.finish();
        let warning = diagnostics.warnings().next().unwrap();
        assert_eq!(
            (warning.code, warning.hint.as_deref()),
            (Code::UnknownEnvironment, Some("did you mean `level`?"))
        );
        assert!(!diagnostics.has_errors());
    }

    #[test]
    fn a_missing_mandatory_key_is_reported_at_its_map() {
        let node = Node::from_json(&json!({}), &place());
        let mut diagnostics = Diagnostics::new();
        let mut reader = MapReader::new(&node, &KeyPath::configuration(), &mut diagnostics).unwrap();
        assert_eq!(reader.required::<String>("id"), None);
        reader.finish();
        assert_eq!(diagnostics.errors().map(|error| error.code).collect::<Vec<_>>(), [Code::MissingKey]);
    }

    #[test]
    fn a_key_of_another_place_is_sent_there() {
        let node = Node::from_json(&json!({"nonce_required": true}), &place());
        let mut diagnostics = Diagnostics::new();
        let mut reader =
            MapReader::new(&node, &KeyPath::configuration().key("assertions"), &mut diagnostics).unwrap();
        reader.belongs_elsewhere("nonce_required", "proof_of_possession.config");
        reader.finish();
        assert_eq!(
            diagnostics.errors().next().unwrap().hint.as_deref(),
            Some("`nonce_required` belongs into `proof_of_possession.config`")
        );
    }
}
