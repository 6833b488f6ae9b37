//! `expressions` of the `cel` and `remote` authorizers: what must be true.

use std::sync::Arc;

use super::{BuildContext, step::Failure};
use crate::{
    denial::DenialKind,
    document::{
        Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned,
        schema::Expression as ExpressionText,
    },
    expression::{Expression, ExpressionData, ExpressionPlace, Variable},
};

/// An expression that must be true.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "Requirement")]
pub struct RequirementConfig {
    /// A CEL expression. The request is refused where it is false; where it fails, with an internal error.
    #[schemars(with = "ExpressionText")]
    pub expression: Spanned<String>,
    /// What a verbose answer tells when the expression is false.
    pub message: Option<String>,
}

impl Decode for RequirementConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let expression = reader.required("expression");
        let message = reader.optional("message");
        reader.finish();
        Some(Self { expression: expression?, message })
    }
}

/// Reads the list under `expressions`; at least one of them.
pub(crate) fn read_requirements(reader: &mut MapReader<'_, '_>) -> Option<Vec<RequirementConfig>> {
    let requirements: Vec<RequirementConfig> = reader.optional("expressions")?;
    if requirements.is_empty() {
        let path = reader.path().key("expressions");
        let place = reader.key_place("expressions").cloned()?;
        reader.diagnostics().push(
            Diagnostic::error(Code::OutOfRange, format!("`{path}` has no expression"), &place)
                .expected("at least one expression")
                .hint("without any, everything would be allowed; use the authorizer `allow` for that"),
        );
        return None;
    }
    Some(requirements)
}

/// The compiled list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requirements {
    list: Vec<Requirement>,
}

#[derive(Debug, Clone)]
struct Requirement {
    expression: Expression,
    message: Option<Arc<str>>,
}

impl Requirements {
    /// Compiles the expressions, which may read the `offered` variables; `None` after an error was added to `diagnostics`.
    pub(crate) fn compile(
        written: &[RequirementConfig],
        offered: &'static [Variable],
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let path = context.path.key("expressions");
        let compiled: Vec<Option<Requirement>> = written
            .iter()
            .enumerate()
            .map(|(position, requirement)| {
                let used_for = format!("`{}`", path.index(position).key("expression"));
                let place = ExpressionPlace { used_for: &used_for, offered };
                let expression = Expression::compile(&requirement.expression, &place, diagnostics)?;
                Some(Requirement { expression, message: requirement.message.as_deref().map(Arc::from) })
            })
            .collect();
        Some(Self { list: compiled.into_iter().collect::<Option<_>>()? })
    }

    /// All of them, in order; the first that is not true decides.
    pub(crate) fn check(&self, data: &ExpressionData<'_>) -> Result<(), Failure> {
        for Requirement { expression, message } in &self.list {
            match expression.holds(data) {
                Ok(true) => {}
                Ok(false) => {
                    let detail = format!("`{}` is false", expression.source().trim());
                    let failure = Failure::new(
                        DenialKind::Authorization,
                        "expression_false",
                        "denied by authorizer",
                        detail,
                    );
                    return Err(Failure { message: message.clone(), ..failure });
                }
                Err(error) => {
                    return Err(Failure::internal("expression_failed", format!("expression {error}")));
                }
            }
        }
        Ok(())
    }

    /// Whether one of the expressions looks into the request's body.
    pub(crate) fn reads_body(&self) -> bool {
        self.list.iter().any(|requirement| requirement.expression.reads_body())
    }
}
