//! What the module of a mechanism says about it, and its example.

use std::fs;

use gateway_core::rules::StepKind;

use crate::files::project;

/// The file of a mechanism: its type names it.
fn module_docs(kind: StepKind, type_name: &str) -> String {
    let file =
        project().join(format!("crates/gateway-core/src/mechanisms/{}s/{type_name}.rs", kind.as_str()));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// The module's text without what it says about the code: paragraphs that begin with `This file`, and links into it.
pub(crate) fn prose(kind: StepKind, type_name: &str) -> String {
    let docs = module_docs(kind, type_name);
    let paragraphs = docs.split("\n\n").filter(|paragraph| !paragraph.starts_with("This file"));
    let mut text = paragraphs.collect::<Vec<_>>().join("\n\n").replace("[`", "`").replace("`]", "`");
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The first YAML block of the module's text: an entry of the catalogue.
pub(crate) fn example(kind: StepKind, type_name: &str) -> String {
    let docs = module_docs(kind, type_name);
    let block = docs.split_once("```yaml\n").and_then(|(_, rest)| rest.split_once("```"));
    let (example, _) = block.unwrap_or_else(|| panic!("{} `{type_name}` has no example", kind.as_str()));
    example.to_owned()
}
