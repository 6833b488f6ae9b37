//! Go's format language: `printf`.

use crate::{
    error::FunctionError,
    limits::{MAX_NESTING, MAX_WALK_DEPTH, Steps},
    number::format_float,
    output::Output,
    print, quoting,
    text::first_char,
    value::Value,
};

/// The widest field and the highest precision, as in Go.
const MAX_FIELD: i64 = 1_000_000;

/// Writes `arguments` as `format` says. What does not fit shows up in the output (`%!d(string=x)`), as in Go.
pub(crate) fn write_formatted(
    output: &mut Output,
    format: &[u8],
    arguments: &[Value],
    steps: &Steps,
) -> Result<(), FunctionError> {
    let mut formatter = Formatter {
        output,
        steps,
        arguments,
        next: 0,
        reordered: false,
        good_index: true,
        field: Field::default(),
    };
    formatter.run(format)
}

/// Flags, width and precision of one verb.
#[derive(Debug, Clone, Copy, Default)]
struct Field {
    sharp: bool,
    plus: bool,
    minus: bool,
    space: bool,
    zero: bool,
    /// `%#v`: Go syntax.
    go_syntax: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

struct Formatter<'a> {
    output: &'a mut Output,
    steps: &'a Steps,
    arguments: &'a [Value],
    next: usize,
    /// An index such as `[2]` was used: superfluous arguments are no mistake then.
    reordered: bool,
    good_index: bool,
    field: Field,
}

type Written = Result<(), FunctionError>;

