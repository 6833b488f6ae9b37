//! Schemas as pages for people.

use std::collections::{BTreeMap, BTreeSet};

use gateway::config::schema;
use gateway_core::{
    mechanisms::{DescribedMechanism, describe_all},
    rules::StepKind,
};
use schemars::SchemaGenerator;
use serde_json::Value;

use crate::{expressions, source_docs, walk::resolved};

pub(crate) const NOTE: &str = "<!-- Written by `cargo xtask codegen` from the doc comments of the types that are read. Change those. -->";

const LEGEND: &str = "\
A star marks mandatory keys. **Keybound** marks keys that heimdall does not have: a file without them is a heimdall file.
";

/// Every page: its name and its text.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    let reference = Reference::new();
    let mut pages = vec![
        ("README.md", index()),
        ("configuration.md", reference.configuration()),
        ("rules.md", reference.rules()),
        ("types.md", reference.types()),
        ("expressions.md", expressions::page()),
    ];
    pages.extend(StepKind::ALL.map(|kind| (page_of(kind), reference.mechanisms(kind))));
    pages
}

fn index() -> String {
    let mut text = format!("{NOTE}\n\n# Reference\n\n");
    text.push_str("| page | what |\n|---|---|\n");
    for (page, what) in [
        ("configuration.md", "the static configuration, key by key"),
        ("rules.md", "rule sets: what a rule matches, where it forwards, its steps"),
        ("authenticators.md", "who does the request come from?"),
        ("authorizers.md", "may they do that?"),
        ("contextualizers.md", "what else is known about them?"),
        ("finalizers.md", "what does the upstream get to see?"),
        ("error_handlers.md", "what does the client get to see of a refusal?"),
        ("expressions.md", "what conditions and the `cel` authorizer can say"),
        ("types.md", "values that many keys share: durations, endpoints, secrets"),
    ] {
        text.push_str(&format!(
            "| [{}]({page}) | {what} |\n",
            page.trim_end_matches(".md").replace('_', " ")
        ));
    }
    text.push_str(
        "\nThe same as JSON schemas for editors: [config.schema.json](../../schema/config.schema.json) and\n\
         [ruleset.schema.json](../../schema/ruleset.schema.json). With the YAML language server, first line of the file:\n\n\
         ```yaml\n# yaml-language-server: $schema=https://raw.githubusercontent.com/keybound/keybound/main/schema/config.schema.json\n```\n\n\
         Mistakes are reported by `keybound validate config` and `keybound validate ruleset`, all at once, each with file, line,\n\
         what was found, what was expected and a hint.\n",
    );
    text
}

fn page_of(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Authenticator => "authenticators.md",
        StepKind::Authorizer => "authorizers.md",
        StepKind::Contextualizer => "contextualizers.md",
        StepKind::Finalizer => "finalizers.md",
        StepKind::ErrorHandler => "error_handlers.md",
    }
}

struct Reference {
    /// All definitions in one place, whichever schema they come from.
    root: Value,
    configuration: Value,
    rule_set: Value,
    mechanisms: Vec<DescribedMechanism>,
    /// Of each definition: the page that explains it.
    owners: BTreeMap<String, &'static str>,
}

impl Reference {
    fn new() -> Self {
        let (configuration, rule_set) = (schema::configuration(), schema::rule_set());
        let mut definitions = rule_set["$defs"].as_object().unwrap().clone();
        definitions.extend(configuration["$defs"].as_object().unwrap().clone());
        let mechanisms = describe_all(&mut SchemaGenerator::default());
        let root = serde_json::json!({"$defs": definitions});
        let mut reference = Self { root, configuration, rule_set, mechanisms, owners: BTreeMap::new() };
        reference.owners = reference.owners();
        reference
    }

