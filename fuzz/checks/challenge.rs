//! `WWW-Authenticate` as a client reads it: reading what was read and written again gives the same, and no text of ours
//! breaks out of its quotes.

use std::borrow::Cow;

use oauth::challenge::{self, ParsedChallenge};
use oauth::{Challenge, Scheme};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let parsed = challenge::parse(text);
    assert!(parsed.iter().all(|challenge| !challenge.scheme.is_empty()));
    let written: Vec<String> = parsed.iter().map(write).collect();
    assert_eq!(challenge::parse(&written.join(", ")), parsed);

    let ours = [
        Challenge { error_description: Some(Cow::Owned(text.to_owned())), ..Challenge::new(Scheme::Bearer) },
        Challenge { realm: Some(Cow::Owned(text.to_owned())), ..Challenge::new(Scheme::Dpop) },
    ];
    let line = challenge::header_value(&ours);
    let read = challenge::parse(line.to_str().unwrap());
    let plain: String =
        text.chars().filter(|character| challenge::is_plain(&character.to_string())).collect();
    assert_eq!(read.len(), 2);
    assert!(read[0].is(Scheme::Dpop) && read[1].is(Scheme::Bearer));
    assert_eq!(read[0].parameters, [("realm".to_owned(), plain.clone())]);
    assert_eq!(read[1].parameters, [("error_description".to_owned(), plain)]);
}

fn write(challenge: &ParsedChallenge) -> String {
    let parameters = challenge.parameters.iter().map(|(name, value)| {
        let value: String = value
            .chars()
            .flat_map(|character| {
                matches!(character, '"' | '\\').then_some('\\').into_iter().chain([character])
            })
            .collect();
        format!("{name}=\"{value}\"")
    });
    let token68 = challenge.token68.clone().filter(|_| challenge.parameters.is_empty());
    let content: Vec<String> = token68.into_iter().chain(parameters).collect();
    format!("{} {}", challenge.scheme, content.join(", ")).trim_end_matches(' ').to_owned()
}
