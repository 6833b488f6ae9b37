//! Named templates: what `header` and `cookie` set.

use crate::{
    document::{Diagnostics, KeyPath, Spanned},
    mechanisms::BuildContext,
    offered,
    template::{BoundTemplate, TemplatePlace},
};

/// Compiles what stands under `key`. `kind` names one of them in messages, `read_name` reads its name. Every mistake is
/// reported; `None` if there was one.
pub(super) fn compile<N>(
    fields: &[(Spanned<String>, Spanned<String>)],
    (kind, key): (&str, &str),
    read_name: impl Fn(&Spanned<String>, &KeyPath, &mut Diagnostics) -> Option<N>,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(N, BoundTemplate)>> {
    let compiled: Vec<Option<_>> = fields
        .iter()
        .map(|(name, template)| {
            let used_for = format!("{kind} `{}`", name.value);
            let place = TemplatePlace {
                used_for: &used_for,
                offered: offered::UPSTREAM_FIELDS,
                secrets: &context.dependencies.secrets,
                in_rule: context.in_rule,
            };
            let template = BoundTemplate::compile(template, &place, diagnostics);
            let name = read_name(name, &context.path.key(key), diagnostics);
            Some((name?, template?))
        })
        .collect();
    compiled.into_iter().collect()
}
