//! Secrets as mechanisms use them: the sources of `secret_management`, already read, by name.
//!
//! Reading the files is the gateway crate's business. Every look-up here checks that the referenced secret has the shape
//! its user needs, and reports what is wrong at the reference's place, so that a mistake shows at start and not with the
//! first request. Nothing here prints a secret: `Debug` shows names only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jose::{KeyPair, SymmetricKey};
use parking_lot::Mutex;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::document::{Code, Diagnostic, Diagnostics, Place, SecretReference, did_you_mean};

/// All secret sources, by name.
#[derive(Clone, Debug, Default)]
pub struct SecretStore {
    sources: BTreeMap<String, SecretSource>,
    /// Names of sources that were looked into, through this store or a clone of it.
    used: Arc<Mutex<BTreeSet<String>>>,
}

/// One source under `secret_management`.
#[derive(Clone, Debug)]
pub struct SecretSource {
    /// Whether rules may use it through templates.
    pub allow_in_rules: bool,
    /// What it holds.
    pub content: SecretContent,
}

/// What a source holds.
#[derive(Clone, Debug)]
pub enum SecretContent {
    /// The source exists but could not be read; that was reported already, so look-ups fail without a further report.
    Unreadable,
    /// Keys of a JWK set or a PEM file, each kind in file order.
    Keys {
        /// Symmetric keys.
        symmetric: Vec<SymmetricKey>,
        /// Private keys.
        signing: Vec<SigningKey>,
    },
    /// Certificates without a private key, each as DER, in file order.
    Certificates(Vec<Vec<u8>>),
    /// Texts and credentials by name.
    Entries(BTreeMap<String, SecretEntry>),
}

/// A private key under an id.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The id: selector, and `kid` of what is signed and published with it.
    pub id: String,
    /// The key.
    pub key: Arc<KeyPair>,
    /// Its certificate chain as DER, leaf first; empty when there is none.
    pub certificates: Vec<Vec<u8>>,
}

/// An entry of an `inline` or `file` source.
#[derive(Clone)]
pub enum SecretEntry {
    /// A text, such as an API key.
    Text(Zeroizing<String>),
    /// Named texts, such as user and password.
    Credentials(BTreeMap<String, Zeroizing<String>>),
}

impl fmt::Debug for SecretEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "Text(..)",
            Self::Credentials(_) => "Credentials(..)",
        })
    }
}

/// The symmetric keys of one source: one protects what is new, all are tried on what comes back.
#[derive(Clone, Debug)]
pub struct SymmetricKeys {
    /// The selected key.
    pub selected: SymmetricKey,
    /// The other keys of the source.
    pub others: Vec<SymmetricKey>,
}

/// Why a secret is not given. No variant carries a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// No source has this name.
    #[error("there is no secret source `{source_name}`")]
    UnknownSource {
        /// The name asked for.
        source_name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The source has no such entry.
    #[error("secret source `{source_name}` has no entry `{selector}`")]
    UnknownEntry {
        /// The source.
        source_name: String,
        /// The entry asked for.
        selector: String,
        /// The entries there are.
        known: Vec<String>,
    },
    /// Entries of the source have names, and none was given.
    #[error("secret source `{source_name}` needs a selector")]
    NoSelector {
        /// The source.
        source_name: String,
        /// The entries there are.
        known: Vec<String>,
    },
    /// The secret has another shape than its user needs.
    #[error("secret source `{source_name}` gives {found}, needed is {needed}")]
    WrongKind {
        /// The source.
        source_name: String,
        /// What its user needs.
        needed: String,
        /// What there is.
        found: String,
    },
    /// A rule uses a source without `allow_in_rules`.
    #[error("secret source `{source_name}` is not released for rules")]
    NotAllowedInRules {
        /// The source.
        source_name: String,
    },
    /// The source could not be read, which was reported where it is defined.
    #[error("secret source `{source_name}` could not be read")]
    Unreadable {
        /// The source.
        source_name: String,
    },
}

