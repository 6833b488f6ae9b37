//! `convert ruleset`: a rule file in another dialect.

use gateway_core::{
    document::{Code, Diagnostics, KeyPath},
    rules::conversion::{Dialect, convert},
};

use crate::config::{Report, Sources, read_document, writer};

/// A rule set in another dialect.
#[derive(Debug, Clone)]
pub struct Converted {
    /// YAML, or JSON where the rule set was written in JSON. Comments are not kept.
    pub text: String,
    /// What there is to warn about in the rule set, beside its dialect.
    pub warnings: Report,
}

/// Why a rule set is not converted.
#[derive(Debug, thiserror::Error)]
pub enum NotConverted {
    /// Mistakes in it, or something that the other dialect can not say.
    #[error("{}", .0.to_text())]
    Mistakes(Box<Report>),
    /// There is nothing to convert.
    #[error("the rule set is in dialect {} already", .0.version())]
    Already(Dialect),
}

/// Rewrites a rule set. `name` is what messages call it.
///
/// # Errors
///
/// [`NotConverted`].
pub fn convert_rule_set(name: &str, text: &str, to: Dialect) -> Result<Converted, NotConverted> {
    let mut diagnostics = Diagnostics::new();
    let mut sources = Sources::default();
    let node = read_document(name, text, &KeyPath::rule_set(), None, &mut sources, &mut diagnostics);
    let converted = node.as_ref().and_then(|node| convert(node, to, &mut diagnostics));
    let (Some(node), Some(converted)) = (node, converted) else {
        return Err(NotConverted::Mistakes(Box::new(Report::new(diagnostics, sources))));
    };
    let write = if text.trim_start().starts_with('{') { writer::json } else { writer::yaml };
    let text = write(&converted);
    if text == write(&node) {
        return Err(NotConverted::Already(to));
    }
    let mut warnings = Diagnostics::new();
    diagnostics
        .into_iter()
        .filter(|warning| !is_about_dialect(warning.code))
        .for_each(|warning| warnings.push(warning));
    Ok(Converted { text, warnings: Report::new(warnings, sources) })
}

/// Warnings that the conversion makes groundless.
fn is_about_dialect(code: Code) -> bool {
    matches!(
        code,
        Code::OldDialect
            | Code::MissingVersion
            | Code::VersionMismatch
            | Code::OldWildcard
            | Code::Deprecated
    )
}
