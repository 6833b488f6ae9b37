//! From source to tokens.

use crate::token::{Keyword, Token, TokenKind};

/// What the lexer refuses, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LexError {
    pub(crate) offset: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// All tokens of a template, the last one [`TokenKind::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<Token>, LexError> {
    let mut lexer = Lexer { source, offset: 0, tokens: Vec::new() };
    lexer.text()?;
    lexer.push(TokenKind::End, source.len());
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    source: &'a str,
    offset: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.offset..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Ends a token here that began at `start`.
    fn push(&mut self, kind: TokenKind, start: usize) {
        self.tokens.push(Token { kind, start, end: self.offset });
    }

    fn take(&mut self, kind: TokenKind, length: usize) {
        let start = self.offset;
        self.offset += length;
        self.push(kind, start);
    }

    fn fail<T>(&self, offset: usize, message: impl Into<String>) -> Result<T, LexError> {
        Err(LexError { offset, message: message.into(), hint: None })
    }

    /// Text and actions in turn, up to the end of the source.
    fn text(&mut self) -> Result<(), LexError> {
        let mut trim_start = false;
        loop {
            if trim_start {
                self.offset = self.source.len() - self.rest().trim_start_matches(SPACES).len();
            }
            let start = self.offset;
            let Some(length) = self.rest().find("{{") else {
                self.offset = self.source.len();
                if start < self.offset {
                    self.push(TokenKind::Text, start);
                }
                return Ok(());
            };
            let delimiter = start + length;
            let text = self.source.get(start..delimiter).unwrap_or_default();
            let inside = self.source.get(delimiter + 2..).unwrap_or_default();
            // `{{-` trims only with white space behind it; `{{-3` is a number.
            let trims = inside.strip_prefix('-').is_some_and(|rest| rest.starts_with(SPACES));
            let kept = if trims { text.trim_end_matches(SPACES) } else { text };
            if !kept.is_empty() {
                self.tokens.push(Token { kind: TokenKind::Text, start, end: start + kept.len() });
            }
            self.offset = delimiter;
            let marker = if trims { 2 } else { 0 };
            if inside.get(marker..).is_some_and(|inside| inside.starts_with("/*")) {
                self.offset += 2 + marker;
                trim_start = self.comment()?;
            } else {
                self.take(TokenKind::LeftDelimiter, 2);
                self.offset += marker.min(1);
                trim_start = self.action()?;
            }
        }
    }

    /// A comment and the delimiter behind it; whether the text that follows is trimmed.
    fn comment(&mut self) -> Result<bool, LexError> {
        let start = self.offset;
        let Some(length) = self.rest().find("*/") else { return self.fail(start, "comment is not closed") };
        self.offset += length + 2;
        if self.rest().starts_with("}}") {
            self.offset += 2;
            return Ok(false);
        }
        match self.trimming_delimiter() {
            Some(length) => {
                self.offset += length;
                Ok(true)
            }
            None => self.fail(self.offset, "a comment ends directly before the closing delimiter"),
        }
    }

    /// The length of ` -}}` if that comes next.
    fn trimming_delimiter(&self) -> Option<usize> {
        let rest = self.rest().strip_prefix(SPACES)?;
        rest.starts_with("-}}").then_some(4)
    }

    /// The tokens of one action with its closing delimiter; whether the text that follows is trimmed.
    fn action(&mut self) -> Result<bool, LexError> {
        let opened_at = self.offset.saturating_sub(2);
        let mut open_parentheses = Vec::new();
        loop {
            let start = self.offset;
            if let Some(length) = self.trimming_delimiter() {
                self.check_closed(&open_parentheses)?;
                self.take(TokenKind::RightDelimiter, length);
                return Ok(true);
            }
            if self.rest().starts_with("}}") {
                self.check_closed(&open_parentheses)?;
                self.take(TokenKind::RightDelimiter, 2);
                return Ok(false);
            }
            let Some(next) = self.peek() else { return self.fail(opened_at, "action is not closed with }}") };
            match next {
                ' ' | '\t' | '\r' | '\n' => self.space(),
                '=' => self.take(TokenKind::Assign, 1),
                ':' if self.rest().starts_with(":=") => self.take(TokenKind::Declare, 2),
                ':' => return self.fail(start, "expected :="),
                '|' => self.take(TokenKind::Pipe, 1),
                ',' => self.take(TokenKind::Comma, 1),
                '"' => self.quoted('"', TokenKind::String, "string")?,
                '\'' => self.quoted('\'', TokenKind::Character, "character constant")?,
                '`' => {
                    let Some(length) = self.rest().get(1..).and_then(|rest| rest.find('`')) else {
                        return self.fail(start, "raw string is not closed");
                    };
                    self.take(TokenKind::String, length + 2);
                }
                '(' => {
                    open_parentheses.push(start);
                    self.take(TokenKind::LeftParenthesis, 1);
                }
                ')' => {
                    if open_parentheses.pop().is_none() {
                        return self.fail(start, "unexpected right parenthesis");
                    }
                    self.take(TokenKind::RightParenthesis, 1);
                }
                '$' => self.name(TokenKind::Variable, TokenKind::Variable)?,
                '.' if !self
                    .rest()
                    .get(1..)
                    .is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit())) =>
                {
                    self.name(TokenKind::Field, TokenKind::Dot)?;
                }
                '.' | '+' | '-' | '0'..='9' => self.number()?,
                _ if is_word_character(next) => self.word()?,
                _ => return self.fail(start, format!("unexpected {next:?} in an action")),
            }
        }
    }

    fn check_closed(&self, open_parentheses: &[usize]) -> Result<(), LexError> {
        match open_parentheses.last() {
            Some(offset) => self.fail(*offset, "left parenthesis is not closed"),
            None => Ok(()),
        }
    }

    /// White space, but not the one that belongs to ` -}}`.
    fn space(&mut self) {
        let start = self.offset;
        while self.peek().is_some_and(|next| SPACES.contains(&next)) && self.trimming_delimiter().is_none() {
            self.offset += 1;
        }
        if self.offset > start {
            self.push(TokenKind::Space, start);
        }
    }

    /// A constant in quotes, on one line.
    fn quoted(&mut self, quote: char, kind: TokenKind, what: &str) -> Result<(), LexError> {
        let start = self.offset;
        let mut escaped = true;
        for (position, character) in self.rest().char_indices() {
            match character {
                '\n' => break,
                // The opening quote counts as escaped.
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == quote => {
                    self.take(kind, position + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.fail(start, format!("{what} is not closed"))
    }

    /// A mark (`.` or `$`) and the word behind it; `bare` if there is no word.
    fn name(&mut self, kind: TokenKind, bare: TokenKind) -> Result<(), LexError> {
        let start = self.offset;
        self.offset += 1;
        let length = word_length(self.rest());
        self.offset += length;
        self.check_end_of_word(start)?;
        self.push(if length == 0 { bare } else { kind }, start);
        Ok(())
    }

    fn word(&mut self) -> Result<(), LexError> {
        let start = self.offset;
        self.offset += word_length(self.rest());
        self.check_end_of_word(start)?;
        let word = self.source.get(start..self.offset).unwrap_or_default();
        let kind = match word {
            "true" | "false" => TokenKind::Bool,
            "nil" => TokenKind::Nil,
            _ => Keyword::from_word(word).map_or(TokenKind::Identifier, TokenKind::Keyword),
        };
        self.push(kind, start);
        Ok(())
    }

    /// A word must be followed by something that ends it.
    fn check_end_of_word(&self, start: usize) -> Result<(), LexError> {
        let Some(next) = self.peek() else { return Ok(()) };
        if SPACES.contains(&next)
            || matches!(next, '.' | ',' | '|' | ':' | '(' | ')')
            || self.rest().starts_with("}}")
        {
            return Ok(());
        }
        let word = self.source.get(start..self.offset).unwrap_or_default();
        let hint = (next == '-' && word.starts_with(['.', '$'])).then(|| {
            "`-` ends a name; use `.Request.Header \"X-Name\"` for a header, `index .map \"the-key\"` for a key".to_owned()
        });
        Err(LexError {
            offset: self.offset,
            message: format!("{next:?} cannot be part of the name `{word}`"),
            hint,
        })
    }

    fn number(&mut self) -> Result<(), LexError> {
        let start = self.offset;
        if self.rest().starts_with(['+', '-']) {
            self.offset += 1;
        }
        let prefixed = |prefixes: [&str; 2]| prefixes.iter().any(|prefix| self.rest().starts_with(prefix));
        let (prefix, digits, exponents) = if prefixed(["0x", "0X"]) {
            (2, "0123456789abcdefABCDEF_", "pP")
        } else if prefixed(["0o", "0O"]) {
            (2, "01234567_", "")
        } else if prefixed(["0b", "0B"]) {
            (2, "01_", "")
        } else {
            (0, "0123456789_", "eE")
        };
        self.offset += prefix;
        self.skip(digits);
        if self.rest().starts_with('.') {
            self.offset += 1;
            self.skip(digits);
        }
        if self.rest().starts_with(|next| exponents.contains(next)) {
            self.offset += 1;
            if self.rest().starts_with(['+', '-']) {
                self.offset += 1;
            }
            self.skip("0123456789_");
        }
        if self.rest().starts_with('i') {
            self.offset += 1;
        }
        if let Some(next) = self.peek().filter(|next| is_word_character(*next) || matches!(next, '+' | '-')) {
            let text = self.source.get(start..self.offset + next.len_utf8()).unwrap_or_default();
            return self.fail(start, format!("bad number `{text}`"));
        }
        self.push(TokenKind::Number, start);
        Ok(())
    }

    fn skip(&mut self, accepted: &str) {
        let length = self.rest().bytes().take_while(|byte| accepted.as_bytes().contains(byte)).count();
        self.offset += length;
    }
}

fn is_word_character(character: char) -> bool {
    character == '_' || character.is_alphabetic() || character.is_numeric()
}

fn word_length(text: &str) -> usize {
    text.find(|character| !is_word_character(character)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<TokenKind> {
        tokens(source).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn trims_only_with_white_space_behind_the_marker() {
        use TokenKind::*;
        assert_eq!(kinds("{{-3}}"), [LeftDelimiter, Number, RightDelimiter, End]);
        assert_eq!(kinds("a {{- 3 -}} b"), [Text, LeftDelimiter, Space, Number, RightDelimiter, Text, End]);
        let trimmed = tokens("a {{- 3 -}} b").unwrap();
        assert_eq!((trimmed[0].end, trimmed[5].start), (1, 12));
    }

    #[test]
    fn a_comment_leaves_no_token() {
        assert_eq!(kinds("{{/* }} */}}"), [TokenKind::End]);
        assert_eq!(kinds("{{- /* x */ -}}"), [TokenKind::End]);
        assert!(tokens("{{/* x */ }}").is_err());
    }

    #[test]
    fn explains_a_hyphen_in_a_name() {
        let error = tokens("{{ .Request.Headers.X-Tenant }}").unwrap_err();
        assert!(error.hint.unwrap().contains("Request.Header"));
    }

    #[test]
    fn refuses_what_is_not_closed() {
        for source in ["{{ x", "{{ \"x }}", "{{ `x }}", "{{/* x", "{{ (x }}", "{{ x) }}", "{{ 'x }}"] {
            assert!(tokens(source).is_err(), "{source}");
        }
    }
}
