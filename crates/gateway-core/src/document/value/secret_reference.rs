//! References to secrets: `{source: keys, selector: first}`.

use crate::document::decode::{Decode, Spanned};
use crate::document::diagnostics::Diagnostics;
use crate::document::key_path::KeyPath;
use crate::document::map_reader::MapReader;
use crate::document::node::{Node, Place};

/// Names a secret: one of the sources under `secret_management`, and an entry in it.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
pub struct SecretReference {
    /// Name of the source.
    pub source: Spanned<String>,
    /// Entry of the source; without it the first key of a `pem` or `jwks` source.
    pub selector: Option<Spanned<String>>,
    /// Where the reference starts.
    #[schemars(skip)]
    pub place: Place,
}

impl SecretReference {
    /// Takes `source` and `selector` out of a map that may have other keys too.
    pub fn read(reader: &mut MapReader<'_, '_>) -> Option<Self> {
        let source = reader.required("source");
        let selector = reader.optional("selector");
        Some(Self { source: source?, selector, place: reader.place().clone() })
    }
}

impl SecretReference {
    /// The entry, where one is named.
    #[must_use]
    pub fn selector(&self) -> Option<&str> {
        self.selector.as_ref().map(|selector| selector.value.as_str())
    }
}

impl Decode for SecretReference {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let reference = Self::read(&mut reader);
        reader.finish();
        reference
    }
}
