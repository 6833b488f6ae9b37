//! `values`: texts from templates, made for each request before what reads them as `.Values` or `Values`.

use std::collections::BTreeMap;

use super::{BuildContext, step::Failure};
use crate::{
    document::{Diagnostics, Spanned},
    template::{BoundTemplate, OfferedNames, TemplatePlace},
};

/// The compiled templates by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    templates: BTreeMap<String, BoundTemplate>,
}

impl Values {
    /// Compiles names and templates as they are written; `None` after an error was added to `diagnostics`.
    pub(crate) fn compile(
        written: &[(Spanned<String>, Spanned<String>)],
        offered: OfferedNames,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let compiled: Vec<Option<_>> = written
            .iter()
            .map(|(name, template)| {
                let used_for = format!("value `{}`", name.value);
                let place = TemplatePlace {
                    used_for: &used_for,
                    offered,
                    secrets: &context.dependencies.secrets,
                    in_rule: context.in_rule,
                };
                Some((name.value.clone(), BoundTemplate::compile(template, &place, diagnostics)?))
            })
            .collect();
        Some(Self { templates: compiled.into_iter().collect::<Option<_>>()? })
    }

    /// These values with those of a step, of which the same name replaces.
    pub(crate) fn merged_with(&self, of_step: Self) -> Self {
        let mut merged = self.clone();
        merged.templates.extend(of_step.templates);
        merged
    }

    /// The texts by name; `render` gets each template and what it is for.
    pub(crate) fn render(
        &self,
        mut render: impl FnMut(&BoundTemplate, &str) -> Result<String, Failure>,
    ) -> Result<BTreeMap<String, String>, Failure> {
        self.templates
            .iter()
            .map(|(name, template)| Ok((name.clone(), render(template, &format!("value `{name}`"))?)))
            .collect()
    }

    /// Whether one of the templates looks into the request's body.
    pub(crate) fn reads_body(&self) -> bool {
        self.templates.values().any(BoundTemplate::reads_body)
    }
}
