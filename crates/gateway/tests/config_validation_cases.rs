//! What a check of each configuration file must say: rows of kind `config` of `vectors/heimdall/validation-cases.json`.
//! Files that use what is built later are listed by name: they are refused with `not_supported_yet`, never half used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use dpop::MemoryReplayStore;
use gateway::config::{Enforcement, Environment, LoadOptions, Report, draft};
use gateway_core::cache::NoCache;
use gateway_core::certificates::NoTrust;
use gateway_core::gateway::{Gateway, GatewaySettings};
use gateway_core::outbound::OneClient;
use gateway_core::rules::forwarding_policy::ForwardingPolicy;
use jose::UnixTime;
use resource_server::{OutboundError, OutboundFuture, OutboundHttp};
use serde_json::Value;

/// Files that need what later issues build: the whole error list is `not_supported_yet`.
const LATER: [&str; 0] = [];

/// Files that have the wanted error and use something of a later issue as well.
const ALSO_LATER: [&str; 0] = [];

/// No endpoint is called while a configuration is checked.
#[derive(Debug)]
struct NoOutbound;

impl OutboundHttp for NoOutbound {
    fn send(&self, _: http::Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        Box::pin(async { Err(OutboundError::Unreachable(String::new())) })
    }
}

fn check(file: &str, environment: Environment, enforcement: Enforcement) -> Report {
    let options =
        LoadOptions { file: Some(PathBuf::from(file)), environment, environment_prefix: None, enforcement };
    let mut draft = draft(&options);
    let settings = draft.settings();
    let built = GatewaySettings {
        mechanisms: settings.mechanisms.clone(),
        default_rule: settings.default_rule.clone(),
        master_key: settings.master_key.clone(),
        secrets: draft.secrets().clone(),
        respond: settings.serve.respond,
        forwarding: ForwardingPolicy {
            requires_upstream: false,
            allows_plain_http_upstream: enforcement.skip_upstream_tls,
        },
        plain_http_endpoints: enforcement.skip_egress_tls,
        replay_store: Arc::new(MemoryReplayStore::new(10)),
        outbound: Arc::new(OneClient(Arc::new(NoOutbound))),
        cache: Arc::new(NoCache),
        observer: None,
        certificates: Arc::new(NoTrust),
    };
    let _ = Gateway::build(built, &[], &mut draft.diagnostics);
    let sources = draft.sources.clone();
    draft.accept().map_or_else(|report| report, |loaded| Report::new(loaded.warnings.diagnostics, sources))
}

/// One test, because relative paths in the files start at the working directory, which the process has only once.
#[test]
fn every_configuration_file_is_judged_with_code_and_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/heimdall").canonicalize().unwrap();
    let cases = std::fs::read_to_string(folder.join("validation-cases.json")).unwrap();
    let cases: Value = serde_json::from_str(&cases).unwrap();
    let mut checked = 0;
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "config") {
        checked += 1;
        let name = case["file"].as_str().unwrap();
        let (parent, file) = name.split_once('/').unwrap();
        std::env::set_current_dir(folder.join(parent)).unwrap();
        let variables = case["env"].as_object().into_iter().flatten();
        let environment =
            Environment::from_pairs(variables.map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
        let is_insecure = case["flags"].as_array().unwrap().contains(&Value::from("--insecure"));
        let enforcement = if is_insecure { Enforcement::none() } else { Enforcement::full() };
        let report = check(file, environment, enforcement);
        let errors: Vec<&str> = report.diagnostics.errors().map(|error| error.code.as_str()).collect();
        let warnings: Vec<&str> = report
            .diagnostics
            .warnings()
            .map(|warning| warning.code.as_str())
            .filter(|code| *code != "enforcement_skipped")
            .collect();
        let as_wanted = if LATER.contains(&name) {
            !errors.is_empty() && errors.iter().all(|code| *code == "not_supported_yet")
        } else if case["keybound"] == "reject" {
            let wanted = case["error"].as_str().unwrap();
            let line = case["line"].as_u64().unwrap();
            let others_are_later = errors
                .iter()
                .all(|code| *code == wanted || *code == "not_supported_yet" && ALSO_LATER.contains(&name));
            others_are_later
                && report.diagnostics.errors().any(|error| {
                    error.code.as_str() == wanted
                        && error.places.iter().any(|place| u64::from(place.line) == line)
                })
        } else if case["keybound"] == "accept_with_warning" {
            errors.is_empty() && warnings == ["flat_signer"]
        } else {
            errors.is_empty() && warnings.is_empty()
        };
        if !as_wanted {
            wrong.push(format!(
                "{name}: wanted {} {} {}\n{}",
                case["keybound"],
                case["error"],
                case["line"],
                report.to_text()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(checked, 43);
}
