//! The tokens of CEL (language definition, section "Syntax") and the values of its literals.

use super::{error::SyntaxError, span::Span};

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A name; keywords are names that the parser knows.
    Name(String),
    /// An integer without its sign.
    Int(u64),
    /// An integer with the suffix `u`.
    Uint(u64),
    /// A number with a fraction or exponent.
    Double(f64),
    /// Text in quotation marks.
    String(String),
    /// Bytes: `b"…"`.
    Bytes(Vec<u8>),
    /// An operator or bracket.
    Mark(&'static str),
    /// Behind the last token.
    End,
}

/// Longest first, so that `==` is not two `=`.
const MARKS: [&str; 26] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "=", "+", "-", "*", "/", "%", "?", ":", ".", ",", "(",
    ")", "[", "]", "{", "}", "&",
];

/// All tokens of an expression, [`TokenKind::End`] last.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { source, position: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let is_end = token.kind == TokenKind::End;
        tokens.push(token);
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'s> {
    source: &'s str,
    position: usize,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.position..).unwrap_or_default()
    }

    fn next(&mut self) -> Result<Token, SyntaxError> {
        self.skip_blanks();
        let start = self.position;
        let rest = self.rest();
        let kind = match rest.chars().next() {
            None => TokenKind::End,
            Some(first) if first.is_ascii_digit() => self.number(start)?,
            Some('.') if rest.chars().nth(1).is_some_and(|next| next.is_ascii_digit()) => {
                self.number(start)?
            }
            Some('"' | '\'') => self.quoted(start, "")?,
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {
                let length = rest
                    .find(|next: char| !next.is_ascii_alphanumeric() && next != '_')
                    .unwrap_or(rest.len());
                let name = rest.get(..length).unwrap_or_default();
                self.position += length;
                let is_prefix = matches!(name.to_ascii_lowercase().as_str(), "r" | "b" | "rb" | "br");
                if is_prefix && self.rest().starts_with(['"', '\'']) {
                    self.quoted(start, name)?
                } else {
                    TokenKind::Name(name.to_owned())
                }
            }
            Some(other) => match MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
                Some(mark) => {
                    self.position += mark.len();
                    TokenKind::Mark(mark)
                }
                None => {
                    let span = Span::new(start, start + other.len_utf8());
                    return Err(SyntaxError::new(span, format!("`{other}` means nothing here")));
                }
            },
        };
        Ok(Token { kind, span: Span::new(start, self.position) })
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']).len();
            self.position += blanks;
            if !self.rest().starts_with("//") {
                return;
            }
            self.position += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn number(&mut self, start: usize) -> Result<TokenKind, SyntaxError> {
        if let Some(hex) = self.rest().strip_prefix("0x").or_else(|| self.rest().strip_prefix("0X")) {
            let length = hex.len() - hex.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()).len();
            let digits = hex.get(..length).unwrap_or_default();
            self.position += 2 + length;
            let number = u64::from_str_radix(digits, 16);
            return self.integer(number.ok(), start);
        }
        let digits = self.digits();
        let mut is_double = false;
        if self.rest().starts_with('.')
            && self.rest().chars().nth(1).is_some_and(|next| next.is_ascii_digit())
        {
            is_double = true;
            self.position += 1;
            self.digits();
        }
        if let Some(exponent) = self.rest().strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if unsigned.starts_with(|digit: char| digit.is_ascii_digit()) {
                is_double = true;
                self.position += 1 + exponent.len() - unsigned.len();
                self.digits();
            }
        }
        if !is_double {
            return self.integer(digits.parse().ok(), start);
        }
        let text = self.source.get(start..self.position).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => self.number_ends(TokenKind::Double(number), start),
            _ => Err(SyntaxError::new(Span::new(start, self.position), "the number is too large")),
        }
    }

    fn digits(&mut self) -> &'s str {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
        self.position += length;
        rest.get(..length).unwrap_or_default()
    }

    fn integer(&mut self, number: Option<u64>, start: usize) -> Result<TokenKind, SyntaxError> {
        let is_unsigned = self.rest().starts_with(['u', 'U']);
        self.position += usize::from(is_unsigned);
        match number {
            Some(number) if is_unsigned => self.number_ends(TokenKind::Uint(number), start),
            Some(number) => self.number_ends(TokenKind::Int(number), start),
            None => Err(SyntaxError::new(Span::new(start, self.position), "the integer is too large")),
        }
    }

    /// `12ab` is neither a number nor a name.
    fn number_ends(&self, kind: TokenKind, start: usize) -> Result<TokenKind, SyntaxError> {
        if self.rest().starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_') {
            let span = Span::new(start, self.position + 1);
            return Err(SyntaxError::new(span, "a letter follows a number"));
        }
        Ok(kind)
    }

    /// Text or bytes; the prefix was read.
    fn quoted(&mut self, start: usize, prefix: &str) -> Result<TokenKind, SyntaxError> {
        let is_raw = prefix.contains(['r', 'R']);
        let is_bytes = prefix.contains(['b', 'B']);
        let rest = self.rest();
        let quote = if rest.starts_with('"') { "\"" } else { "'" };
        let is_long = rest.starts_with(&quote.repeat(3));
        let end = if is_long { quote.repeat(3) } else { quote.to_owned() };
        self.position += end.len();
        let mut value = Literal { bytes: Vec::new(), is_bytes };
        loop {
            let rest = self.rest();
            if rest.starts_with(&end) {
                self.position += end.len();
                break;
            }
            match rest.chars().next() {
                Some('\n' | '\r') if !is_long => return Err(self.never_closed(start, &end)),
                None => return Err(self.never_closed(start, &end)),
                Some('\\') if !is_raw => self.escape(&mut value)?,
                // In raw text a backslash keeps the quotation mark behind it from ending the text.
                Some('\\') => {
                    value.push('\\');
                    self.position += 1;
                    if let Some(next) = self.rest().chars().next() {
                        value.push(next);
                        self.position += next.len_utf8();
                    }
                }
                Some(character) => {
                    value.push(character);
                    self.position += character.len_utf8();
                }
            }
        }
        if is_bytes {
            return Ok(TokenKind::Bytes(value.bytes));
        }
        match String::from_utf8(value.bytes) {
            Ok(text) => Ok(TokenKind::String(text)),
            Err(_) => Err(SyntaxError::new(Span::new(start, self.position), "the text is not UTF-8")),
        }
    }

    fn never_closed(&self, start: usize, end: &str) -> SyntaxError {
        let span = Span::new(start, start + 1);
        SyntaxError::new(span, format!("the text that starts here is never closed with `{end}`"))
    }

    fn escape(&mut self, value: &mut Literal) -> Result<(), SyntaxError> {
        let start = self.position;
        let mut behind = self.rest().chars();
        behind.next();
        let name = behind.next().unwrap_or(' ');
        let digits = |range: std::ops::Range<usize>| self.rest().get(range);
        let bad = |length: usize| {
            SyntaxError::new(Span::new(start, start + length), "this escape means nothing in a text")
        };
        let simple = match name {
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            '\\' | '?' | '"' | '\'' | '`' => Some(name),
            _ => None,
        };
        if let Some(character) = simple {
            value.push(character);
            self.position += 2;
            return Ok(());
        }
        let (radix, first, count) = match name {
            'x' | 'X' => (16, 2, 2),
            'u' if !value.is_bytes => (16, 2, 4),
            'U' if !value.is_bytes => (16, 2, 8),
            '0'..='3' => (8, 1, 3),
            _ => return Err(bad(1 + name.len_utf8())),
        };
        let number = digits(first..first + count)
            .filter(|digits| digits.chars().all(|digit| digit.is_digit(radix)))
            .and_then(|digits| u32::from_str_radix(digits, radix).ok())
            .ok_or_else(|| bad(first + 1))?;
        match (value.is_bytes, u8::try_from(number), char::from_u32(number)) {
            (true, Ok(byte), _) => value.bytes.push(byte),
            (false, _, Some(character)) => value.push(character),
            _ => return Err(bad(first + count)),
        }
        self.position += first + count;
        Ok(())
    }
}

