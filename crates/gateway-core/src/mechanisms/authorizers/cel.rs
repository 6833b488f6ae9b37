//! `cel`: who asks may do that if all expressions are true.
//!
//! ```yaml
//! - id: own_orders
//!   type: cel
//!   config:
//!     expressions:
//!       - expression: Subject.ID == Request.URL.Captures.customer
//!         message: these are not your orders
//!       - expression: Request.Method == "GET" || Values.role in Subject.Attributes.roles
//!     values:
//!       role: editor
//! ```

use std::{collections::BTreeMap, future::ready};

use crate::{
    document::{Decode, Diagnostics, KeyPath, MapReader, Node, Spanned, schema::Template},
    expression::ExpressionData,
    mechanisms::{
        BuildContext, Mechanism,
        authorizers::Authorize,
        output::StepOutput,
        requirements::{RequirementConfig, Requirements, read_requirements},
        step::{Failure, StepFuture, StepInput},
        values::Values,
    },
    offered,
};

/// Asks expressions about the request.
#[derive(Debug, Clone)]
pub struct Cel {
    requirements: Requirements,
    values: Values,
}

/// Settings of `cel` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "CelAuthorizer")]
pub struct CelConfig {
    /// What must be true, all of it, asked in this order. Expressions see `Request`, `Subject`, `Outputs` and `Values`.
    pub expressions: Vec<RequirementConfig>,
    /// Templates by name; the expressions read what they give as `Values`.
    #[schemars(with = "Option<BTreeMap<String, Template>>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

/// What a step may change.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "CelAuthorizerInStep")]
pub struct CelOverride {
    /// Replaces the catalogue's list.
    pub expressions: Option<Vec<RequirementConfig>>,
    /// Added to the catalogue's; the same name replaces.
    #[schemars(with = "Option<BTreeMap<String, Template>>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Decode for CelConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        if !reader.has("expressions") {
            reader.report_missing("expressions");
        }
        let expressions = read_requirements(&mut reader);
        let values = reader.or("values", Vec::new());
        reader.finish();
        Some(Self { expressions: expressions?, values })
    }
}

impl Decode for CelOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let change =
            Self { expressions: read_requirements(&mut reader), values: reader.or("values", Vec::new()) };
        reader.finish();
        Some(change)
    }
}

impl Mechanism for Cel {
    const TYPE: &'static str = "cel";
    const OVERRIDABLE: &'static [&'static str] = &["expressions", "values"];
    type Config = CelConfig;
    type Override = CelOverride;

    fn build(config: CelConfig, context: &BuildContext<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let requirements = Requirements::compile(&config.expressions, offered::CEL, context, diagnostics);
        let values = Values::compile(&config.values, offered::VALUES, context, diagnostics);
        Some(Self { requirements: requirements?, values: values? })
    }

    fn with_override(
        &self,
        change: CelOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let requirements = match &change.expressions {
            Some(expressions) => Requirements::compile(expressions, offered::CEL, context, diagnostics),
            None => Some(self.requirements.clone()),
        };
        let values = Values::compile(&change.values, offered::VALUES, context, diagnostics);
        Some(Self { requirements: requirements?, values: self.values.merged_with(values?) })
    }
}

impl Cel {
    fn check(&self, input: &StepInput<'_>) -> Result<(), Failure> {
        let data = input.template_data();
        let values = self.values.render(|template, used_for| input.render(template, &data, used_for))?;
        let data = ExpressionData::of_request(input.request)
            .with_subject(input.subject)
            .with_outputs(input.outputs.payloads())
            .with_values(&values);
        self.requirements.check(&data)
    }
}

impl Authorize for Cel {
    fn authorize<'a>(
        &'a self,
        input: &'a StepInput<'a>,
    ) -> StepFuture<'a, Result<Option<StepOutput>, Failure>> {
        Box::pin(ready(self.check(input).map(|()| None)))
    }

    fn reads_body(&self) -> bool {
        self.requirements.reads_body() || self.values.reads_body()
    }
}