impl SecretError {
    /// The code of a diagnostic about it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownSource { .. } => Code::UnknownSecretSource,
            Self::UnknownEntry { .. } => Code::UnknownSecret,
            Self::NoSelector { .. } => Code::MissingKey,
            Self::WrongKind { .. } => Code::WrongSecretKind,
            Self::NotAllowedInRules { .. } => Code::SecretNotAllowedInRules,
            Self::Unreadable { .. } => Code::UnreadableFile,
        }
    }

    /// Reports it at the part of `reference` that is to blame; `user` is the key that holds the reference. A source that could
    /// not be read is not reported a second time.
    pub fn report(&self, reference: &SecretReference, user: &str, diagnostics: &mut Diagnostics) {
        let places = ReferencePlaces {
            reference: &reference.place,
            source: &reference.source.place,
            selector: reference.selector.as_ref().map_or(&reference.place, |selector| &selector.place),
        };
        self.report_at(&places, &format!("`{user}`"), diagnostics);
    }

    /// Reports it about something that is no reference but a call in a template, at its `place`.
    pub(crate) fn report_in_template(&self, place: &Place, user: &str, diagnostics: &mut Diagnostics) {
        let places = ReferencePlaces { reference: place, source: place, selector: place };
        self.report_at(&places, user, diagnostics);
    }

    fn report_at(&self, places: &ReferencePlaces<'_>, user: &str, diagnostics: &mut Diagnostics) {
        let diagnostic = match self {
            Self::UnknownSource { source_name, known } => {
                let headline = format!("{user} names the unknown secret source `{source_name}`");
                Diagnostic::error(self.code(), headline, places.source)
                    .found(source_name.as_str())
                    .expected(list(known))
                    .did_you_mean(did_you_mean(source_name, known.iter().map(String::as_str)))
            }
            Self::UnknownEntry { source_name, selector, known } => {
                let headline =
                    format!("{user} selects `{selector}`, which secret source `{source_name}` does not have");
                Diagnostic::error(self.code(), headline, places.selector)
                    .found(selector.as_str())
                    .expected(list(known))
                    .did_you_mean(did_you_mean(selector, known.iter().map(String::as_str)))
            }
            Self::NoSelector { known, .. } => {
                let headline = format!("{user} does not say which entry of the source it means");
                Diagnostic::error(self.code(), headline, places.reference)
                    .expected(format!("`selector`, one of {}", list(known)))
            }
            Self::WrongKind { source_name, needed, found } => {
                Diagnostic::error(self.code(), format!("{user} needs {needed}"), places.reference)
                    .found(format!("{found} in `{source_name}`"))
                    .expected(needed.as_str())
            }
            Self::NotAllowedInRules { source_name } => {
                let headline =
                    format!("{user} uses the secret source `{source_name}`, which is not released for rules");
                Diagnostic::error(self.code(), headline, places.source)
                    .expected("a source with `allow_in_rules: true`")
                    .hint(format!("set `allow_in_rules: true` on `secret_management.{source_name}`"))
            }
            Self::Unreadable { .. } => return,
        };
        diagnostics.push(diagnostic);
    }
}

/// Where the parts of a reference stand.
struct ReferencePlaces<'a> {
    reference: &'a Place,
    source: &'a Place,
    selector: &'a Place,
}

/// What a user of a symmetric key needs, in the words of messages.
const A_SYMMETRIC_KEY: &str = "a symmetric key (`oct` in a `jwks` source)";
/// What a signer needs.
const A_PRIVATE_KEY: &str = "a private key (in a `pem` or `jwks` source)";
/// What a TLS client shows.
const A_CERTIFIED_KEY: &str = "a private key with its certificate (in a `pem` source)";
/// What TLS trusts.
const CERTIFICATES: &str = "certificates without private keys (in a `pem` source)";
/// What a template or an API key needs.
const A_TEXT: &str = "a text (in an `inline` or `file` source)";

impl SecretStore {
    /// Without any source.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source; one of the same name is replaced.
    pub fn insert(&mut self, name: impl Into<String>, source: SecretSource) {
        self.sources.insert(name.into(), source);
    }