/// The value of a literal while it is read.
struct Literal {
    bytes: Vec<u8>,
    is_bytes: bool,
}

impl Literal {
    fn push(&mut self, character: char) {
        self.bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<TokenKind> {
        let mut kinds: Vec<_> = tokens(source).unwrap().into_iter().map(|token| token.kind).collect();
        assert_eq!(kinds.pop(), Some(TokenKind::End));
        kinds
    }

    #[test]
    fn numbers_have_the_type_they_are_written_in() {
        use TokenKind::{Double, Int, Uint};
        assert_eq!(
            kinds("1 0x1F 2u 1.5 .5 1e3 2.5E-1"),
            [Int(1), Int(31), Uint(2), Double(1.5), Double(0.5), Double(1000.0), Double(0.25)]
        );
        for bad in ["18446744073709551616", "1e999", "12ab", "0x"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_know_escapes_unless_they_are_raw() {
        let text = |source: &str| match kinds(source).as_slice() {
            [TokenKind::String(text)] => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(r#""a\n\x41\u00e4\101\"""#), "a\nA\u{e4}A\"");
        assert_eq!(text(r#"r"\d\"x""#), r#"\d\"x"#);
        assert_eq!(text("'''a'\n\"b'''"), "a'\n\"b");
        assert_eq!(kinds(r#"b"\xff\u""#.replace(r"\u", "").as_str()), [TokenKind::Bytes(vec![0xff])]);
        for bad in [r#""\q""#, "\"a\nb\"", "'a", r#""\ud800""#, r#"b"\u0041""#, r#""\x4""#] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn comments_and_blanks_are_nothing() {
        assert_eq!(kinds("a // b\n c"), [TokenKind::Name("a".into()), TokenKind::Name("c".into())]);
    }
}
