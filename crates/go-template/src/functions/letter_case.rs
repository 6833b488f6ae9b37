//! Upper and lower case, and names in the styles of programming languages.

use std::sync::LazyLock;

use regex::Regex;

use crate::{
    functions::{Call, Function, FunctionResult, Parameter::Text, strings::is_space},
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("upper", &[Text], |call| mapped(call, |text| text.chars().map(upper).collect())),
    Function::new("lower", &[Text], |call| mapped(call, |text| text.chars().map(lower).collect())),
    Function::new("title", &[Text], |call| mapped(call, title)),
    Function::new("untitle", &[Text], |call| mapped(call, |text| after_space(text, lower))),
    Function::new("swapcase", &[Text], |call| mapped(call, swap_case)),
    Function::new("initials", &[Text], initials),
    Function::new("camelcase", &[Text], |call| mapped(call, pascal_case)),
    Function::new("snakecase", &[Text], |call| mapped(call, |text| separated(text, '_'))),
    Function::new("kebabcase", &[Text], |call| mapped(call, |text| separated(text, '-'))),
];

fn mapped(call: &Call<'_>, map: fn(&str) -> String) -> FunctionResult {
    Ok(map(&call.str(0)?).into())
}

/// One character for one, as in Go: `ß` stays.
fn upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        (Some(_) | None, _) => character,
    }
}

fn lower(character: char) -> char {
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        // The dotted capital I has two characters in lower case; Go gives the first.
        (Some(first), Some(_)) => first,
        (None, _) => character,
    }
}

/// The first letter of each word in upper case. Words end at what is neither letter, digit nor underscore in ASCII, else at spaces.
fn title(text: &str) -> String {
    let mut previous = ' ';
    text.chars()
        .map(|character| {
            let starts = is_separator(previous);
            previous = character;
            if starts { upper(character) } else { character }
        })
        .collect()
}

fn is_separator(character: char) -> bool {
    if character.is_ascii() {
        return !(character.is_ascii_alphanumeric() || character == '_');
    }
    !(character.is_alphabetic() || character.is_numeric()) && is_space(character)
}

/// Changes the first character of each word; words are separated by white space.
fn after_space(text: &str, change: fn(char) -> char) -> String {
    let mut starts = true;
    text.chars()
        .map(|character| {
            let first = starts && !is_space(character);
            starts = is_space(character) || (starts && !first);
            if first { change(character) } else { character }
        })
        .collect()
}

fn swap_case(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_uppercase() { lower(character) } else { upper(character) })
        .collect()
}

/// The first byte of each word, as a character.
fn initials(call: &Call<'_>) -> FunctionResult {
    let mut after_gap = true;
    let mut initials = String::new();
    for byte in call.bytes(0)? {
        let character = char::from(*byte);
        if is_space(character) {
            after_gap = true;
        } else if after_gap {
            initials.push(character);
            after_gap = false;
        }
    }
    Ok(Value::from(initials))
}

fn is_connector(character: char) -> bool {
    character == '-' || character == '_' || is_space(character)
}

/// `http_server` becomes `HttpServer`. Connectors at the ends stay; of several in a row one is taken away.
fn pascal_case(text: &str) -> String {
    let start = text.find(|character| !is_connector(character)).unwrap_or(text.len());
    let (leading, rest) = text.split_at(start);
    let mut output = String::from(leading);
    let mut characters = rest.chars();
    let Some(first) = characters.next() else { return output };
    // A word in capitals becomes lower case behind its first letter.
    let mut in_capitals = first.is_uppercase();
    let mut pending = upper(first);
    for character in characters {
        let mut next = character;
        if is_connector(next) && is_connector(pending) {
            output.push(pending);
        } else if is_connector(pending) {
            in_capitals = next.is_uppercase();
            next = upper(next);
        } else {
            if in_capitals {
                if next.is_uppercase() {
                    next = lower(next);
                } else {
                    in_capitals = false;
                }
            }
            output.push(pending);
        }
        pending = next;
    }
    output.push(pending);
    output
}

/// The kinds of pieces a name is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Digits,
    /// Capitals only: `HTTP`.
    Capitals,
    /// A word, perhaps with a capital first.
    Word,
    Connector,
    Punctuation,
    Other,
}

