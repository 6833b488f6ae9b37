//! The target URI: its normal form is that of RFC 3986, worked out here a second time, and stays what it is.

use dpop::{Htu, HtuError};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let parsed = Htu::parse(text);
    match (&parsed, Htu::parse_strict(text)) {
        (Ok(htu), Ok(strict)) => assert_eq!(*htu, strict),
        (Err(error), Err(strict)) => assert!(strict == *error || strict == HtuError::QueryOrFragment),
        (Ok(_), Err(strict)) => {
            assert!(strict == HtuError::QueryOrFragment && text.contains(['?', '#']));
        }
        (Err(error), Ok(_)) => panic!("strict accepts what is refused with {error}"),
    }
    let Ok(htu) = parsed else { return };
    assert!(text.len() <= 8 * 1024);
    let normal = htu.to_string();
    assert_eq!(Htu::parse_strict(&normal).as_ref(), Ok(&htu), "{normal}");

    let (scheme, rest) = normal.split_once("://").unwrap();
    let path_start = rest.find('/').unwrap();
    let (authority, path) = rest.split_at(path_start);
    let written = text.split(['?', '#']).next().unwrap();
    let (_, written_rest) = written.split_once("://").unwrap();
    let (written_authority, written_path) =
        written_rest.split_at(written_rest.find('/').unwrap_or(written_rest.len()));
    assert_eq!(path, path_by_rfc_3986(written_path), "{text}");
    assert_eq!(authority, authority.to_ascii_lowercase());
    assert!(!authority.is_empty() && !authority.contains(['@', '%']));
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    assert!(!authority.ends_with(default_port) || authority.starts_with('[') && !authority.contains("]:"));

    // What may differ without a difference, and what may not.
    let same = [
        format!("{written}?a=/../b"),
        format!("{written}#?x"),
        format!("{}://{}{written_path}", scheme.to_ascii_uppercase(), written_authority.to_ascii_uppercase()),
    ];
    for same in same.iter().filter(|same| same.len() <= 8 * 1024) {
        assert_eq!(Htu::parse(same).as_ref(), Ok(&htu), "{same}");
    }
    for other in [format!("{normal}/"), format!("{normal}a"), normal.replacen("://", "://a.", 1)] {
        assert_ne!(Htu::parse(&other).as_ref(), Ok(&htu), "{other}");
    }
    let other_scheme = if scheme == "https" { "http" } else { "https" };
    assert_ne!(Htu::parse(&format!("{other_scheme}://{rest}")).as_ref(), Ok(&htu));
}

/// RFC 3986 §6.2.2.1, §6.2.2.2, then §5.2.4 letter by letter; the empty path is `/` (§6.2.3).
fn path_by_rfc_3986(path: &str) -> String {
    let mut decoded = String::new();
    let mut characters = path.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            decoded.push(character);
            continue;
        }
        let digits: String = characters.by_ref().take(2).collect();
        let octet = char::from(u8::from_str_radix(&digits, 16).unwrap());
        if octet.is_ascii_alphanumeric() || "-._~".contains(octet) {
            decoded.push(octet);
        } else {
            decoded.push('%');
            decoded.push_str(&digits.to_ascii_uppercase());
        }
    }
    let without_dots = remove_dot_segments(decoded);
    if without_dots.is_empty() { "/".to_owned() } else { without_dots }
}

fn remove_dot_segments(mut input: String) -> String {
    let mut output = String::new();
    while !input.is_empty() {
        if input.starts_with("../") {
            input.replace_range(..3, "");
        } else if input.starts_with("./") || input.starts_with("/./") {
            input.replace_range(..2, "");
        } else if input == "/." {
            input = "/".to_owned();
        } else if input.starts_with("/../") || input == "/.." {
            let rest = input.get(4..).unwrap_or_default();
            input = format!("/{rest}");
            output.truncate(output.rfind('/').unwrap_or(0));
        } else if input == "." || input == ".." {
            input.clear();
        } else {
            let end = input.get(1..).and_then(|rest| rest.find('/')).map_or(input.len(), |at| at + 1);
            output.push_str(&input[..end]);
            input.replace_range(..end, "");
        }
    }
    output
}
