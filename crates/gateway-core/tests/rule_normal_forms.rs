//! What older rule files must be read as: `vectors/heimdall/normal-forms.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{path::Path, sync::Arc};

use gateway_core::{
    document::{Diagnostics, Node, Place},
    rules::{decode_rule_set, normal_form::to_normal_form},
};
use serde_json::Value;

#[test]
fn every_file_is_read_as_its_normal_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/heimdall");
    let vectors = std::fs::read_to_string(folder.join("normal-forms.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let forms = vectors["forms"].as_array().unwrap();
    assert_eq!(forms.len(), 5);
    for form in forms {
        let name = form["file"].as_str().unwrap();
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let file: Value = serde_saphyr::from_str(&text).unwrap();
        let mut diagnostics = Diagnostics::new();
        let node = Node::from_json(&file, &Place::whole_file(Arc::from(name)));
        let rule_set = decode_rule_set(&node, &mut diagnostics);
        let rule_set = rule_set.unwrap_or_else(|| panic!("{diagnostics}"));
        assert_eq!(to_normal_form(&rule_set), form["normal"], "{name}");
        assert!(!diagnostics.is_empty(), "{name} is of an older dialect");
    }
}
