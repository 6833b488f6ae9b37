//! The example of every mechanism loads.

use gateway_core::{mechanisms::describe_all, rules::StepKind};
use schemars::SchemaGenerator;

use crate::{files::project, keys::Judge, source_docs};

/// A configuration around an entry of the catalogue, with every secret that it names.
pub(crate) fn around(kind: StepKind, example: &str) -> String {
    let pem = project().join("vectors/heimdall/accepts/signer.pem");
    let nonce_keys = project().join("vectors/heimdall/accepts/nonce-keys.jwks");
    let mut sources = format!("  nonce_keys: {{type: jwks, config: {{path: {}}}}}\n", nonce_keys.display());
    for name in words_behind(example, "source:") {
        let source = if name.contains("key") && !name.contains("api") {
            format!("type: pem, config: {{path: {}}}", pem.display())
        } else {
            let credentials = "{user_id: a, password: \"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$K1aCAFFCyKaEGgQm0LPd1ZRnAO4o3EPzYMqxSqfFBbY\"}";
            let selectors = words_behind(example, "selector:").into_iter();
            let entries: Vec<String> = selectors
                .map(|selector| match selector.as_str() {
                    selector if selector.contains("key") => format!("{selector}: text"),
                    selector if selector.contains("client") => {
                        format!("{selector}: {{client_id: a, client_secret: b}}")
                    }
                    selector => format!("{selector}: {credentials}"),
                })
                .collect();
            format!("type: inline, allow_in_rules: true, config: {{{}}}", entries.join(", "))
        };
        sources.push_str(&format!("  {name}: {{{source}}}\n"));
    }
    let indented: String = example.lines().map(|line| format!("    {line}\n")).collect();
    let first = match kind {
        StepKind::Authenticator => String::new(),
        _ => "  authenticators: []\n".to_owned(),
    };
    format!(
        "master_key: {{source: nonce_keys}}\nsecret_management:\n{sources}mechanisms:\n{first}  {}s:\n{indented}",
        kind.as_str()
    )
}

fn words_behind(text: &str, key: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(key)
        .skip(1)
        .filter_map(|rest| rest.split([',', '}', '\n']).next())
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[test]
fn the_example_of_every_mechanism_loads() {
    let judge = Judge::new();
    for mechanism in describe_all(&mut SchemaGenerator::default()) {
        let example = source_docs::example(mechanism.kind, mechanism.type_name);
        assert!(example.contains(&format!("type: {}", mechanism.type_name)), "{example}");
        let configuration = around(mechanism.kind, &example);
        let diagnostics = judge.configuration_text(&configuration);
        assert!(!diagnostics.has_errors(), "{configuration}\n{diagnostics}");
    }
}
