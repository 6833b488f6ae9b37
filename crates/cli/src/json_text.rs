//! JSON as people read it: indented, order of members and spelling of numbers untouched.

/// `text` with an indentation of two blanks, or `None` when it is not JSON.
pub(crate) fn indented(text: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut written = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                written.push('"');
                let mut is_escaped = false;
                for character in characters.by_ref() {
                    written.push(character);
                    match character {
                        '"' if !is_escaped => break,
                        '\\' => is_escaped = !is_escaped,
                        _ => is_escaped = false,
                    }
                }
            }
            '{' | '[' => {
                written.push(character);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => written.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut written, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut written, depth);
                written.push(character);
            }
            ',' => {
                written.push(',');
                new_line(&mut written, depth);
            }
            ':' => written.push_str(": "),
            character if character.is_ascii_whitespace() => {}
            character => written.push(character),
        }
    }
    Some(written)
}

fn new_line(written: &mut String, depth: usize) {
    written.push('\n');
    written.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_numbers_and_strings() {
        let text = r#"{ "z":[1,2.50, {}],"a" : {"b": "x, {y}: \"\\"}, "e":[ ] }"#;
        let expected = "{\n  \"z\": [\n    1,\n    2.50,\n    {}\n  ],\n  \"a\": {\n    \"b\": \"x, {y}: \\\"\\\\\"\n  },\n  \"e\": []\n}";
        assert_eq!(indented(text).as_deref(), Some(expected));
        assert_eq!(indented(expected).as_deref(), Some(expected));
        assert_eq!(indented("\"text\"").as_deref(), Some("\"text\""));
    }

    #[test]
    fn leaves_other_text_alone() {
        for text in ["", "Unauthorized", "{", "{} {}", "<html>"] {
            assert_eq!(indented(text), None, "{text}");
        }
    }
}
