//! The keys that schema and reference describe are those that are read, at every depth.

use std::{fs, path::Path};

use gateway::{
    ServeOptions, StartError,
    config::{Enforcement, Environment, schema},
    validate_configuration, validate_rule_set,
};
use gateway_core::{
    document::{Code, Diagnostic, Diagnostics},
    rules::StepKind,
};
use serde_json::{Value, json};

use crate::walk::{self, DescribedMap};

/// Says what is wrong with documents. The folder holds nothing but them.
pub(crate) struct Judge {
    folder: tempfile::TempDir,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn options(&self, configuration: &str) -> ServeOptions {
        let file = self.folder.path().join("keybound.yaml");
        fs::write(&file, configuration).unwrap();
        ServeOptions {
            environment: Environment::from_pairs([("UNUSED", "")]),
            enforcement: Enforcement::none(),
            ..ServeOptions::new(file)
        }
    }

    pub(crate) fn configuration(&self, configuration: &Value) -> Diagnostics {
        self.configuration_text(&configuration.to_string())
    }

    pub(crate) fn configuration_text(&self, configuration: &str) -> Diagnostics {
        found(validate_configuration(&self.options(configuration)))
    }

    pub(crate) fn rule_set(&self, configuration: &str, rules: &Value) -> Diagnostics {
        let file = self.folder.path().join("rules.json");
        fs::write(&file, rules.to_string()).unwrap();
        found(validate_rule_set(&self.options(configuration), Path::new(&file), false))
    }
}

fn found(checked: Result<gateway::config::Report, StartError>) -> Diagnostics {
    match checked {
        Ok(report) => report.diagnostics,
        Err(StartError::Configuration(report)) => report.diagnostics,
        Err(other) => panic!("{other}"),
    }
}

/// The words of `one of a, b, c`.
fn words(expected: &str) -> Vec<&str> {
    let Some(list) = expected.strip_prefix("one of ") else { return Vec::new() };
    let mut words: Vec<&str> = list.split(", ").collect();
    words.sort_unstable();
    words
}

/// In a step every kind is known, but only one can be there, and a condition on an authenticator is refused.
fn of_this_step<'w>(known: Vec<&'w str>, described: &[&str]) -> Vec<&'w str> {
    let kinds = StepKind::ALL.map(StepKind::as_str);
    let Some(own) = kinds.into_iter().find(|kind| described.contains(kind)) else { return known };
    let is_here = |word: &&str| {
        (*word == own || !kinds.contains(word)) && !(*word == "if" && own == StepKind::Authenticator.as_str())
    };
    known.into_iter().filter(is_here).collect()
}

const STRANGER: &str = "zz_of_no_meaning";

fn about<'d>(diagnostics: &'d Diagnostics, key: &str) -> Option<&'d Diagnostic> {
    diagnostics.errors().find(|error| {
        matches!(error.code, Code::UnknownKey | Code::OverrideNotAllowed)
            && (error.found.as_deref() == Some(key) || error.headline.ends_with("this type has no settings"))
    })
}

/// Compares the keys of every map with those that the reader says it knows there, and misspells each of them.
fn check(maps: &[DescribedMap], judge: impl Fn(&Value) -> Diagnostics) {
    let mut wrong = Vec::new();
    for map in maps {
        let misspelt = |key: &str| format!("{key}{}", key.chars().last().unwrap());
        let mut entries = vec![(STRANGER.to_owned(), json!(1))];
        entries.extend(map.keys().iter().map(|key| (misspelt(key), json!(1))));
        let diagnostics = judge(&map.document_with(entries));
        let Some(error) = about(&diagnostics, STRANGER) else {
            wrong.push(format!("{}: not read, or an unknown key is not refused:\n{diagnostics}", map.path));
            continue;
        };
        let known = words(error.expected.as_deref().unwrap_or_default());
        let known = of_this_step(known, &map.keys());
        if known != map.keys() {
            wrong.push(format!("{}: described are {:?}, read are {known:?}", map.path, map.keys()));
            continue;
        }
        for key in map.keys() {
            let hint = about(&diagnostics, &misspelt(key)).and_then(|error| error.hint.clone());
            if hint != Some(format!("did you mean `{key}`?")) {
                wrong.push(format!("{}: `{}` gives the hint {hint:?}", map.path, misspelt(key)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_keys_of_the_configuration_are_those_that_are_read() {
    let schema = schema::configuration();
    let maps = walk::maps(&schema, &schema, "", |document| document);
    // `config` of a step is read by the type of its mechanism: checked below.
    let maps: Vec<_> = maps.into_iter().filter(|map| !is_in_step_config(&map.path)).collect();
    assert!(maps.len() > 50, "{}", maps.len());
    let judge = Judge::new();
    check(&maps, |document| judge.configuration(document));
}

#[test]
fn the_keys_of_rule_sets_are_those_that_are_read() {
    let schema = schema::rule_set();
    let maps = walk::maps(&schema, &schema, "", |document| document);
    let maps: Vec<_> = maps.into_iter().filter(|map| !is_in_step_config(&map.path)).collect();
    assert!(maps.len() > 10, "{}", maps.len());
    let judge = Judge::new();
    check(&maps, |document| judge.rule_set("", document));
}

fn is_in_step_config(path: &str) -> bool {
    path.contains("execute[0].config") || path.contains("on_error[0].config")
}
