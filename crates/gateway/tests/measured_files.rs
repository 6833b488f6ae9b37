//! The files of `vectors/heimdall/validation-cases.json`: how each is judged, the messages about those that are refused,
//! word by word, and whether a start judges as `validate` does.
//!
//! Messages changed? `INSTA_UPDATE=always cargo test -p keybound-gateway --test measured_files`, and read what it writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gateway::{
    Addresses, App, Mode, ServeOptions, StartError,
    config::{Enforcement, Environment, Report},
    validate_configuration, validate_rule_set,
};
use gateway_core::document::{Diagnostic, Place};
use serde_json::Value;

/// The warnings of each file that is accepted with some.
const WARNINGS: [(&str, &[&str]); 7] = [
    ("accepts/config-dpop-blog-signer-flat.yaml", &["flat_signer"]),
    ("accepts/rules-blog-no-version.yaml", &["missing_version"]),
    ("accepts/rules-dialect-a-regex-host.yaml", &["old_dialect"]),
    ("accepts/rules-dialect-a.yaml", &["old_dialect", "deprecated"]),
    ("accepts/rules-dialect-b-full.yaml", &["old_dialect"]),
    ("accepts/rules-guide-dialect-b.yaml", &["old_dialect", "old_wildcard"]),
    ("accepts/rules-warnings.yaml", &["methods_match_all", "dead_rule", "dead_rule"]),
];

/// Says where the rules are, whatever the configuration says.
const RULES: &str = "KEYBOUND_PROVIDERS_FILE__SYSTEM_SRC";

struct Case {
    /// The file, from the folder in which the check runs.
    file: PathBuf,
    /// For rule sets: whether every rule must say where it forwards to.
    in_proxy_mode: bool,
    is_rule_set: bool,
    row: Value,
    options: ServeOptions,
}

impl Case {
    fn name(&self) -> &str {
        self.row["file"].as_str().unwrap()
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.row[member].as_str()
    }

    fn validate(&self) -> Result<Report, StartError> {
        if self.is_rule_set {
            validate_rule_set(&self.options, &self.file, self.in_proxy_mode)
        } else {
            validate_configuration(&self.options)
        }
    }

    /// Starts with this file and stops at once. Rules come from where the environment says.
    async fn start(&self) -> Result<(), StartError> {
        let mut options = self.options.clone();
        if self.is_rule_set {
            options.mode = if self.in_proxy_mode { Mode::Proxy } else { Mode::Decision };
            let source = self.file.to_str().unwrap();
            options.environment = Environment::from_pairs([
                (RULES, source),
                ("KEYBOUND_PROVIDERS_FILE__SYSTEM_WATCH", "false"),
            ]);
        }
        App::start(options).await?.shutdown().await;
        Ok(())
    }
}

/// Calls `check` with every row, in the folder that the row is about: relative paths in the files start at the working
/// directory, which all tests of a process share.
fn each_case(mut check: impl FnMut(&Case)) {
    static WORKING_DIRECTORY: Mutex<()> = Mutex::new(());
    let _held = WORKING_DIRECTORY.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/heimdall").canonicalize().unwrap();
    let rows = std::fs::read_to_string(folder.join("validation-cases.json")).unwrap();
    let rows: Value = serde_json::from_str(&rows).unwrap();
    for row in rows["cases"].as_array().unwrap() {
        let (parent, file) = row["file"].as_str().unwrap().split_once('/').unwrap();
        let is_rule_set = row["kind"] == "ruleset";
        let (working_folder, configuration, file) = if is_rule_set {
            let configuration = row["config"].as_str().unwrap().strip_prefix("accepts/").unwrap();
            let file = if parent == "accepts" {
                PathBuf::from(file)
            } else {
                Path::new("..").join(parent).join(file)
            };
            ("accepts", configuration.to_owned(), file)
        } else {
            (parent, file.to_owned(), PathBuf::from(file))
        };
        std::env::set_current_dir(folder.join(working_folder)).unwrap();
        let variables = row["env"].as_object().into_iter().flatten();
        let variables = variables.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
        let options = ServeOptions {
            mode: Mode::Decision,
            environment: Environment::from_pairs(variables.chain(rules_of(row))),
            enforcement: enforcement(row),
            addresses: Addresses::AnyLoopbackPort,
            installs_log: false,
            ..ServeOptions::new(configuration)
        };
        let in_proxy_mode = row["mode"] == "proxy";
        check(&Case { file, in_proxy_mode, is_rule_set, row: row.clone(), options });
    }
}

/// The catalogue takes its rules from the folder it is in, which holds more than rules here.
fn rules_of(row: &Value) -> Option<(&str, &str)> {
    let is_catalogue = row["file"] == "accepts/config-catalogue.yaml";
    is_catalogue.then_some((RULES, "rules-dialect-c.yaml"))
}