    /// A definition that one page alone needs is explained there, the others among the types.
    fn owners(&self) -> BTreeMap<String, &'static str> {
        let mut users: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
        let mut starts =
            vec![("configuration.md", self.configuration.clone()), ("rules.md", self.rule_set.clone())];
        for mechanism in &self.mechanisms {
            for config in [&mechanism.config, &mechanism.step_config] {
                starts.push((page_of(mechanism.kind), config.clone().to_value()));
            }
        }
        for (page, start) in starts {
            let mut names = BTreeSet::new();
            self.collect(&start, &mut names);
            for name in names {
                users.entry(name).or_default().insert(page);
            }
        }
        let owner = |pages: BTreeSet<&'static str>| match pages.len() {
            1 => *pages.iter().next().unwrap(),
            _ => "types.md",
        };
        let is_text =
            |name: &String| self.root["$defs"][name].get("properties").is_none() && self.is_leaf(name);
        let mut owners: BTreeMap<String, &'static str> =
            users.into_iter().map(|(name, pages)| (name, owner(pages))).collect();
        for (name, page) in &mut owners {
            if is_text(name) {
                *page = "types.md";
            }
        }
        // Steps are explained beside rules, which have them too.
        for name in ["Steps", "ErrorSteps"] {
            owners.insert(name.to_owned(), "rules.md");
        }
        owners
    }

    fn is_leaf(&self, name: &str) -> bool {
        let mut names = BTreeSet::new();
        self.collect(&self.root["$defs"][name], &mut names);
        names.is_empty() && self.root["$defs"][name].get("oneOf").is_none()
    }

    /// The names of all definitions that a schema needs, those of mechanisms left out: these have pages of their own.
    fn collect(&self, schema: &Value, names: &mut BTreeSet<String>) {
        match schema {
            Value::Object(members) => {
                if let Some(name) =
                    members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next())
                    && name != "Mechanisms"
                    && names.insert(name.to_owned())
                    && !matches!(name, "Steps" | "ErrorSteps")
                {
                    self.collect(&self.root["$defs"][name], names);
                }
                for (key, member) in members.iter().filter(|(key, _)| *key != "$defs") {
                    let _ = key;
                    self.collect(member, names);
                }
            }
            Value::Array(members) => members.iter().for_each(|member| self.collect(member, names)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn configuration(&self) -> String {
        let mut text = format!("{NOTE}\n\n# Static configuration\n\n");
        text.push_str(
            "One file, YAML or JSON, named by `-c`. `${NAME}` and `${NAME:-default}` are replaced by environment variables before\n\
             it is read; variables that begin with `KEYBOUND_` or `HEIMDALLCFG_` set single keys\n\
             (`KEYBOUND_SERVE_PORT=8443`) and win over the file. Paths are relative to the working directory. Unknown keys are\n\
             errors, at every depth.\n\n",
        );
        text.push_str(LEGEND);
        text.push_str("\n## Top level\n\n");
        self.describe_map(&self.configuration, "configuration.md", &mut text);
        self.sections("configuration.md", &self.configuration, &mut text);
        text.push_str("\n## Mechanisms\n\n");
        text.push_str(
            "`mechanisms` holds five lists, of which `authenticators` is mandatory (and may be empty). Every entry has an `id`,\n\
             unique in its list, a `type`, and mostly a `config`:\n\n",
        );
        for kind in StepKind::ALL {
            let types = self.mechanisms.iter().filter(|mechanism| mechanism.kind == kind);
            let types: Vec<String> = types
                .map(|mechanism| format!("[`{0}`]({1}#{0})", mechanism.type_name, page_of(kind)))
                .collect();
            text.push_str(&format!("- [`{}s`]({}): {}\n", kind.as_str(), page_of(kind), types.join(", ")));
        }
        text
    }

    fn rules(&self) -> String {
        let mut text = format!("{NOTE}\n\n# Rule sets\n\n");
        text.push_str(
            "A file, YAML or JSON, that a provider of the configuration names. `keybound validate ruleset` checks it,\n\
             `keybound explain` tells which rule a request meets, `keybound convert ruleset` rewrites older files.\n\n",
        );
        text.push_str(LEGEND);
        text.push_str("\n## Rule set\n\n");
        self.describe_map(&self.rule_set, "rules.md", &mut text);
        self.sections("rules.md", &self.rule_set, &mut text);
        text
    }

    fn types(&self) -> String {
        let mut text = format!("{NOTE}\n\n# Types of values\n\n{LEGEND}");
        for (name, page) in &self.owners {
            if *page == "types.md" {
                self.section(name, "types.md", &mut text);
            }
        }
        text
    }

    fn mechanisms(&self, kind: StepKind) -> String {
        let page = page_of(kind);
        let title = format!("{}s", kind.as_str().replace('_', " "));
        let mut text = format!("{NOTE}\n\n# {}{}\n\n", title[..1].to_uppercase(), &title[1..]);
        text.push_str(&format!(
            "Entries of the list `mechanisms.{}s` of the [configuration](configuration.md). A step of a [rule](rules.md) names one\n\
             by its id and may change what stands under *in a step*.\n\n",
            kind.as_str()
        ));
        text.push_str(LEGEND);
        for mechanism in self.mechanisms.iter().filter(|mechanism| mechanism.kind == kind) {
            text.push_str(&format!("\n## {}\n\n", mechanism.type_name));
            text.push_str(&source_docs::prose(kind, mechanism.type_name));
            let config = resolved(&self.root, &mechanism.config.clone().to_value());
            let step = resolved(&self.root, &mechanism.step_config.clone().to_value());
            let has_keys = |schema: &Value| {
                schema.get("oneOf").is_some()
                    || schema.get("anyOf").is_some()
                    || schema["properties"].as_object().is_some_and(|keys| !keys.is_empty())
            };
            if has_keys(&config) {
                text.push_str("\n`config`:\n\n");
                self.describe_map(&config, page, &mut text);
            } else {
                text.push_str("\nThere is nothing to configure.\n");
            }
            if has_keys(&step) && step == config {
                text.push_str("\nIn a step: the same keys.\n");
            } else if has_keys(&step) {
                text.push_str("\nIn a step:\n\n");
                self.describe_map(&step, page, &mut text);
            } else if has_keys(&config) {
                text.push_str("\nIn a step nothing can be changed.\n");
            }
        }
        let mut shared = String::new();
        for (name, owner) in &self.owners {
            let is_config = self.mechanisms.iter().any(|mechanism| {
                [&mechanism.config, &mechanism.step_config].iter().any(|config| {
                    config
                        .get("$ref")
                        .and_then(Value::as_str)
                        .is_some_and(|path| path.ends_with(&format!("/{name}")))
                })
            });
            if *owner == page && !is_config {
                self.section(name, page, &mut shared);
            }
        }
        text + &shared
    }

    /// The definitions that this page explains, in the order in which it names them.
    fn sections(&self, page: &'static str, start: &Value, text: &mut String) {
        let mut names = BTreeSet::new();
        self.collect(start, &mut names);
        for name in names.iter().filter(|name| self.owners.get(*name) == Some(&page)) {
            self.section(name, page, text);
        }
    }

    fn section(&self, name: &str, page: &str, text: &mut String) {
        let schema = resolved(&self.root, &self.root["$defs"][name]);
        text.push_str(&format!("\n## {name}\n\n"));
        if let Some(description) = schema.get("description").and_then(Value::as_str) {
            text.push_str(description);
            text.push_str("\n\n");
        }
        if let Some(example) =
            schema.get("examples").and_then(|examples| examples.get(0)).and_then(Value::as_str)
        {
            text.push_str(&format!("Example: `{example}`\n"));
        }
        if schema.get("enum").is_some() {
            text.push_str(&format!("One of {}.\n", self.type_name(&schema, page)));
        }
        match schema.get("items") {
            Some(items) => {
                text.push_str("A list.\n\n");
                let items = resolved(&self.root, items);
                self.describe_map(&items, page, text);
            }
            None => self.describe_map(&schema, page, text),
        }
    }

    /// The table of a map's keys; one table for each alternative.
    fn describe_map(&self, schema: &Value, page: &str, text: &mut String) {
        if schema.get("properties").is_some() {
            let mut rows = Vec::new();
            self.rows(schema, "", page, &mut rows);
            if !rows.is_empty() {
                text.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
                rows.iter().for_each(|row| text.push_str(row));
            }
        }
        for branch in ["oneOf", "anyOf"].iter().filter_map(|key| schema[key].as_array()).flatten() {
            let branch = resolved(&self.root, branch);
            let description = branch["description"].as_str().unwrap_or_default();
            if branch.get("properties").is_none() && branch.get("oneOf").is_none() {
                if branch.get("type").is_some() && !description.is_empty() {
                    text.push_str(&format!(
                        "\n{}: {description}\n",
                        capitalised(&self.type_name(&branch, page))
                    ));
                }
                continue;
            }
            let tag = &branch["properties"]["type"]["const"];
            match tag.as_str() {
                Some(tag) => text.push_str(&format!("\n`type: {tag}`: {description}\n\n")),
                None if branch["deprecated"] == true => text.push_str("\nOr, in an old spelling:\n\n"),
                None if description.is_empty() => text.push('\n'),
                None => text.push_str(&format!("\n{description}\n\n")),
            }
            self.describe_map(&branch, page, text);
        }
    }

    fn rows(&self, schema: &Value, prefix: &str, page: &str, rows: &mut Vec<String>) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            if key == "type" && property.get("const").is_some() {
                continue;
            }
            let path = format!("{prefix}{key}");
            let star = if required.contains(&key.as_str()) { "*" } else { "" };
            let default =
                property.get("default").map(|default| format!("`{}`", plain(default))).unwrap_or_default();
            let row =
                [format!("`{path}`{star}"), self.type_name(property, page), default, self.meaning(property)];
            rows.push(format!("| {} |\n", row.map(|cell| cell.replace('|', "\\|")).join(" | ")));
            self.rows_below(property, &path, page, rows);
        }
    }

    /// Maps without a name of their own are explained where they stand.
    fn rows_below(&self, property: &Value, path: &str, page: &str, rows: &mut Vec<String>) {
        if property.get("properties").is_some() {
            self.rows(property, &format!("{path}."), page, rows);
        }
        if let Some(items) = property.get("items") {
            self.rows_below(items, &format!("{path}[]"), page, rows);
        }
        if let Some(values) = property.get("additionalProperties").filter(|values| values.is_object()) {
            self.rows_below(values, &format!("{path}.NAME"), page, rows);
        }
        for branch in ["oneOf", "anyOf"].iter().filter_map(|key| property[key].as_array()).flatten() {
            self.rows_below(branch, path, page, rows);
        }
    }

    fn meaning(&self, property: &Value) -> String {
        let mut text = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        let variants = property["oneOf"].as_array().into_iter().flatten();
        let told: Vec<String> = variants
            .filter_map(|variant| Some((variant["const"].as_str()?, variant["description"].as_str()?)))
            .map(|(word, meaning)| format!("`{word}`: {}", meaning.replace('\n', " ").trim_end_matches('.')))
            .collect();
        if !told.is_empty() {
            text.push_str(&format!(" {}.", told.join("; ")));
        }
        if property["x-keybound"] == true {
            text.push_str(" **Keybound**");
        }
        text.trim().to_owned()
    }

    fn type_name(&self, schema: &Value, page: &str) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            let anchor = name.to_lowercase();
            return match self.owners.get(name) {
                Some(owner) if *owner == page => format!("[{name}](#{anchor})"),
                Some(owner) => format!("[{name}]({owner}#{anchor})"),
                None if name == "Mechanisms" => "[Mechanisms](#mechanisms)".to_owned(),
                None => name.to_owned(),
            };
        }
        if let Some(word) = schema.get("const") {
            return format!("`{}`", plain(word));
        }
        if let Some(words) = schema["enum"].as_array() {
            return words.iter().map(|word| format!("`{}`", plain(word))).collect::<Vec<_>>().join(", ");
        }
        for key in ["oneOf", "anyOf"] {
            let Some(branches) = schema[key].as_array() else { continue };
            let mut names: Vec<String> = Vec::new();
            for name in branches.iter().map(|branch| self.type_name(branch, page)) {
                if !name.is_empty() && !names.contains(&name) {
                    names.push(name);
                }
            }
            let is_choice = branches.iter().all(|branch| branch.get("const").is_some());
            return names.join(if is_choice { ", " } else { " or " });
        }
        match schema["type"].as_str() {
            Some("boolean") => "bool".to_owned(),
            Some("integer") => match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                _ => "integer".to_owned(),
            },
            Some("array") => format!("list of {}", self.type_name(&schema["items"], page)),
            Some("object") => match schema.get("additionalProperties").filter(|values| values.is_object()) {
                Some(values) => format!("map of {}", self.type_name(values, page)),
                None => "map".to_owned(),
            },
            Some("string") => "text".to_owned(),
            Some(_) | None => String::new(),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn capitalised(text: &str) -> String {
    text.chars()
        .next()
        .map(|first| first.to_uppercase().to_string() + &text[first.len_utf8()..])
        .unwrap_or_default()
}
