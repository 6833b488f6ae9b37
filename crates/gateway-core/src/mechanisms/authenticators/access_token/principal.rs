//! `principal`: which claims become the principal's id and attributes.

use std::{collections::BTreeMap, sync::Arc};

use resource_server::Claims;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{
    document::{Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node},
    json_path::{JsonPath, JsonPathError},
    mechanisms::step::Failure,
    subject::Principal,
};

/// How claims become a principal.
#[derive(Debug, Clone)]
pub(in crate::mechanisms::authenticators) struct PrincipalMapping {
    id: JsonPath,
    attributes: Attributes,
}

#[derive(Debug, Clone)]
enum Attributes {
    /// The value at one path.
    At(JsonPath),
    /// A map made of the values at these paths.
    Named(BTreeMap<String, JsonPath>),
}

impl PrincipalMapping {
    /// `sub` is the id, all claims are the attributes.
    pub(in crate::mechanisms::authenticators) fn standard() -> Result<Self, JsonPathError> {
        Ok(Self { id: JsonPath::parse("sub")?, attributes: Attributes::At(JsonPath::parse("@this")?) })
    }

    /// The principal of these claims.
    pub(in crate::mechanisms::authenticators) fn principal(
        &self,
        claims: &Claims,
    ) -> Result<Principal, NoPrincipal> {
        let claims = claims.to_value();
        let id = match self.id.find(&claims) {
            Some(Value::String(id)) if !id.is_empty() => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => return Err(NoPrincipal::Id),
        };
        let attributes = match &self.attributes {
            Attributes::At(path) => {
                let found = path.find(&claims).ok_or(NoPrincipal::Attributes)?;
                // The usual case, all claims, copies nothing.
                if std::ptr::eq(found, &*claims) { Arc::clone(&claims) } else { Arc::new(found.clone()) }
            }
            Attributes::Named(paths) => {
                let mut attributes = Map::new();
                for (name, path) in paths {
                    let value = path.find(&claims).ok_or_else(|| NoPrincipal::Attribute(name.clone()))?;
                    attributes.insert(name.clone(), value.clone());
                }
                Arc::new(Value::Object(attributes))
            }
        };
        Ok(Principal { id, attributes })
    }
}

/// Why claims are no principal.
#[derive(Debug, Error)]
pub(in crate::mechanisms::authenticators) enum NoPrincipal {
    /// Nobody is named. For a token that is a fault of the token (RFC 9068 §2.2), else of the configuration.
    #[error("the claim configured as the principal's id is missing or no text")]
    Id,
    /// A fault of the configuration.
    #[error("the claim configured as attributes is missing")]
    Attributes,
    /// The same for the attribute of this name.
    #[error("the claim of the attribute `{0}` is missing")]
    Attribute(String),
}

impl From<NoPrincipal> for Failure {
    /// A fault of the configuration.
    fn from(error: NoPrincipal) -> Self {
        Self::internal("principal_claim_missing", error.to_string())
    }
}

impl Decode for PrincipalMapping {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let id = reader.optional_with("id", decode_path);
        let has_id = reader.has("id");
        let attributes = reader.optional_with("attributes", decode_attributes);
        let has_attributes = reader.has("attributes");
        reader.finish();
        let standard = Self::standard().ok()?;
        Some(Self {
            id: if has_id { id? } else { standard.id },
            attributes: if has_attributes { attributes? } else { standard.attributes },
        })
    }
}

fn decode_attributes(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Attributes> {
    let Some(entries) = node.entries() else {
        return decode_path(node, path, diagnostics).map(Attributes::At);
    };
    let paths: Vec<Option<(String, JsonPath)>> = entries
        .iter()
        .map(|(key, value)| Some((key.text.clone(), decode_path(value, &path.key(&key.text), diagnostics)?)))
        .collect();
    Some(Attributes::Named(paths.into_iter().collect::<Option<_>>()?))
}

pub(in crate::mechanisms::authenticators) fn decode_path(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<JsonPath> {
    let text = String::decode(node, path, diagnostics)?;
    match JsonPath::parse(&text) {
        Ok(json_path) => Some(json_path),
        Err(error) => {
            let code = match error {
                JsonPathError::EmptyStep => Code::WrongType,
                JsonPathError::NotSupportedYet => Code::NotSupportedYet,
            };
            diagnostics.push(
                Diagnostic::error(code, format!("`{path}`: {error}"), &node.place)
                    .found(text)
                    .expected("names and positions with dots between, such as `realm_access.roles.0`"),
            );
            None
        }
    }
}
