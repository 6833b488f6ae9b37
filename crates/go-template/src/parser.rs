//! From tokens to the tree, with everything checked that does not need data.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    ast::{Branch, Command, Name, Node, Operand, OperandKind, Pipeline, Span, Tree},
    error::{ParseError, Position},
    functions,
    lexer::{self, LexError},
    number::{Number, NumberError},
    quoting,
    secret::{SecretReference, SecretResolver},
    text::Text,
    token::{Keyword, Token, TokenKind},
};

/// How deep blocks and parentheses may be nested in the source.
const MAX_SOURCE_NESTING: usize = 100;

/// Parses a template. Calls of `secret` are replaced by what the resolver gives, and noted in the second part of the result.
pub(crate) fn parse(
    source: &str,
    secrets: &dyn SecretResolver,
) -> Result<(Tree, Vec<SecretReference>), ParseError> {
    let tokens = lexer::tokens(source).map_err(|LexError { offset, message, hint }| {
        let Position { line, column } = Position::of(source, offset);
        ParseError { line, column, message, hint }
    })?;
    let mut parser = Parser {
        source,
        tokens,
        next: 0,
        variables: vec!["$".into()],
        range_depth: 0,
        nesting: 0,
        defined: BTreeMap::new(),
        secrets,
        secret_references: Vec::new(),
    };
    let main = parser.top_level()?;
    Ok((Tree { main, defined: parser.defined }, parser.secret_references))
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    next: usize,
    /// The variables that can be seen here.
    variables: Vec<Name>,
    range_depth: usize,
    nesting: usize,
    defined: BTreeMap<Name, Vec<Node>>,
    secrets: &'a dyn SecretResolver,
    secret_references: Vec<SecretReference>,
}

/// What ended a list of nodes.
enum ListEnd {
    End,
    Else(Token),
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    // Tokens.

    fn peek(&self) -> Token {
        let end = Token { kind: TokenKind::End, start: self.source.len(), end: self.source.len() };
        self.tokens.get(self.next).copied().unwrap_or(end)
    }

    fn take(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek().kind == TokenKind::Space {
            self.next += 1;
        }
    }

    fn peek_past_space(&mut self) -> Token {
        self.skip_space();
        self.peek()
    }

    fn take_past_space(&mut self) -> Token {
        self.skip_space();
        self.take()
    }

