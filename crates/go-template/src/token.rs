//! The tokens of a template.

/// A token and where it stands: byte offsets into the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Text outside of actions, white space already trimmed.
    Text,
    LeftDelimiter,
    RightDelimiter,
    /// White space inside an action; it separates arguments.
    Space,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Pipe,
    Comma,
    LeftParenthesis,
    RightParenthesis,
    Bool,
    Character,
    Number,
    /// In double quotes or backquotes, quotes included.
    String,
    /// With its `$`.
    Variable,
    /// With its `.`.
    Field,
    Identifier,
    Dot,
    Nil,
    Keyword(Keyword),
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Keyword {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "block" => Self::Block,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "define" => Self::Define,
            "else" => Self::Else,
            "end" => Self::End,
            "if" => Self::If,
            "range" => Self::Range,
            "template" => Self::Template,
            "with" => Self::With,
            _ => return None,
        })
    }
}
