//! JSON as Go's encoder writes it: keys in order, markup characters escaped unless told otherwise.

use crate::{
    error::FunctionError,
    limits::{MAX_NESTING, MAX_WALK_DEPTH, Steps},
    number::format_float,
    output::Output,
    text::first_char,
    value::Value,
};

/// How JSON is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Line breaks and two spaces per level.
    pub(crate) pretty: bool,
    /// `<`, `>` and `&` as escapes.
    pub(crate) escapes_markup: bool,
}

/// Writes a value as JSON.
pub(crate) fn write(
    output: &mut Output,
    value: &Value,
    style: Style,
    steps: &Steps,
) -> Result<(), FunctionError> {
    Writer { output, style, steps, level: 0 }.value(value)
}

struct Writer<'a> {
    output: &'a mut Output,
    style: Style,
    steps: &'a Steps,
    level: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) -> Result<(), FunctionError> {
        self.steps.spend()?;
        if self.level > MAX_WALK_DEPTH {
            return Err(FunctionError::NestedTooDeeply { limit: MAX_NESTING });
        }
        match value {
            Value::Nil => self.output.push(b"null"),
            Value::Bool(truth) => self.output.push(if *truth { b"true" } else { b"false" }),
            Value::Int(integer) => self.output.push_str(&integer.value.to_string()),
            Value::Float(float) => self.float(*float),
            Value::String(text) => self.string(text.as_bytes()),
            Value::Time(time) => {
                self.string(crate::layout::format(time, "2006-01-02T15:04:05.999999999Z07:00").as_bytes())
            }
            Value::List(list) if list.is_null() => self.output.push(b"null"),
            Value::List(list) => {
                self.enclosed(b"[", b"]", list.items().iter(), |writer, item| writer.value(item))
            }
            Value::Map(map) => {
                let entries = map.entries();
                self.enclosed(b"{", b"}", entries.iter(), |writer, (key, value)| {
                    writer.member(key.as_bytes(), value)
                })
            }
            Value::Object(object) => {
                let members = object.members();
                if members.is_empty() {
                    return match (object.entries(), object.to_text()) {
                        (Some(map), _) => self.value(&Value::Map(map)),
                        (None, Some(text)) => self.string(text.as_bytes()),
                        (None, None) => Err(FunctionError::NoJsonForm),
                    };
                }
                self.enclosed(b"{", b"}", members.iter(), |writer, (name, value)| {
                    writer.member(name.as_bytes(), value)
                })
            }
        }
    }

    fn enclosed<T>(
        &mut self,
        open: &[u8],
        close: &[u8],
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), FunctionError>,
    ) -> Result<(), FunctionError> {
        self.output.push(open)?;
        let is_empty = items.len() == 0;
        self.level += 1;
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.output.push(b",")?;
            }
            self.line_break()?;
            write(self, item)?;
        }
        self.level -= 1;
        if !is_empty {
            self.line_break()?;
        }
        self.output.push(close)
    }

    fn line_break(&mut self) -> Result<(), FunctionError> {
        if self.style.pretty {
            self.output.push(b"\n")?;
            self.output.push_repeated(b"  ", self.level)?;
        }
        Ok(())
    }

    fn member(&mut self, name: &[u8], value: &Value) -> Result<(), FunctionError> {
        self.string(name)?;
        self.output.push(if self.style.pretty { b": " } else { b":" })?;
        self.value(value)
    }

    /// Shortest digits, without exponent between 1e-6 and 1e21.
    fn float(&mut self, float: f64) -> Result<(), FunctionError> {
        if !float.is_finite() {
            return Err(FunctionError::NoJsonForm);
        }
        let magnitude = float.abs();
        if float.is_sign_negative() {
            self.output.push(b"-")?;
        }
        if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
            let text = format_float(magnitude, 'e', None);
            // One digit is enough for a small negative exponent.
            return match text.split_once("e-0") {
                Some((mantissa, exponent)) => self.output.push_str(&format!("{mantissa}e-{exponent}")),
                None => self.output.push_str(&text),
            };
        }
        self.output.push_str(&format_float(magnitude, 'f', None))
    }

    fn string(&mut self, bytes: &[u8]) -> Result<(), FunctionError> {
        self.output.push(b"\"")?;
        let mut rest = bytes;
        while let Some((character, length)) = first_char(rest) {
            let (unit, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = after;
            match character {
                '"' => self.output.push(b"\\\"")?,
                '\\' => self.output.push(b"\\\\")?,
                '\n' => self.output.push(b"\\n")?,
                '\r' => self.output.push(b"\\r")?,
                '\t' => self.output.push(b"\\t")?,
                '\u{8}' => self.output.push(b"\\b")?,
                '\u{c}' => self.output.push(b"\\f")?,
                '<' | '>' | '&' if self.style.escapes_markup => self.escape(character)?,
                '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => self.escape(character)?,
                char::REPLACEMENT_CHARACTER if unit.len() == 1 => self.escape(character)?,
                _ => self.output.push(unit)?,
            }
        }
        self.output.push(b"\"")
    }

    fn escape(&mut self, character: char) -> Result<(), FunctionError> {
        self.output.push_str(&format!("\\u{:04x}", u32::from(character)))
    }
}
