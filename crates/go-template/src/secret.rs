//! Secrets: `secret "source" "selector"` is replaced by its value when the template is compiled.

use std::fmt;

/// Gives the values of secrets while a template is compiled.
pub trait SecretResolver {
    /// The value of a secret.
    ///
    /// # Errors
    ///
    /// The message for whoever wrote the template, such as an unknown source. It must not hold the value.
    fn resolve(&self, source: &str, selector: &str) -> Result<SecretValue, String>;
}

/// A secret read by a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretReference {
    /// The name of the secret source.
    pub source: String,
    /// Which secret of the source.
    pub selector: String,
}

/// The value of a secret; hidden in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl SecretValue {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretValue {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl From<&str> for SecretValue {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue(..)")
    }
}

/// For templates in which secrets cannot be used.
#[derive(Debug, Clone, Copy)]
pub struct NoSecrets;

impl SecretResolver for NoSecrets {
    fn resolve(&self, _source: &str, _selector: &str) -> Result<SecretValue, String> {
        Err("secrets cannot be used in this template".into())
    }
}