    /// A source by name.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&SecretSource> {
        self.sources.get(name)
    }

    /// The names of all sources.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// The same sources, none of them looked into yet.
    #[must_use]
    pub fn unused(&self) -> Self {
        Self { sources: self.sources.clone(), used: Arc::default() }
    }

    /// Whether a source was looked into since [`SecretStore::unused`], through that store or a clone of it.
    #[must_use]
    pub fn was_used(&self, source: &str) -> bool {
        self.used.lock().contains(source)
    }

    /// The symmetric keys of a source; without selector its first key is the selected one.
    ///
    /// # Errors
    ///
    /// A [`SecretError`]: the source or key does not exist, or holds no symmetric key.
    pub fn symmetric_keys(&self, source: &str, selector: Option<&str>) -> Result<SymmetricKeys, SecretError> {
        let keys = match self.content(source)? {
            SecretContent::Keys { symmetric, .. } if !symmetric.is_empty() => symmetric,
            other => return Err(wrong_kind(source, A_SYMMETRIC_KEY, other)),
        };
        let position = select(source, selector, keys.iter().map(SymmetricKey::kid))?;
        let mut others = keys.clone();
        Ok(SymmetricKeys { selected: others.remove(position), others })
    }

    /// A private key of a source; without selector the first.
    ///
    /// # Errors
    ///
    /// A [`SecretError`]: the source or key does not exist, or holds no private key.
    pub fn signing_key(&self, source: &str, selector: Option<&str>) -> Result<SigningKey, SecretError> {
        let keys = self.signing_keys(source)?;
        let position = select(source, selector, keys.iter().map(|key| key.id.as_str()))?;
        keys.get(position).cloned().ok_or_else(|| wrong_kind_of(source, A_PRIVATE_KEY, "nothing"))
    }

    /// Every private key of a source, at least one: what is published for a source that signs.
    ///
    /// # Errors
    ///
    /// A [`SecretError`]: the source does not exist, or holds no private key.
    pub fn signing_keys(&self, source: &str) -> Result<&[SigningKey], SecretError> {
        match self.content(source)? {
            SecretContent::Keys { signing, .. } if !signing.is_empty() => Ok(signing),
            other => Err(wrong_kind(source, A_PRIVATE_KEY, other)),
        }
    }

    /// A private key with its certificate, for TLS; without selector the first key.
    ///
    /// # Errors
    ///
    /// A [`SecretError`]: the source or key does not exist, holds no private key, or one without certificate.
    pub fn certified_key(&self, source: &str, selector: Option<&str>) -> Result<SigningKey, SecretError> {
        let key = self.signing_key(source, selector)?;
        if key.certificates.is_empty() {
            return Err(wrong_kind_of(source, A_CERTIFIED_KEY, "a private key without certificate"));
        }
        Ok(key)
    }

    /// All certificates of a source that has no private keys, each as DER.
    ///
    /// # Errors
    ///
    /// A [`SecretError`]: the source does not exist, or holds something else.
    pub fn certificates(&self, source: &str) -> Result<&[Vec<u8>], SecretError> {
        match self.content(source)? {
            SecretContent::Certificates(certificates) if !certificates.is_empty() => Ok(certificates),
            other => Err(wrong_kind(source, CERTIFICATES, other)),
        }
    }

    /// The text that a reference of the static configuration names.
    ///
    /// # Errors
    ///
    /// A [`SecretError`]: the source or entry does not exist, or is no text.
    pub fn text_of(&self, reference: &SecretReference) -> Result<&str, SecretError> {
        match self.entry(&reference.source.value, reference.selector(), A_TEXT)? {
            SecretEntry::Text(text) => Ok(text.as_str()),
            SecretEntry::Credentials(_) => Err(wrong_kind_of(&reference.source.value, A_TEXT, "a map")),
        }
    }

    /// A text. With `in_rule` only from a source that is released for rules.
    ///
    /// # Errors
    ///
    /// A [`SecretError`]: the source or entry does not exist, is not released, or is no text.
    pub fn text(&self, source: &str, selector: &str, in_rule: bool) -> Result<&str, SecretError> {
        if in_rule && self.sources.get(source).is_some_and(|source| !source.allow_in_rules) {
            return Err(SecretError::NotAllowedInRules { source_name: source.to_owned() });
        }
        match self.entry(source, Some(selector), A_TEXT)? {
            SecretEntry::Text(text) => Ok(text.as_str()),
            SecretEntry::Credentials(_) => Err(wrong_kind_of(source, A_TEXT, "a map")),
        }
    }

    /// Credentials that have exactly the `names` given; the values in that order.
    ///
    /// # Errors
    ///
    /// A [`SecretError`]: the source or entry does not exist, or has another shape.
    pub fn credentials<const N: usize>(
        &self,
        source: &str,
        selector: Option<&str>,
        names: [&str; N],
    ) -> Result<[&Zeroizing<String>; N], SecretError> {
        let needed = format!("a map with {}", names.join(", "));
        let members = match self.entry(source, selector, &needed)? {
            SecretEntry::Credentials(members) => members,
            SecretEntry::Text(_) => return Err(wrong_kind_of(source, &needed, "a text")),
        };
        let values: Option<Vec<_>> = names.iter().map(|name| members.get(*name)).collect();
        values.filter(|_| members.len() == N).and_then(|values| values.try_into().ok()).ok_or_else(|| {
            let found: Vec<&str> = members.keys().map(String::as_str).collect();
            wrong_kind_of(source, &needed, &format!("a map with {}", found.join(", ")))
        })
    }

    fn entry(&self, source: &str, selector: Option<&str>, needed: &str) -> Result<&SecretEntry, SecretError> {
        let entries = match self.content(source)? {
            SecretContent::Entries(entries) => entries,
            other => return Err(wrong_kind(source, needed, other)),
        };
        let known = || entries.keys().cloned().collect();
        let Some(selector) = selector else {
            return Err(SecretError::NoSelector { source_name: source.to_owned(), known: known() });
        };
        entries.get(selector).ok_or_else(|| SecretError::UnknownEntry {
            source_name: source.to_owned(),
            selector: selector.to_owned(),
            known: known(),
        })
    }

    fn content(&self, source: &str) -> Result<&SecretContent, SecretError> {
        self.used.lock().insert(source.to_owned());
        match self.sources.get(source).map(|source| &source.content) {
            None => Err(SecretError::UnknownSource {
                source_name: source.to_owned(),
                known: self.sources.keys().cloned().collect(),
            }),
            Some(SecretContent::Unreadable) => {
                Err(SecretError::Unreadable { source_name: source.to_owned() })
            }
            Some(content) => Ok(content),
        }
    }
}

