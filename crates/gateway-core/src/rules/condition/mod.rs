//! Conditions on captured values and on hosts: exact, glob and regular expression.

mod glob;

use regex::Regex;
use thiserror::Error;

use crate::re2;

/// How a condition reads its value, as rule files spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionType {
    /// The same text.
    Exact,
    /// A glob; what its separator is depends on where it stands.
    Glob,
    /// A regular expression, not anchored.
    Regex,
}

impl ConditionType {
    /// All of them, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::Exact, Self::Glob, Self::Regex];

    /// As rule files spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Glob => "glob",
            Self::Regex => "regex",
        }
    }
}

/// What a captured value or host must look like.
#[derive(Debug, Clone)]
pub struct Condition {
    kind: ConditionType,
    written: String,
    /// `None` for exact ones.
    compiled: Option<Regex>,
}

/// A condition's value can not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConditionError {
    /// The expression does not compile.
    #[error("regular expression does not compile: {0}")]
    BadRegex(String),
    /// The glob does not parse.
    #[error("glob does not parse: {0}")]
    BadGlob(&'static str),
}

impl Condition {
    /// Compiles a condition. In a glob `*` and `?` stop at `separator`: a slash in paths, a dot in hosts.
    ///
    /// # Errors
    ///
    /// [`ConditionError`] when `written` is no glob or regular expression.
    pub fn new(kind: ConditionType, written: &str, separator: char) -> Result<Self, ConditionError> {
        let compiled = match kind {
            ConditionType::Exact => None,
            ConditionType::Glob => Some(glob::compile(written, separator)?),
            ConditionType::Regex => Some(re2::compile(written).map_err(ConditionError::BadRegex)?),
        };
        Ok(Self { kind, written: written.to_owned(), compiled })
    }

    /// How the condition reads its value.
    #[must_use]
    pub fn kind(&self) -> ConditionType {
        self.kind
    }

    /// The condition's value as written.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Whether `value` fulfils the condition.
    #[must_use]
    pub fn holds(&self, value: &str) -> bool {
        match &self.compiled {
            Some(expression) => expression.is_match(value),
            None => self.written == value,
        }
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.written) == (other.kind, &other.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_conditions_read_nothing_into_the_text() {
        let condition = Condition::new(ConditionType::Exact, "a.*", '/').unwrap();
        assert!(condition.holds("a.*"));
        assert!(!condition.holds("ab"));
    }

    #[test]
    fn the_separator_bounds_a_glob() {
        let condition = Condition::new(ConditionType::Glob, "{a,b}.example.*", '.').unwrap();
        assert!(condition.holds("a.example.org"));
        assert!(!condition.holds("a.example.co.uk"));
        assert!(!condition.holds("c.example.org"));
    }
}
