//! Runs every vector of `vectors/heimdall/go-template-vectors.json`: templates with the output Go and sprig gave for them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod gateway_objects;

use std::fs;

use go_template::{CompileOptions, RenderOptions, SecretResolver, SecretValue, Template, Time, Value};
use regex::Regex;
use serde_json::Value as Json;

/// Vectors that do not pass yet, by id.
const NOT_YET: [&str; 0] = [];

struct NamedSecrets;

impl SecretResolver for NamedSecrets {
    fn resolve(&self, source: &str, selector: &str) -> Result<SecretValue, String> {
        Ok(format!("secret-{source}-{selector}").into())
    }
}

/// Not random at all, but different bytes each time: what the patterns of the vectors need.
fn counting_bytes() -> impl Fn(&mut [u8]) -> bool {
    let next = std::cell::Cell::new(0x2545_f491_4f6c_dd1d_u64);
    move |bytes| {
        for byte in bytes {
            let mut state = next.get();
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            next.set(state);
            *byte = state.to_be_bytes()[0];
        }
        true
    }
}

enum Outcome {
    Output(String),
    ParseError(String),
    RenderError(String),
}

fn run(template: &str, data: &Value) -> Outcome {
    let template = match Template::compile(template, &CompileOptions { secrets: &NamedSecrets }) {
        Ok(template) => template,
        Err(error) => return Outcome::ParseError(error.to_string()),
    };
    let random = counting_bytes();
    let now = Time::from_unix(1_770_091_506, 789_000_000).unwrap();
    let options = RenderOptions { random: &random, ..RenderOptions::at(now) };
    match template.render(data, &options) {
        Ok(output) => Outcome::Output(output),
        Err(error) => Outcome::RenderError(error.to_string()),
    }
}

fn mistake(expect: &Json, outcome: &Outcome) -> Option<String> {
    let (holds, text) = match outcome {
        Outcome::Output(output) => {
            let matches = |pattern: &str| Regex::new(pattern).unwrap().is_match(output);
            (
                expect["output"].as_str() == Some(output) || expect["matches"].as_str().is_some_and(matches),
                output,
            )
        }
        Outcome::ParseError(error) => (expect["error_kind"] == "parse", error),
        Outcome::RenderError(error) => (expect["error_kind"] == "exec", error),
    };
    (!holds).then(|| format!("expected {expect}, got {text:?}"))
}

fn vectors() -> Json {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/heimdall/go-template-vectors.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_vector_gives_what_go_gives() {
    let vectors = vectors();
    let all = vectors["vectors"].as_array().unwrap();
    assert_eq!(all.len(), 393);
    let mut mistakes = Vec::new();
    for vector in all {
        let id = vector["id"].as_str().unwrap();
        let data = gateway_objects::data(&vectors["contexts"][vector["context"].as_str().unwrap()]);
        let outcome = run(vector["template"].as_str().unwrap(), &data);
        match (mistake(&vector["expect"], &outcome), NOT_YET.contains(&id)) {
            (Some(mistake), false) => mistakes.push(format!("{id}: {}\n    {mistake}", vector["template"])),
            (None, true) => mistakes.push(format!("{id} passes, take it off the list")),
            (Some(_), true) | (None, false) => {}
        }
    }
    assert!(mistakes.is_empty(), "{} of {} vectors:\n{}", mistakes.len(), all.len(), mistakes.join("\n"));
}

#[test]
fn damaged_templates_fail_in_an_orderly_way() {
    let vectors = vectors();
    for vector in vectors["vectors"].as_array().unwrap() {
        let template = vector["template"].as_str().unwrap();
        let data = gateway_objects::data(&vectors["contexts"][vector["context"].as_str().unwrap()]);
        for (position, character) in template.char_indices() {
            let (before, rest) = template.split_at(position);
            let after = &rest[character.len_utf8()..];
            // Cut off, one character short, one character doubled: whatever comes of it, no panic.
            let damaged = match position % 3 {
                0 => before.to_owned(),
                1 => format!("{before}{after}"),
                _ => format!("{before}{character}{rest}"),
            };
            run(&damaged, &data);
        }
    }
}