/// Position of the selected id; the first without a selector.
fn select<'a>(
    source: &str,
    selector: Option<&str>,
    mut ids: impl Iterator<Item = &'a str> + Clone,
) -> Result<usize, SecretError> {
    let Some(selector) = selector else { return Ok(0) };
    let known = ids.clone();
    ids.position(|id| id == selector).ok_or_else(|| SecretError::UnknownEntry {
        source_name: source.to_owned(),
        selector: selector.to_owned(),
        known: known.map(str::to_owned).collect(),
    })
}

fn wrong_kind(source: &str, needed: &str, content: &SecretContent) -> SecretError {
    let found = match content {
        SecretContent::Unreadable => "nothing",
        SecretContent::Keys { symmetric, signing } => match (symmetric.is_empty(), signing.is_empty()) {
            (true, true) => "no keys",
            (true, false) => "private keys only",
            (false, true) => "symmetric keys only",
            (false, false) => "keys",
        },
        SecretContent::Certificates(_) => "certificates only",
        SecretContent::Entries(_) => "texts and credentials",
    };
    wrong_kind_of(source, needed, found)
}

fn wrong_kind_of(source: &str, needed: &str, found: &str) -> SecretError {
    SecretError::WrongKind {
        source_name: source.to_owned(),
        needed: needed.to_owned(),
        found: found.to_owned(),
    }
}