impl Formatter<'_> {
    fn run(&mut self, format: &[u8]) -> Written {
        let mut rest = format;
        while !rest.is_empty() {
            let length = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
            let (text, after) = rest.split_at(length);
            self.output.push(text)?;
            let Some((_, directive)) = after.split_first() else { break };
            rest = self.directive(directive)?;
        }
        if !self.reordered && self.next < self.arguments.len() {
            self.field = Field::default();
            self.output.push(b"%!(EXTRA ")?;
            for (index, argument) in self.arguments.iter().enumerate().skip(self.next) {
                if index > self.next {
                    self.output.push(b", ")?;
                }
                if matches!(argument, Value::Nil) {
                    self.output.push_str(print::NIL)?;
                } else {
                    self.output.push_str(&argument.type_name())?;
                    self.output.push(b"=")?;
                    self.argument(argument, 'v')?;
                }
            }
            self.output.push(b")")?;
        }
        Ok(())
    }

    /// One directive behind its `%`; gives what follows it.
    fn directive<'f>(&mut self, directive: &'f [u8]) -> Result<&'f [u8], FunctionError> {
        self.field = Field::default();
        self.good_index = true;
        let mut rest = directive;
        while let Some((flag, after)) = rest.split_first() {
            match flag {
                b'#' => self.field.sharp = true,
                b'0' => self.field.zero = true,
                b'+' => self.field.plus = true,
                b'-' => self.field.minus = true,
                b' ' => self.field.space = true,
                _ => break,
            }
            rest = after;
        }
        let mut after_index = false;
        rest = self.index(rest, &mut after_index);
        if let Some(after) = rest.strip_prefix(b"*") {
            rest = after;
            match self.star() {
                Some(width) => {
                    self.field.minus |= width < 0;
                    self.field.width = usize::try_from(width.abs()).ok();
                }
                None => self.output.push(b"%!(BADWIDTH)")?,
            }
            after_index = false;
        } else {
            let (width, after) = number(rest);
            rest = after;
            self.field.width = width;
            // `%[3]2d` names no width behind an index.
            self.good_index &= !(after_index && width.is_some());
        }
        if let Some(after) = rest.strip_prefix(b".") {
            rest = after;
            self.good_index &= !after_index;
            rest = self.index(rest, &mut after_index);
            if let Some(after) = rest.strip_prefix(b"*") {
                rest = after;
                match self.star() {
                    Some(precision @ 0..) => self.field.precision = usize::try_from(precision).ok(),
                    Some(_) | None => self.output.push(b"%!(BADPREC)")?,
                }
                after_index = false;
            } else {
                let (precision, after) = number(rest);
                rest = after;
                self.field.precision = Some(precision.unwrap_or(0));
            }
        }
        if !after_index {
            rest = self.index(rest, &mut after_index);
        }
        let Some((verb, length)) = first_char(rest) else {
            self.output.push(b"%!(NOVERB)")?;
            return Ok(rest);
        };
        let rest = rest.get(length..).unwrap_or_default();
        if verb == '%' {
            self.output.push(b"%")?;
            return Ok(rest);
        }
        if !self.good_index {
            self.complaint(verb, "BADINDEX")?;
            return Ok(rest);
        }
        let Some(argument) = self.arguments.get(self.next) else {
            self.complaint(verb, "MISSING")?;
            return Ok(rest);
        };
        self.next += 1;
        if verb == 'v' && self.field.sharp {
            self.field.sharp = false;
            self.field.go_syntax = true;
        }
        if verb == 'v' {
            self.field.plus = false;
        }
        self.argument(argument, verb)?;
        Ok(rest)
    }

    fn complaint(&mut self, verb: char, what: &str) -> Written {
        self.output.push_str(&format!("%!{verb}({what})"))
    }

    /// An explicit index such as `[2]`.
    fn index<'f>(&mut self, text: &'f [u8], found: &mut bool) -> &'f [u8] {
        let Some(inner) = text.strip_prefix(b"[") else { return text };
        self.reordered = true;
        let Some(length) = inner.iter().position(|byte| *byte == b']') else {
            self.good_index = false;
            return inner;
        };
        let (digits, after) = inner.split_at(length);
        let after = after.get(1..).unwrap_or_default();
        let index = match number(digits) {
            (Some(index), []) => index.checked_sub(1).filter(|index| *index < self.arguments.len()),
            _ => None,
        };
        match index {
            Some(index) => {
                self.next = index;
                *found = true;
            }
            None => self.good_index = false,
        }
        after
    }

    /// The argument that stands for `*`.
    fn star(&mut self) -> Option<i64> {
        let value = self.arguments.get(self.next);
        self.next += usize::from(value.is_some());
        match value {
            Some(Value::Int(integer)) if integer.value.abs() <= MAX_FIELD => Some(integer.value),
            _ => None,
        }
    }

    // Arguments.

    fn argument(&mut self, value: &Value, verb: char) -> Written {
        match (value, verb) {
            (_, 'T') => self.string(value.type_name().as_bytes(), 's'),
            (Value::Nil, 'v') => {
                self.padded(if self.field.go_syntax { b"<nil>" } else { print::NIL.as_bytes() })
            }
            (Value::Nil, _) => self.complaint(verb, print::NIL),
            (_, 'p') => self.bad_verb(value, verb),
            (_, _) => self.nested(value, verb, MAX_WALK_DEPTH),
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char) -> Written {
        self.output.push_str(&format!("%!{verb}({}=", value.type_name()))?;
        self.nested(value, 'v', MAX_WALK_DEPTH)?;
        self.output.push(b")")
    }

    fn nested(&mut self, value: &Value, verb: char, depth: usize) -> Written {
        self.steps.spend()?;
        let deeper = depth.checked_sub(1).ok_or(FunctionError::NestedTooDeeply { limit: MAX_NESTING })?;
        match value {
            Value::Nil if self.field.go_syntax => self.output.push(b"interface {}(nil)"),
            Value::Nil => self.output.push_str(print::NIL),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.padded(if *truth { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(integer) => self.integer(value, integer.value, verb),
            Value::Float(float) => self.float(value, *float, verb),
            Value::String(text) => match verb {
                'v' if self.field.go_syntax => self.string(text.as_bytes(), 'q'),
                'v' | 's' | 'q' | 'x' | 'X' => self.string(text.as_bytes(), verb),
                _ => self.bad_verb(value, verb),
            },
            Value::Time(time) => match verb {
                'v' | 's' | 'q' | 'x' | 'X' => self.string(time.to_text().as_bytes(), verb),
                _ => self.bad_verb(value, verb),
            },
            Value::List(list) => {
                let (open, separator, close) = self.brackets(value, ("[", " ", "]"));
                self.output.push_str(&open)?;
                for (index, item) in list.items().iter().enumerate() {
                    if index > 0 {
                        self.output.push_str(separator)?;
                    }
                    self.nested(item, verb, deeper)?;
                }
                self.output.push_str(close)
            }
            Value::Map(_) | Value::Object(_) => {
                if let Value::Object(object) = value
                    && let Some(text) = object.to_text()
                {
                    return match verb {
                        'v' | 's' | 'q' | 'x' | 'X' => self.string(text.as_bytes(), verb),
                        _ => self.bad_verb(value, verb),
                    };
                }
                let Some(map) = value.as_map() else { return self.bad_verb_of_object(value, verb) };
                let (open, separator, close) = self.brackets(value, ("map[", " ", "]"));
                self.output.push_str(&open)?;
                for (index, (key, item)) in map.entries().iter().enumerate() {
                    if index > 0 {
                        self.output.push_str(separator)?;
                    }
                    let key_verb = if self.field.go_syntax && verb == 'v' { 'q' } else { verb };
                    self.nested(&Value::String(key.clone()), key_verb, deeper)?;
                    self.output.push(b":")?;
                    self.nested(item, verb, deeper)?;
                }
                self.output.push_str(close)
            }
        }
    }

    fn bad_verb_of_object(&mut self, value: &Value, verb: char) -> Written {
        match verb {
            'v' => self.output.push_str(&value.type_name()),
            _ => self.complaint(verb, &value.type_name()),
        }
    }

    fn brackets(
        &self,
        value: &Value,
        plain: (&str, &'static str, &'static str),
    ) -> (String, &'static str, &'static str) {
        if self.field.go_syntax {
            (format!("{}{{", value.type_name()), ", ", "}")
        } else {
            (plain.0.into(), plain.1, plain.2)
        }
    }

    fn string(&mut self, bytes: &[u8], verb: char) -> Written {
        match verb {
            'x' | 'X' => self.hexadecimal(bytes, verb),
            'q' => {
                let bytes = self.truncated(bytes);
                let text = String::from_utf8_lossy(bytes);
                let can_backquote = std::str::from_utf8(bytes).is_ok()
                    && !text.contains(|character: char| {
                        character == '`'
                            || character == '\u{feff}'
                            || character == '\u{7f}'
                            || (character < ' ' && character != '\t')
                    });
                if self.field.sharp && can_backquote {
                    self.padded(format!("`{text}`").as_bytes())
                } else {
                    self.padded(quoting::quote(bytes, self.field.plus).as_bytes())
                }
            }
            _ => {
                let bytes = self.truncated(bytes);
                self.padded(bytes)
            }
        }
    }

    /// The text up to as many characters as the precision says.
    fn truncated<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(precision) = self.field.precision else { return bytes };
        let mut end = 0;
        for _ in 0..precision {
            match bytes.get(end..).and_then(first_char) {
                Some((_, length)) => end += length,
                None => break,
            }
        }
        bytes.get(..end).unwrap_or(bytes)
    }

    fn hexadecimal(&mut self, bytes: &[u8], verb: char) -> Written {
        let bytes = self.field.precision.and_then(|precision| bytes.get(..precision)).unwrap_or(bytes);
        let mut text = String::new();
        let prefix = if verb == 'x' { "0x" } else { "0X" };
        for (index, byte) in bytes.iter().enumerate() {
            if self.field.space && index > 0 {
                text.push(' ');
            }
            if self.field.sharp && (self.field.space || index == 0) {
                text.push_str(prefix);
            }
            let digits = format!("{byte:02x}");
            text.push_str(&if verb == 'x' { digits } else { digits.to_ascii_uppercase() });
        }
        self.padded(text.as_bytes())
    }

    fn integer(&mut self, value: &Value, integer: i64, verb: char) -> Written {
        let magnitude = integer.unsigned_abs();
        let (digits, prefix) = match verb {
            'v' | 'd' => (magnitude.to_string(), ""),
            'b' => (format!("{magnitude:b}"), "0b"),
            'o' => (format!("{magnitude:o}"), ""),
            'O' => (format!("{magnitude:o}"), ""),
            'x' => (format!("{magnitude:x}"), "0x"),
            'X' => (format!("{magnitude:X}"), "0X"),
            'c' | 'q' | 'U' => return self.character(integer, verb),
            _ => return self.bad_verb(value, verb),
        };
        let signed = integer < 0 || self.field.plus || self.field.space;
        let least_digits = match (self.field.precision, self.field.width) {
            (Some(0), _) if magnitude == 0 => {
                return self.padded_with(b"", b" ");
            }
            (Some(precision), _) => precision,
            (None, Some(width)) if self.field.zero && !self.field.minus => {
                width.saturating_sub(usize::from(signed))
            }
            (None, _) => 0,
        };
        if least_digits > self.output.limit() {
            return Err(FunctionError::TextTooLong { limit: self.output.limit() });
        }
        let mut text = format!("{digits:0>least_digits$}");
        if self.field.sharp {
            let prefix = if verb == 'o' && !text.starts_with('0') { "0" } else { prefix };
            text.insert_str(0, prefix);
        }
        if verb == 'O' {
            text.insert_str(0, "0o");
        }
        match (integer < 0, self.field.plus, self.field.space) {
            (true, _, _) => text.insert(0, '-'),
            (false, true, _) => text.insert(0, '+'),
            (false, false, true) => text.insert(0, ' '),
            (false, false, false) => {}
        }
        self.padded_with(text.as_bytes(), b" ")
    }

    fn character(&mut self, integer: i64, verb: char) -> Written {
        let character =
            u32::try_from(integer).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        let text = match verb {
            'c' => character.to_string(),
            'q' => quoting::quote_character(character, self.field.plus),
            _ => {
                let digits = self.field.precision.unwrap_or(4).max(4).min(self.output.limit());
                let mut text = format!("U+{integer:0digits$X}");
                if self.field.sharp && quoting::is_printable(character) {
                    text.push_str(&format!(" '{character}'"));
                }
                return self.padded_with(text.as_bytes(), b" ");
            }
        };
        self.padded(text.as_bytes())
    }

    fn float(&mut self, value: &Value, float: f64, verb: char) -> Written {
        let (form, default) = match verb {
            'v' | 'g' => ('g', None),
            'G' => ('G', None),
            'e' => ('e', Some(6)),
            'E' => ('E', Some(6)),
            'f' | 'F' => ('f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.field.precision.or(default);
        if precision.is_some_and(|precision| precision > MAX_FLOAT_PRECISION) {
            return Err(FunctionError::Refused("the precision is too high"));
        }
        let digits = format_float(float.abs(), form, precision);
        let sign = match (float.is_sign_negative() && !float.is_nan(), self.field.plus, self.field.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            // Infinity always has a sign in Go's plain form.
            (false, false, false) if float.is_infinite() => "+",
            (false, false, false) => "",
        };
        if !float.is_finite() {
            return self.padded_with(format!("{sign}{digits}").as_bytes(), b" ");
        }
        if self.field.zero && !self.field.minus {
            let missing = self.field.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
            self.output.push_str(sign)?;
            self.output.push_repeated(b"0", missing)?;
            return self.output.push_str(&digits);
        }
        self.padded(format!("{sign}{digits}").as_bytes())
    }

    /// Writes a text, filled up to the width.
    fn padded(&mut self, text: &[u8]) -> Written {
        self.padded_with(text, if self.field.zero { b"0" } else { b" " })
    }

    fn padded_with(&mut self, text: &[u8], padding: &[u8]) -> Written {
        let mut characters = 0_usize;
        let mut rest = text;
        while let Some((_, length)) = first_char(rest) {
            characters += 1;
            rest = rest.get(length..).unwrap_or_default();
        }
        let missing = self.field.width.unwrap_or(0).saturating_sub(characters);
        if self.field.minus {
            self.output.push(text)?;
            return self.output.push_repeated(b" ", missing);
        }
        self.output.push_repeated(padding, missing)?;
        self.output.push(text)
    }
}

/// More digits than this are never asked for in earnest.
const MAX_FLOAT_PRECISION: usize = 1000;

/// A decimal number at the start, if there is one within bounds.
fn number(text: &[u8]) -> (Option<usize>, &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    let value = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i64>().ok());
    (value.filter(|value| *value <= MAX_FIELD).and_then(|value| usize::try_from(value).ok()), rest)
}
