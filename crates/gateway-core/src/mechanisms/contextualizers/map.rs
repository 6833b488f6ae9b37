//! `map`: texts from templates, under the step's id.
//!
//! ```yaml
//! - id: lookup
//!   type: map
//!   config:
//!     items:
//!       tenant: '{{ .Request.Header "X-Tenant" }}'
//! ```

use std::{collections::BTreeMap, future::ready};

use http::HeaderMap;
use serde_json::Value;

use crate::{
    document::{Decode, Diagnostics, KeyPath, MapReader, Node, Spanned, schema::Template},
    mechanisms::{
        BuildContext, Mechanism,
        contextualizers::Contextualize,
        inquiry::WrittenValues,
        output::StepOutput,
        step::{Failure, StepFuture, StepInput},
        values::Values,
    },
    offered,
};

/// Makes a map of texts.
#[derive(Debug, Clone)]
pub struct Map {
    items: Values,
    values: Values,
}

/// Settings of `map` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "MapContextualizer")]
pub struct MapConfig {
    /// The entries of the map: names and templates, which read `.Request`, `.Subject`, `.Values` and `.Outputs`.
    #[schemars(with = "BTreeMap<String, Template>")]
    pub items: Vec<(Spanned<String>, Spanned<String>)>,
    /// Templates by name; `items` read what they give as `.Values`.
    #[schemars(with = "Option<WrittenValues>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

/// What a step may change.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "MapContextualizerInStep")]
pub struct MapOverride {
    /// Added to the catalogue's; the same name replaces.
    #[schemars(with = "Option<WrittenValues>")]
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Decode for MapConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let items = reader.required("items");
        let values = reader.or("values", Vec::new());
        reader.finish();
        Some(Self { items: items?, values })
    }
}

impl Decode for MapOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let change = Self { values: reader.or("values", Vec::new()) };
        reader.finish();
        Some(change)
    }
}

impl Mechanism for Map {
    const TYPE: &'static str = "map";
    const OVERRIDABLE: &'static [&'static str] = &["values"];
    type Config = MapConfig;
    type Override = MapOverride;

    fn build(config: MapConfig, context: &BuildContext<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let items = Values::compile(&config.items, offered::ITEMS, context, diagnostics);
        let values = Values::compile(&config.values, offered::VALUES, context, diagnostics);
        Some(Self { items: items?, values: values? })
    }

    fn with_override(
        &self,
        change: MapOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let values = Values::compile(&change.values, offered::VALUES, context, diagnostics)?;
        Some(Self { items: self.items.clone(), values: self.values.merged_with(values) })
    }
}

impl Map {
    fn make(&self, input: &StepInput<'_>) -> Result<StepOutput, Failure> {
        let data = input.template_data();
        let values = self.values.render(|template, used_for| input.render(template, &data, used_for))?;
        let data = data.with_values(&values);
        let items = self.items.render(|template, used_for| input.render(template, &data, used_for))?;
        let payload = items.into_iter().map(|(name, text)| (name, Value::String(text))).collect();
        Ok(StepOutput {
            payload: Some(Value::Object(payload)),
            headers: HeaderMap::new(),
            upstream_headers: Vec::new(),
        })
    }
}

impl Contextualize for Map {
    fn contextualize<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Result<StepOutput, Failure>> {
        Box::pin(ready(self.make(input)))
    }

    fn reads_body(&self) -> bool {
        self.items.reads_body() || self.values.reads_body()
    }
}