    fn text_of(&self, token: Token) -> &'a str {
        self.source.get(token.start..token.end).unwrap_or_default()
    }

    fn error(&self, token: Token, message: impl Into<String>) -> ParseError {
        self.error_with_hint(token, message, None)
    }

    fn error_with_hint(&self, token: Token, message: impl Into<String>, hint: Option<String>) -> ParseError {
        let Position { line, column } = Position::of(self.source, token.start);
        ParseError { line, column, message: message.into(), hint }
    }

    fn unexpected(&self, token: Token, context: &str) -> ParseError {
        let what = match token.kind {
            TokenKind::End => "end of the template".to_owned(),
            TokenKind::RightDelimiter => "}}".to_owned(),
            _ => format!("`{}`", self.text_of(token).trim()),
        };
        self.error(token, format!("unexpected {what} in {context}"))
    }

    fn expect(&mut self, kind: TokenKind, context: &str) -> Parsed<Token> {
        let token = self.take_past_space();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(token, context)) }
    }

    // Lists of nodes.

    fn top_level(&mut self) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        loop {
            let token = self.take();
            match token.kind {
                TokenKind::End => return Ok(nodes),
                TokenKind::Text => nodes.push(Node::Text(self.text_of(token).into())),
                TokenKind::LeftDelimiter => {
                    let keyword = self.peek_past_space();
                    match keyword.kind {
                        TokenKind::Keyword(Keyword::Define) => {
                            self.take();
                            self.define()?;
                        }
                        TokenKind::Keyword(Keyword::End | Keyword::Else) => {
                            return Err(self.unexpected(keyword, "the template: no block is open here"));
                        }
                        _ => nodes.push(self.action()?),
                    }
                }
                _ => return Err(self.unexpected(token, "the template")),
            }
        }
    }

    /// Nodes up to `end` or `else`.
    fn list(&mut self, opened: Token) -> Parsed<(Vec<Node>, ListEnd)> {
        self.nesting += 1;
        if self.nesting > MAX_SOURCE_NESTING {
            return Err(self.error(opened, format!("blocks are nested deeper than {MAX_SOURCE_NESTING}")));
        }
        let mut nodes = Vec::new();
        loop {
            let token = self.take();
            match token.kind {
                TokenKind::Text => nodes.push(Node::Text(self.text_of(token).into())),
                TokenKind::LeftDelimiter => {
                    let keyword = self.peek_past_space();
                    match keyword.kind {
                        TokenKind::Keyword(Keyword::End) => {
                            self.take();
                            self.expect(TokenKind::RightDelimiter, "end")?;
                            self.nesting -= 1;
                            return Ok((nodes, ListEnd::End));
                        }
                        TokenKind::Keyword(Keyword::Else) => {
                            self.take();
                            self.nesting -= 1;
                            return Ok((nodes, ListEnd::Else(keyword)));
                        }
                        _ => nodes.push(self.action()?),
                    }
                }
                _ => {
                    let message = format!("`{}` has no matching end", self.text_of(opened));
                    let hint = Some("close it with `{{ end }}`".to_owned());
                    return Err(self.error_with_hint(opened, message, hint));
                }
            }
        }
    }

    /// One action, its left delimiter already taken.
    fn action(&mut self) -> Parsed<Node> {
        let token = self.peek_past_space();
        let TokenKind::Keyword(keyword) = token.kind else {
            return Ok(Node::Action(self.pipeline("command", TokenKind::RightDelimiter)?));
        };
        self.take();
        match keyword {
            Keyword::If => Ok(Node::If(self.branch(token, keyword)?)),
            Keyword::With => Ok(Node::With(self.branch(token, keyword)?)),
            Keyword::Range => Ok(Node::Range(self.branch(token, keyword)?)),
            Keyword::Template => self.template(token),
            Keyword::Block => self.block(token),
            Keyword::Break | Keyword::Continue => {
                if self.range_depth == 0 {
                    return Err(self.error(token, format!("{} outside of range", self.text_of(token))));
                }
                self.expect(TokenKind::RightDelimiter, self.text_of(token))?;
                Ok(if keyword == Keyword::Break { Node::Break } else { Node::Continue })
            }
            Keyword::Define => Err(self.error(token, "define stands only at the top level of a template")),
            Keyword::Else | Keyword::End => Err(self.unexpected(token, "command")),
        }
    }

    /// `if`, `with` or `range`, whose keyword is taken, up to its `end`.
    fn branch(&mut self, opened: Token, keyword: Keyword) -> Parsed<Branch> {
        let visible = self.variables.len();
        let pipeline = self.pipeline(self.text_of(opened), TokenKind::RightDelimiter)?;
        if keyword == Keyword::Range {
            self.range_depth += 1;
        }
        let (body, end) = self.list(opened)?;
        if keyword == Keyword::Range {
            self.range_depth -= 1;
        }
        let otherwise = match end {
            ListEnd::End => Vec::new(),
            ListEnd::Else(token) => self.otherwise(token, opened, keyword)?,
        };
        self.variables.truncate(visible);
        Ok(Branch { pipeline, body, otherwise })
    }

    /// What follows `else`: `{{ else if x }}` shares its `end` with the `if` around it, likewise `with`.
    fn otherwise(&mut self, token: Token, opened: Token, keyword: Keyword) -> Parsed<Vec<Node>> {
        let next = self.peek_past_space();
        if next.kind == TokenKind::Keyword(keyword) && matches!(keyword, Keyword::If | Keyword::With) {
            self.take();
            self.nesting += 1;
            if self.nesting > MAX_SOURCE_NESTING {
                return Err(self.error(next, format!("blocks are nested deeper than {MAX_SOURCE_NESTING}")));
            }
            let branch = self.branch(next, keyword)?;
            self.nesting -= 1;
            return Ok(vec![if keyword == Keyword::If { Node::If(branch) } else { Node::With(branch) }]);
        }
        self.expect(TokenKind::RightDelimiter, "else")?;
        match self.list(opened)? {
            (nodes, ListEnd::End) => Ok(nodes),
            (_, ListEnd::Else(_)) => Err(self.error(token, "a second else in the same block, expected end")),
        }
    }

    // Templates within the template.

    fn template_name(&mut self, context: &str) -> Parsed<Name> {
        let token = self.expect(TokenKind::String, context)?;
        Ok(self.string(token)?.to_str_lossy().into())
    }

    fn define(&mut self) -> Parsed<()> {
        let keyword = self.tokens.get(self.next.saturating_sub(1)).copied().unwrap_or(self.peek());
        let name = self.template_name("define clause")?;
        self.expect(TokenKind::RightDelimiter, "define clause")?;
        let body = self.body(keyword)?;
        self.add_definition(keyword, name, body)
    }

    /// The body of a `define` or `block`, which sees no variables from outside.
    fn body(&mut self, opened: Token) -> Parsed<Vec<Node>> {
        let outer_variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let outer_ranges = std::mem::replace(&mut self.range_depth, 0);
        let body = match self.list(opened)? {
            (nodes, ListEnd::End) => nodes,
            (_, ListEnd::Else(token)) => return Err(self.unexpected(token, "a definition")),
        };
        self.variables = outer_variables;
        self.range_depth = outer_ranges;
        Ok(body)
    }

    /// A definition of nothing but white space gives way to another one.
    fn add_definition(&mut self, keyword: Token, name: Name, body: Vec<Node>) -> Parsed<()> {
        match self.defined.get(&name) {
            Some(earlier) if !is_blank(earlier) => {
                if is_blank(&body) {
                    return Ok(());
                }
                Err(self.error(keyword, format!("template {name:?} is defined twice")))
            }
            Some(_) | None => {
                self.defined.insert(name, body);
                Ok(())
            }
        }
    }

    fn template(&mut self, keyword: Token) -> Parsed<Node> {
        let name = self.template_name("template clause")?;
        let argument = if self.peek_past_space().kind == TokenKind::RightDelimiter {
            self.take();
            None
        } else {
            Some(self.pipeline("template clause", TokenKind::RightDelimiter)?)
        };
        Ok(Node::Template { name, argument, span: self.span_from(keyword) })
    }

    fn block(&mut self, keyword: Token) -> Parsed<Node> {
        let name = self.template_name("block clause")?;
        let argument = Some(self.pipeline("block clause", TokenKind::RightDelimiter)?);
        let span = self.span_from(keyword);
        let body = self.body(keyword)?;
        self.add_definition(keyword, Arc::clone(&name), body)?;
        Ok(Node::Template { name, argument, span })
    }

    /// From `first` up to the closing delimiter just taken, without it.
    fn span_from(&self, first: Token) -> Span {
        let last = self.tokens.get(self.next.saturating_sub(1)).copied().unwrap_or(first);
        Span { start: first.start, end: last.start }
    }

    // Pipelines.

    fn pipeline(&mut self, context: &str, end: TokenKind) -> Parsed<Pipeline> {
        let first = self.peek_past_space();
        let (variables, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.peek_past_space();
            if token.kind == end {
                if commands.is_empty() {
                    return Err(self.error(token, format!("missing value for {context}")));
                }
                self.take();
                let span = Span { start: first.start, end: token.start };
                return Ok(Pipeline { span, variables, assigns, commands });
            }
            match token.kind {
                TokenKind::Bool
                | TokenKind::Character
                | TokenKind::Number
                | TokenKind::String
                | TokenKind::Variable
                | TokenKind::Field
                | TokenKind::Identifier
                | TokenKind::Dot
                | TokenKind::Nil
                | TokenKind::LeftParenthesis => {
                    let command = self.command()?;
                    if !commands.is_empty() && !can_receive(&command.first) {
                        let stage = commands.len() + 1;
                        let message = format!(
                            "stage {stage} of the pipeline is not a function and cannot take a value"
                        );
                        return Err(self.error(token, message));
                    }
                    commands.push(command);
                }
                _ => return Err(self.unexpected(token, context)),
            }
        }
    }

    /// `$x :=`, `$x =` or, with `range`, `$i, $x :=`.
    fn declarations(&mut self, context: &str) -> Parsed<(Vec<Name>, bool)> {
        let mut variables = Vec::new();
        loop {
            let start = self.next;
            let variable = self.peek_past_space();
            if variable.kind != TokenKind::Variable {
                return if variables.is_empty() {
                    Ok((variables, false))
                } else {
                    Err(self.error(variable, "range can only declare variables"))
                };
            }
            self.take();
            let operator = self.peek_past_space();
            let name: Name = self.text_of(variable).into();
            match operator.kind {
                TokenKind::Assign | TokenKind::Declare => {
                    self.take();
                    self.variables.push(Arc::clone(&name));
                    variables.push(name);
                    return Ok((variables, operator.kind == TokenKind::Assign));
                }
                TokenKind::Comma => {
                    if context != "range" || !variables.is_empty() {
                        return Err(self.error(operator, format!("too many declarations in {context}")));
                    }
                    self.take();
                    self.variables.push(Arc::clone(&name));
                    variables.push(name);
                }
                _ if variables.is_empty() => {
                    self.next = start;
                    return Ok((variables, false));
                }
                _ => return Err(self.error(operator, "expected := or = after the variables of range")),
            }
        }
    }

    /// A first word and arguments, up to a pipe (which is taken) or the end of the pipeline (which is not).
    fn command(&mut self) -> Parsed<Command> {
        let start = self.peek_past_space();
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            let token = self.peek();
            match token.kind {
                TokenKind::Space => {}
                TokenKind::RightDelimiter | TokenKind::RightParenthesis => break,
                TokenKind::Pipe => {
                    self.take();
                    break;
                }
                _ => return Err(self.unexpected(token, "command")),
            }
        }
        let mut operands = operands.into_iter();
        let Some(first) = operands.next() else { return Err(self.error(start, "empty command")) };
        let arguments: Vec<Operand> = operands.collect();
        self.resolve_secret(start, Command { first, arguments })
    }

    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let start = self.peek();
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let mut fields: Vec<Name> = Vec::new();
        while self.peek().kind == TokenKind::Field {
            let field = self.take();
            fields.push(self.field_name(field));
            operand.span.end = field.end;
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        let span = operand.span;
        let kind = match operand.kind {
            OperandKind::Field(mut names) => {
                names.append(&mut fields);
                OperandKind::Field(names)
            }
            OperandKind::Variable(name, mut names) => {
                names.append(&mut fields);
                OperandKind::Variable(name, names)
            }
            OperandKind::Nil
            | OperandKind::Dot
            | OperandKind::Bool(_)
            | OperandKind::Number(_)
            | OperandKind::String(_) => {
                let message = format!("unexpected . after `{}`", self.text_of(start));
                return Err(self.error(start, message));
            }
            kind @ (OperandKind::Function(_) | OperandKind::Pipeline(_) | OperandKind::Chain(..)) => {
                OperandKind::Chain(Box::new(Operand { span, kind }), fields)
            }
        };
        Ok(Some(Operand { span, kind }))
    }

    fn field_name(&self, token: Token) -> Name {
        self.text_of(token).trim_start_matches('.').into()
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let token = self.peek();
        let text = self.text_of(token);
        let kind = match token.kind {
            TokenKind::Identifier => match functions::find(text) {
                Ok(function) => OperandKind::Function(function),
                Err(unknown) => return Err(self.error_with_hint(token, unknown.message, unknown.hint)),
            },
            TokenKind::Dot => OperandKind::Dot,
            TokenKind::Nil => OperandKind::Nil,
            TokenKind::Variable => {
                if !self.variables.iter().any(|variable| **variable == *text) {
                    return Err(self.error(token, format!("variable {text} is not declared here")));
                }
                OperandKind::Variable(text.into(), Vec::new())
            }
            TokenKind::Field => OperandKind::Field(vec![self.field_name(token)]),
            TokenKind::Bool => OperandKind::Bool(text == "true"),
            TokenKind::Character => match quoting::unquote_character(text) {
                Some(character) => OperandKind::Number(Number::of_character(character)),
                None => return Err(self.error(token, format!("bad character constant {text}"))),
            },
            TokenKind::Number => match Number::parse(text) {
                Ok(number) => OperandKind::Number(number),
                Err(NumberError::Syntax) => return Err(self.error(token, format!("bad number `{text}`"))),
                Err(NumberError::Overflow) => {
                    return Err(self.error(token, format!("the integer {text} is too large")));
                }
            },
            TokenKind::String => OperandKind::String(self.string(token)?),
            TokenKind::LeftParenthesis => return self.parenthesis().map(Some),
            TokenKind::Text
            | TokenKind::LeftDelimiter
            | TokenKind::RightDelimiter
            | TokenKind::Space
            | TokenKind::Assign
            | TokenKind::Declare
            | TokenKind::Pipe
            | TokenKind::Comma
            | TokenKind::RightParenthesis
            | TokenKind::Keyword(_)
            | TokenKind::End => return Ok(None),
        };
        self.take();
        Ok(Some(Operand { span: Span { start: token.start, end: token.end }, kind }))
    }

    fn parenthesis(&mut self) -> Parsed<Operand> {
        let open = self.take();
        self.nesting += 1;
        if self.nesting > MAX_SOURCE_NESTING {
            return Err(self.error(open, format!("parentheses are nested deeper than {MAX_SOURCE_NESTING}")));
        }
        let pipeline = self.pipeline("parentheses", TokenKind::RightParenthesis)?;
        self.nesting -= 1;
        let span = Span { start: open.start, end: pipeline.span.end + 1 };
        Ok(Operand { span, kind: OperandKind::Pipeline(Box::new(pipeline)) })
    }

    fn string(&self, token: Token) -> Parsed<Text> {
        quoting::unquote(self.text_of(token))
            .ok_or_else(|| self.error(token, "bad escape in a string; a backslash itself is written \\\\"))
    }

    // Secrets.

    /// Replaces `secret "source" "selector"` by its value. Another number of literals stays and fails when rendered, as in Go.
    fn resolve_secret(&mut self, start: Token, command: Command) -> Parsed<Command> {
        let OperandKind::Function(function) = &command.first.kind else { return Ok(command) };
        if function.name != functions::SECRET {
            return Ok(command);
        }
        let literals: Option<Vec<&Text>> = command
            .arguments
            .iter()
            .map(|argument| match &argument.kind {
                OperandKind::String(text) => Some(text),
                OperandKind::Nil
                | OperandKind::Dot
                | OperandKind::Bool(_)
                | OperandKind::Number(_)
                | OperandKind::Field(_)
                | OperandKind::Variable(..)
                | OperandKind::Function(_)
                | OperandKind::Pipeline(_)
                | OperandKind::Chain(..) => None,
            })
            .collect();
        let Some(literals) = literals else {
            return Err(self.error(start, "the source and the selector of a secret must be string literals"));
        };
        let [source, selector] = literals.as_slice() else { return Ok(command) };
        let (source, selector) = (source.to_str_lossy().into_owned(), selector.to_str_lossy().into_owned());
        let value = self.secrets.resolve(&source, &selector).map_err(|message| self.error(start, message))?;
        self.secret_references.push(SecretReference { source, selector });
        let end = command.arguments.last().map_or(start.end, |argument| argument.span.end);
        let first = Operand {
            span: Span { start: start.start, end },
            kind: OperandKind::String(value.as_str().into()),
        };
        Ok(Command { first, arguments: Vec::new() })
    }
}

/// Whether a value can be piped into a command that starts so.
fn can_receive(first: &Operand) -> bool {
    match first.kind {
        OperandKind::Nil
        | OperandKind::Dot
        | OperandKind::Bool(_)
        | OperandKind::Number(_)
        | OperandKind::String(_) => false,
        OperandKind::Field(_)
        | OperandKind::Variable(..)
        | OperandKind::Function(_)
        | OperandKind::Pipeline(_)
        | OperandKind::Chain(..) => true,
    }
}

fn is_blank(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| match node {
        Node::Text(text) => text.as_bytes().iter().all(u8::is_ascii_whitespace),
        Node::Action(_)
        | Node::If(_)
        | Node::With(_)
        | Node::Range(_)
        | Node::Template { .. }
        | Node::Break
        | Node::Continue => false,
    })
}