fn list(words: &[String]) -> String {
    if words.is_empty() { "nothing is defined".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::{Decode, KeyPath, Node, Place};

    fn store() -> SecretStore {
        let symmetric = |kid: &str| SymmetricKey::new(kid, vec![7; 32]).unwrap();
        let mut store = SecretStore::new();
        let content =
            SecretContent::Keys { symmetric: vec![symmetric("a"), symmetric("b")], signing: Vec::new() };
        store.insert("nonce_keys", SecretSource { allow_in_rules: false, content });
        let shop = BTreeMap::from([
            ("client_id".to_owned(), Zeroizing::new("gateway".to_owned())),
            ("client_secret".to_owned(), Zeroizing::new("s3cret".to_owned())),
        ]);
        let text = || SecretEntry::Text(Zeroizing::new("very-secret".to_owned()));
        let content = SecretContent::Entries(BTreeMap::from([
            ("key".to_owned(), text()),
            ("shop".to_owned(), SecretEntry::Credentials(shop)),
        ]));
        store.insert("texts", SecretSource { allow_in_rules: true, content });
        let content = SecretContent::Entries(BTreeMap::from([("key".to_owned(), text())]));
        store.insert("private", SecretSource { allow_in_rules: false, content });
        store.insert("broken", SecretSource { allow_in_rules: false, content: SecretContent::Unreadable });
        store
    }

    #[track_caller]
    fn check<T>(result: Result<T, SecretError>, expected: Code) {
        let error = result.err().unwrap();
        assert_eq!(error.code(), expected);
        assert!(!format!("{error:?} {error}").contains("s3cret"));
    }

    #[test]
    fn the_first_key_is_taken_without_a_selector_and_all_others_are_kept() {
        let store = store();
        let keys = store.symmetric_keys("nonce_keys", None).unwrap();
        assert_eq!((keys.selected.kid(), keys.others.len()), ("a", 1));
        let keys = store.symmetric_keys("nonce_keys", Some("b")).unwrap();
        assert_eq!((keys.selected.kid(), keys.others[0].kid()), ("b", "a"));
    }

    #[test]
    fn wrong_references_are_told_apart() {
        let store = store();
        check(store.symmetric_keys("nonce_key", None), Code::UnknownSecretSource);
        check(store.symmetric_keys("nonce_keys", Some("c")), Code::UnknownSecret);
        check(store.symmetric_keys("texts", Some("key")), Code::WrongSecretKind);
        check(store.signing_key("nonce_keys", None), Code::WrongSecretKind);
        check(store.text("texts", "shop", false), Code::WrongSecretKind);
        check(store.text("private", "key", true), Code::SecretNotAllowedInRules);
        assert_eq!(store.text("private", "key", false), Ok("very-secret"));
        assert_eq!(store.text("texts", "key", true), Ok("very-secret"));
    }

    #[test]
    fn credentials_have_exactly_the_names_their_user_needs() {
        let store = store();
        assert!(store.credentials("texts", Some("shop"), ["client_id", "client_secret"]).is_ok());
        check(store.credentials("texts", Some("shop"), ["user_id", "password"]), Code::WrongSecretKind);
        check(store.credentials("texts", Some("shop"), ["client_id"]), Code::WrongSecretKind);
        check(store.credentials("texts", None, ["user_id", "password"]), Code::MissingKey);
        check(store.credentials("texts", Some("key"), ["user_id", "password"]), Code::WrongSecretKind);
    }

    #[test]
    fn mistakes_are_reported_once_and_at_the_part_to_blame() {
        let store = store();
        let node = Node::from_json(
            &json!({"source": "nonce_keys", "selector": "c"}),
            &Place::new(Arc::from("f"), 1, 1),
        );
        let mut diagnostics = Diagnostics::new();
        let reference = SecretReference::decode(&node, &KeyPath::configuration(), &mut diagnostics).unwrap();
        store.symmetric_keys("nonce_keys", Some("c")).unwrap_err().report(
            &reference,
            "master_key",
            &mut diagnostics,
        );
        store.symmetric_keys("broken", None).unwrap_err().report(&reference, "master_key", &mut diagnostics);
        let headlines: Vec<_> = diagnostics.errors().map(|error| error.headline.as_str()).collect();
        assert_eq!(headlines, ["`master_key` selects `c`, which secret source `nonce_keys` does not have"]);
    }
}
