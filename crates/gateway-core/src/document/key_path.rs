//! The way from the root of a document to one value, as messages print it.

use std::fmt;

/// Which kind of document is read; a few value grammars differ between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// The static configuration: durations are one number and one unit.
    Configuration,
    /// A rule set: durations may have several units and fractions.
    RuleSet,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
    Element(String),
}

/// The way from the root of a document to one value.
///
/// Prints as `mechanisms.authenticators["token"].config.ttl`: elements that have an id are named by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPath {
    document: DocumentKind,
    segments: Vec<Segment>,
}

/// Keys whose text values are credentials: messages name their type and never their content.
const SENSITIVE_KEYS: [&str; 9] = [
    "password",
    "secret",
    "client_secret",
    "private_key",
    "api_key",
    "access_token",
    "refresh_token",
    "token",
    "credentials",
];

impl KeyPath {
    /// The root of a static configuration.
    #[must_use]
    pub fn configuration() -> Self {
        Self { document: DocumentKind::Configuration, segments: Vec::new() }
    }

    /// The root of a rule set.
    #[must_use]
    pub fn rule_set() -> Self {
        Self { document: DocumentKind::RuleSet, segments: Vec::new() }
    }

    /// Which kind of document the path leads through.
    #[must_use]
    pub fn document(&self) -> DocumentKind {
        self.document
    }

    /// The path to the value under `key`.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_owned()))
    }

    /// The path to the element at `index`, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    /// The path to the list element whose id is `id`.
    #[must_use]
    pub fn element(&self, id: &str) -> Self {
        self.with(Segment::Element(id.to_owned()))
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether the value here may be a credential, so that no message may show it.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        let mut keys = self.segments.iter().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) | Segment::Element(_) => None,
        });
        if keys.clone().any(|key| SENSITIVE_KEYS.contains(&key)) {
            return true;
        }
        if keys.clone().any(|key| key.eq_ignore_ascii_case("authorization"))
            && keys.clone().any(|key| key.contains("endpoint"))
        {
            return true;
        }
        keys.next() == Some("secret_management")
            && keys.nth(1) == Some("config")
            && keys.next().is_some_and(|key| !matches!(key, "path" | "watch"))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.segments.clone();
        segments.push(segment);
        Self { document: self.document, segments }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return formatter.write_str("the document");
        }
        for (position, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => write!(formatter, "{key}")?,
                Segment::Key(key) => write!(formatter, ".{key}")?,
                Segment::Index(index) => write!(formatter, "[{index}]")?,
                Segment::Element(id) => write!(formatter, "[\"{id}\"]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_keys_positions_and_ids() {
        let path =
            KeyPath::configuration().key("mechanisms").key("authenticators").element("token").key("config");
        assert_eq!(path.key("ttl").to_string(), "mechanisms.authenticators[\"token\"].config.ttl");
        assert_eq!(KeyPath::rule_set().key("rules").index(2).to_string(), "rules[2]");
    }

    #[test]
    fn values_of_secret_sources_are_sensitive_but_their_paths_are_not() {
        let config = KeyPath::configuration().key("secret_management").key("texts").key("config");
        assert!(config.key("shop").is_sensitive());
        assert!(config.key("shop").key("client_id").is_sensitive());
        assert!(!config.key("path").is_sensitive());
        assert!(!KeyPath::configuration().key("serve").key("port").is_sensitive());
        assert!(KeyPath::configuration().key("x").key("password").is_sensitive());
        let headers = KeyPath::configuration().key("jwks_endpoint").key("headers");
        assert!(headers.key("authorization").is_sensitive() && !headers.key("accept").is_sensitive());
    }
}