fn is_punctuation(character: char) -> bool {
    static PUNCTUATION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\pP$").ok());
    PUNCTUATION.as_ref().is_some_and(|class| class.is_match(character.encode_utf8(&mut [0; 4])))
}

fn is_plain_letter(character: char) -> bool {
    character.is_alphabetic() && !character.is_uppercase()
}

/// The first piece of a name and its length in bytes.
fn next_piece(text: &str) -> Option<(Piece, usize)> {
    let first = text.chars().next()?;
    let run =
        |belongs: &dyn Fn(char) -> bool| text.find(|character| !belongs(character)).unwrap_or(text.len());
    if is_connector(first) {
        return Some((Piece::Connector, run(&is_connector)));
    }
    if is_punctuation(first) {
        return Some((Piece::Punctuation, run(&is_punctuation)));
    }
    if first.is_uppercase() {
        let capitals = run(&char::is_uppercase);
        let after = text.get(capitals..).unwrap_or_default();
        let follows_word = after.starts_with(is_plain_letter);
        let count = text.get(..capitals).map_or(0, |capitals| capitals.chars().count());
        if !follows_word {
            return Some((Piece::Capitals, capitals));
        }
        if count > 1 {
            // `HTTPServer`: the last capital belongs to the word behind.
            let last = text
                .get(..capitals)
                .and_then(|capitals| capitals.chars().next_back())
                .map_or(0, char::len_utf8);
            return Some((Piece::Capitals, capitals - last));
        }
        let word = after.find(|character| !is_plain_letter(character)).unwrap_or(after.len());
        return Some((Piece::Word, capitals + word));
    }
    if first.is_alphabetic() {
        return Some((Piece::Word, run(&is_plain_letter)));
    }
    if first.is_numeric() {
        return Some((Piece::Digits, run(&char::is_numeric)));
    }
    Some((Piece::Other, first.len_utf8()))
}

/// `HTTPServer` becomes `http_server`: lower case, with a connector between words.
fn separated(text: &str, connector: char) -> String {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((piece, length)) = next_piece(rest) {
        let (part, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        pieces.push((piece, part));
        rest = after;
    }
    let mut output = String::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some((piece, part)) = pieces.next() {
        write_piece(&mut output, piece, part, connector);
        match piece {
            Piece::Connector | Piece::Punctuation => continue,
            Piece::Digits => absorb_words(&mut output, &mut pieces, connector),
            Piece::Capitals | Piece::Word | Piece::Other => {
                let Some((Piece::Digits, digits)) = pieces.next_if(|(next, _)| *next == Piece::Digits) else {
                    separate(&mut output, pieces.peek(), connector);
                    continue;
                };
                // `Bld4Floor` keeps its number, `http2xx` does not.
                if matches!(pieces.peek(), Some((Piece::Word, next)) if next.starts_with(is_plain_letter)) {
                    output.push(connector);
                    output.push_str(digits);
                    absorb_words(&mut output, &mut pieces, connector);
                } else {
                    output.push_str(digits);
                }
            }
        }
        separate(&mut output, pieces.peek(), connector);
    }
    output
}

/// Takes the words and digits that belong to a number: `20x`, `2m3s`.
fn absorb_words<'a>(
    output: &mut String,
    pieces: &mut std::iter::Peekable<impl Iterator<Item = (Piece, &'a str)>>,
    connector: char,
) {
    let belongs = |(piece, part): &(Piece, &str)| match piece {
        Piece::Digits => true,
        Piece::Word => part.starts_with(is_plain_letter),
        Piece::Capitals | Piece::Connector | Piece::Punctuation | Piece::Other => false,
    };
    while let Some((piece, part)) = pieces.next_if(belongs) {
        write_piece(output, piece, part, connector);
    }
}

/// A connector, unless the name ends or has one of its own.
fn separate(output: &mut String, next: Option<&(Piece, &str)>, connector: char) {
    match next {
        None | Some((Piece::Connector | Piece::Punctuation, _)) => {}
        Some((Piece::Digits | Piece::Capitals | Piece::Word | Piece::Other, _)) => output.push(connector),
    }
}

fn write_piece(output: &mut String, piece: Piece, part: &str, connector: char) {
    match piece {
        Piece::Capitals | Piece::Word => output.extend(part.chars().map(lower)),
        Piece::Connector => output.extend(part.chars().map(|_| connector)),
        Piece::Digits | Piece::Punctuation | Piece::Other => output.push_str(part),
    }
}
