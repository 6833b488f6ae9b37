//! The files of `vectors/heimdall/validation-cases.json`: the messages about those that are refused, word by word, and
//! whether a start judges them as `validate` does.
//!
//! Messages changed? `INSTA_UPDATE=always cargo test -p keybound-gateway --test measured_files`, and read what it writes.
//!
//! One process of their own: relative paths in the files start at the working directory, which a process has only once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use gateway::{
    Addresses, App, Mode, ServeOptions, StartError,
    config::{Enforcement, Environment, Report},
    validate_configuration, validate_rule_set,
};
use serde_json::Value;

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
                ("KEYBOUND_PROVIDERS_FILE__SYSTEM_SRC", source),
                ("KEYBOUND_PROVIDERS_FILE__SYSTEM_WATCH", "false"),
            ]);
        }
        App::start(options).await?.shutdown().await;
        Ok(())
    }
}

/// Calls `check` with every row, in the folder that the row is about.
fn each_case(mut check: impl FnMut(&Case)) {
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
        let flags = row["flags"].as_array().unwrap();
        let variables = row["env"].as_object().into_iter().flatten();
        let options = ServeOptions {
            mode: Mode::Decision,
            environment: Environment::from_pairs(
                variables.map(|(name, value)| (name.as_str(), value.as_str().unwrap())),
            ),
            enforcement: if flags.contains(&Value::from("--insecure")) {
                Enforcement::none()
            } else {
                Enforcement::full()
            },
            addresses: Addresses::AnyLoopbackPort,
            installs_log: false,
            ..ServeOptions::new(configuration)
        };
        let in_proxy_mode = row["mode"] == "proxy";
        check(&Case { file, in_proxy_mode, is_rule_set, row: row.clone(), options });
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
    a_start_judges_as_validate_does();
}

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
