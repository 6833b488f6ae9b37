//! The files in `schema/` and `docs/reference/` are what the present types give.

use std::{collections::BTreeMap, fs, path::PathBuf};

use gateway::config::schema;
use serde_json::Value;

use crate::pages;

/// The folder of the project.
pub(crate) fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn generated() -> BTreeMap<PathBuf, String> {
    let schema = |value: &Value| format!("{}\n", serde_json::to_string_pretty(value).unwrap());
    let mut files = BTreeMap::from([
        (PathBuf::from("schema/config.schema.json"), schema(&schema::configuration())),
        (PathBuf::from("schema/ruleset.schema.json"), schema(&schema::rule_set())),
    ]);
    let pages = pages::all().into_iter();
    files.extend(pages.map(|(name, text)| (PathBuf::from("docs/reference").join(name), text)));
    files
}

/// With `KEYBOUND_CODEGEN=write` it writes them: `cargo xtask codegen`.
#[test]
fn schema_and_reference_are_up_to_date() {
    let project = project();
    let writes = std::env::var_os("KEYBOUND_CODEGEN").is_some_and(|value| value == "write");
    let mut stale = Vec::new();
    for (name, text) in generated() {
        let file = project.join(&name);
        if writes {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        } else if fs::read_to_string(&file).ok().as_deref() != Some(text.as_str()) {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; run `cargo xtask codegen` and commit what it writes");
}