/// What the flags of a row lift.
fn enforcement(row: &Value) -> Enforcement {
    let is_given = |flag: &str| row["flags"].as_array().unwrap().contains(&Value::from(flag));
    if is_given("--insecure") {
        return Enforcement::none();
    }
    Enforcement {
        skip_ingress_tls: is_given("--insecure-skip-ingress-tls-enforcement"),
        skip_egress_tls: is_given("--insecure-skip-egress-tls-enforcement"),
        ..Enforcement::full()
    }
}

/// The text without what flags and other files have to do with it.
fn messages(report: &Report) -> String {
    let is_ours = |part: &&str| {
        !part.starts_with("warning[enforcement_skipped]") && !part.contains("  --> config-catalogue.yaml:")
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/heimdall").canonicalize().unwrap();
    let text = report.to_text().replace(folder.to_str().unwrap(), "/FOLDER");
    let parts: Vec<&str> = text.split("\n\n").filter(is_ours).collect();
    parts.split_last().map(|(_, parts)| parts.join("\n\n")).unwrap_or_default() + "\n"
}

/// Whether a row says of its file what `validate` says.
fn is_judged_as_wanted(case: &Case, judged: &Result<Report, StartError>) -> bool {
    match (case.text("keybound").unwrap(), judged) {
        ("reject", Err(StartError::Configuration(report))) => {
            let errors: Vec<&Diagnostic> = report.diagnostics.errors().collect();
            let is_wanted = |place: &Place| {
                Some(u64::from(place.line)) == case.row["line"].as_u64()
                    && case.text("reported_in").is_none_or(|file| Path::new(&*place.source).ends_with(file))
            };
            let has_code = |error: &&Diagnostic| Some(error.code.as_str()) == case.text("error");
            match errors.as_slice() {
                // A rule file has one mistake, and its first place is the one to mend.
                [error] if case.is_rule_set => has_code(error) && error.places.first().is_some_and(is_wanted),
                _ if case.is_rule_set => false,
                all => all.iter().all(has_code) && all.iter().flat_map(|error| &error.places).any(is_wanted),
            }
        }
        ("accept" | "accept_with_warning", Ok(report)) => {
            let warnings = report.diagnostics.warnings().filter(|warning| {
                // The rules that a configuration names, and the configuration of rules, have rows of their own.
                let is_elsewhere = |place: &Place| Path::new(&*place.source) != case.file;
                warning.code.as_str() != "enforcement_skipped" && !warning.places.iter().any(is_elsewhere)
            });
            let warnings: Vec<&str> = warnings.map(|warning| warning.code.as_str()).collect();
            let wanted = WARNINGS.iter().find(|(file, _)| *file == case.name()).map(|(_, codes)| *codes);
            assert_eq!(case.row["keybound"] == "accept_with_warning", wanted.is_some(), "{}", case.name());
            warnings == wanted.unwrap_or_default()
        }
        _ => false,
    }
}

#[test]
fn every_file_is_judged_with_code_and_line() {
    let (mut wrong, mut checked) = (Vec::new(), 0);
    each_case(|case| {
        checked += 1;
        let judged = case.validate();
        if !is_judged_as_wanted(case, &judged) {
            let said = judged.map_or_else(|error| error.to_string(), |report| report.to_text());
            wrong.push(format!("{}\n{said}", case.row));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(checked, 81);
}

#[test]
fn refusals_are_worded_for_those_who_must_mend_the_file() {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    let mut refused = 0;
    each_case(|case| {
        if case.row["keybound"] != "reject" {
            return;
        }
        let Err(StartError::Configuration(report)) = case.validate() else {
            panic!("{} is accepted", case.name())
        };
        let text = messages(&report);
        settings.set_description(case.row["why"].as_str().unwrap());
        let name = case.name().trim_start_matches("rejects/").trim_end_matches(".yaml");
        settings.bind(|| insta::assert_snapshot!(name, text));
        refused += 1;
    });
    assert_eq!(refused, 58);
}

#[test]
fn a_start_judges_as_validate_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (mut wrong, mut checked) = (Vec::new(), 0);
    each_case(|case| {
        checked += 1;
        let (validated, started) = (case.validate(), runtime.block_on(case.start()));
        if validated.is_ok() != started.is_ok() {
            let said =
                |refused: Option<StartError>| refused.map_or("accepts".to_owned(), |error| error.to_string());
            wrong.push(format!(
                "{}: validate {}\nserve {}",
                case.name(),
                said(validated.err()),
                said(started.err())
            ));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(checked, 81);
}
