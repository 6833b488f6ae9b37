//! From text to tree, by the grammar of CEL (language definition, section "Syntax").
//!
//! Not offered: message literals (there are no message types) and optional values. Source, nesting and thereby work are
//! bounded here, so that everything behind may walk the tree by recursion.

use super::{
    error::SyntaxError,
    span::Span,
    syntax::{Node, NodeKind, Operator},
    token::{Token, TokenKind, tokens},
    value::Value,
};

/// The longest source in bytes.
pub(super) const MAX_SOURCE_BYTES: usize = 8 * 1024;
/// The deepest nesting of parts. Chains of `&&` and `||` are one level.
pub(super) const MAX_DEPTH: usize = 64;

/// Words that can not be names (language definition, section "Syntax").
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Parses an expression.
pub(super) fn parse(source: &str) -> Result<Node, SyntaxError> {
    if source.len() > MAX_SOURCE_BYTES {
        let message = format!("the expression is longer than {MAX_SOURCE_BYTES} bytes");
        return Err(SyntaxError::new(Span::new(0, 1), message));
    }
    let tokens = tokens(source)?;
    let mut parser = Parser { source, tokens, position: 0, depth: 0 };
    let node = parser.conditional()?;
    match parser.peek() {
        TokenKind::End => Ok(node),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
}

type Parsed = Result<Node, SyntaxError>;

impl Parser<'_> {
    fn peek(&self) -> &TokenKind {
        self.tokens.get(self.position).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn span(&self) -> Span {
        let end = Span::new(self.source.len(), self.source.len());
        self.tokens.get(self.position).map_or(end, |token| token.span)
    }

    fn advance(&mut self) -> Span {
        let span = self.span();
        self.position += 1;
        span
    }

    fn takes(&mut self, mark: &'static str) -> bool {
        let is_there = *self.peek() == TokenKind::Mark(mark);
        self.position += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, mark: &'static str) -> Result<Span, SyntaxError> {
        if *self.peek() == TokenKind::Mark(mark) { Ok(self.advance()) } else { Err(self.unexpected()) }
    }

    /// The token here fits nowhere.
    fn unexpected(&self) -> SyntaxError {
        let before = self.position.checked_sub(1).and_then(|before| self.tokens.get(before));
        let behind =
            before.map_or_else(String::new, |token| format!(" after `{}`", token.span.snippet(self.source)));
        let span = self.span();
        let error = match self.peek() {
            // What stands last can be underlined, the end can not.
            TokenKind::End => {
                SyntaxError::new(before.map_or(span, |token| token.span), format!("unexpected end{behind}"))
            }
            _ => SyntaxError::new(span, format!("unexpected `{}`{behind}", span.snippet(self.source))),
        };
        match self.peek() {
            TokenKind::Mark("=") => error.hint("comparison is `==`"),
            TokenKind::Mark("&") => error.hint("and is `&&`"),
            TokenKind::Name(name) if name == "and" => error.hint("and is `&&`"),
            TokenKind::Name(name) if name == "or" => error.hint("or is `||`"),
            TokenKind::Mark("?") => error.hint("optional values are not offered; use `has(…)`"),
            _ => error,
        }
    }

    /// One level deeper, as long as that is allowed.
    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(self.span()));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn conditional(&mut self) -> Parsed {
        self.nested(|parser| {
            let condition = parser.or()?;
            if !parser.takes("?") {
                return Ok(condition);
            }
            let then = parser.or()?;
            parser.expect(":")?;
            let otherwise = parser.conditional()?;
            let span = condition.span.to(otherwise.span);
            let (condition, then, otherwise) = (Box::new(condition), Box::new(then), Box::new(otherwise));
            node(NodeKind::Conditional { condition, then, otherwise }, span)
        })
    }

    fn or(&mut self) -> Parsed {
        self.chain("||", Self::and, NodeKind::Or)
    }

    fn and(&mut self) -> Parsed {
        self.chain("&&", Self::relation, NodeKind::And)
    }

    fn chain(
        &mut self,
        mark: &'static str,
        operand: fn(&mut Self) -> Parsed,
        make: fn(Vec<Node>) -> NodeKind,
    ) -> Parsed {
        let first = operand(self)?;
        let start = first.span;
        let mut operands = vec![first];
        while self.takes(mark) {
            operands.push(operand(self)?);
        }
        match operands.pop() {
            Some(only) if operands.is_empty() => Ok(only),
            Some(last) => {
                let span = start.to(last.span);
                operands.push(last);
                node(make(operands), span)
            }
            None => Err(self.unexpected()),
        }
    }

    fn relation(&mut self) -> Parsed {
        const RELATIONS: [Operator; 6] = [
            Operator::Equal,
            Operator::NotEqual,
            Operator::LessOrEqual,
            Operator::GreaterOrEqual,
            Operator::Less,
            Operator::Greater,
        ];
        let mut left = self.sum()?;
        loop {
            let operator = match self.peek() {
                TokenKind::Name(name) if name == "in" => {
                    self.position += 1;
                    Operator::In
                }
                _ => match RELATIONS.into_iter().find(|operator| self.takes(operator.as_str())) {
                    Some(operator) => operator,
                    None => return Ok(left),
                },
            };
            left = binary(operator, left, self.sum()?)?;
        }
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        while let Some(operator) =
            [Operator::Add, Operator::Subtract].into_iter().find(|operator| self.takes(operator.as_str()))
        {
            left = binary(operator, left, self.product()?)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed {
        const PRODUCTS: [Operator; 3] = [Operator::Multiply, Operator::Divide, Operator::Remainder];
        let mut left = self.unary()?;
        while let Some(operator) = PRODUCTS.into_iter().find(|operator| self.takes(operator.as_str())) {
            left = binary(operator, left, self.unary()?)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let start = self.span();
        if self.takes("!") {
            return self.nested(|parser| {
                let operand = parser.unary()?;
                let span = start.to(operand.span);
                node(NodeKind::Not(Box::new(operand)), span)
            });
        }
        if !self.takes("-") {
            return self.member();
        }
        // The smallest integer has no positive counterpart, so the sign belongs to the literal.
        let magnitude = match self.peek() {
            TokenKind::Int(magnitude) => Some(*magnitude),
            _ => None,
        };
        if let Some(magnitude) = magnitude {
            let span = start.to(self.advance());
            let number = 0_i64.checked_sub_unsigned(magnitude).ok_or_else(|| too_large(span))?;
            let literal = node(NodeKind::Literal(Value::Int(number)), span)?;
            return self.members_of(literal);
        }
        self.nested(|parser| {
            let operand = parser.unary()?;
            let span = start.to(operand.span);
            match operand.kind {
                NodeKind::Literal(Value::Double(number)) => {
                    node(NodeKind::Literal(Value::Double(-number)), span)
                }
                kind => {
                    let operand = Box::new(Node { kind, ..operand });
                    node(NodeKind::Negate(operand), span)
                }
            }
        })
    }

    fn member(&mut self) -> Parsed {
        let first = self.primary()?;
        self.members_of(first)
    }

    /// What follows an operand with `.` or `[`.
    fn members_of(&mut self, mut operand: Node) -> Parsed {
        loop {
            if self.takes("[") {
                let index = self.conditional()?;
                let span = operand.span.to(self.expect("]")?);
                operand = node(NodeKind::Index { operand: Box::new(operand), index: Box::new(index) }, span)?;
            } else if self.takes(".") {
                let (name, name_span) = match self.peek().clone() {
                    TokenKind::Name(name) if name != "in" => (name, self.advance()),
                    _ => return Err(self.unexpected()),
                };
                if self.takes("(") {
                    let (arguments, end) = self.list(")")?;
                    let (target, span) = (Some(Box::new(operand)), name_span.to(end));
                    let whole = target.as_ref().map_or(span, |target| target.span.to(end));
                    operand = node(NodeKind::Call { target, function: name, arguments }, whole)?;
                } else {
                    let span = operand.span.to(name_span);
                    operand = node(NodeKind::Select { operand: Box::new(operand), field: name }, span)?;
                }
            } else if *self.peek() == TokenKind::Mark("{")
                && matches!(operand.kind, NodeKind::Name(_) | NodeKind::Select { .. })
            {
                return Err(SyntaxError::new(operand.span, "there are no message types to make values of"));
            } else {
                return Ok(operand);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let span = self.span();
        let literal = |parser: &mut Self, value: Value<'static>| {
            parser.position += 1;
            node(NodeKind::Literal(value), span)
        };
        match self.peek().clone() {
            TokenKind::Int(magnitude) => {
                let number = i64::try_from(magnitude).map_err(|_| too_large(span))?;
                literal(self, Value::Int(number))
            }
            TokenKind::Uint(number) => literal(self, Value::Uint(number)),
            TokenKind::Double(number) => literal(self, Value::Double(number)),
            TokenKind::String(text) => literal(self, Value::from(text)),
            TokenKind::Bytes(bytes) => literal(self, Value::Bytes(bytes.into())),
            TokenKind::Name(name) => self.name(&name, span),
            TokenKind::Mark("(") => {
                self.position += 1;
                let inner = self.conditional()?;
                let span = span.to(self.expect(")")?);
                Ok(Node { span, ..inner })
            }
            TokenKind::Mark("[") => {
                self.position += 1;
                let (elements, end) = self.list("]")?;
                node(NodeKind::List(elements), span.to(end))
            }
            TokenKind::Mark("{") => {
                self.position += 1;
                let (entries, end) = self.entries()?;
                node(NodeKind::Map(entries), span.to(end))
            }
            TokenKind::Mark(".") => {
                // A leading dot makes a name absolute; there is nothing else that names could be relative to.
                self.position += 1;
                match self.peek().clone() {
                    TokenKind::Name(name) => {
                        let name_span = self.span();
                        self.name(&name, name_span)
                    }
                    _ => Err(self.unexpected()),
                }
            }
            TokenKind::Mark(_) | TokenKind::End => Err(self.unexpected()),
        }
    }

    fn name(&mut self, name: &str, span: Span) -> Parsed {
        let constant = match name {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => None,
        };
        if name == "in" {
            return Err(self.unexpected());
        }
        if RESERVED.contains(&name) {
            return Err(SyntaxError::new(span, format!("`{name}` is a reserved word")));
        }
        self.position += 1;
        if let Some(value) = constant {
            return node(NodeKind::Literal(value), span);
        }
        if self.takes("(") {
            let (arguments, end) = self.list(")")?;
            return node(NodeKind::Call { target: None, function: name.to_owned(), arguments }, span.to(end));
        }
        node(NodeKind::Name(name.to_owned()), span)
    }

    /// Expressions with commas between them, up to the closing bracket; a comma may stand before it.
    fn list(&mut self, end: &'static str) -> Result<(Vec<Node>, Span), SyntaxError> {
        let mut nodes = Vec::new();
        loop {
            if *self.peek() == TokenKind::Mark(end) {
                return Ok((nodes, self.advance()));
            }
            nodes.push(self.conditional()?);
            if !self.takes(",") {
                return Ok((nodes, self.expect(end)?));
            }
        }
    }

    fn entries(&mut self) -> Result<(Vec<(Node, Node)>, Span), SyntaxError> {
        let mut entries = Vec::new();
        loop {
            if *self.peek() == TokenKind::Mark("}") {
                return Ok((entries, self.advance()));
            }
            let key = self.conditional()?;
            self.expect(":")?;
            entries.push((key, self.conditional()?));
            if !self.takes(",") {
                return Ok((entries, self.expect("}")?));
            }
        }
    }
}

fn binary(operator: Operator, left: Node, right: Node) -> Parsed {
    let span = left.span.to(right.span);
    node(NodeKind::Binary { operator, left: Box::new(left), right: Box::new(right) }, span)
}

/// A node whose depth is within the limit.
fn node(kind: NodeKind, span: Span) -> Parsed {
    let depth = 1 + kind.children().iter().map(|child| child.depth).max().unwrap_or(0);
    if depth > MAX_DEPTH { Err(too_deep(span)) } else { Ok(Node { kind, span, depth }) }
}

fn too_deep(span: Span) -> SyntaxError {
    SyntaxError::new(span, format!("the expression nests deeper than {MAX_DEPTH} levels"))
}

fn too_large(span: Span) -> SyntaxError {
    SyntaxError::new(span, "the integer is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree with brackets around everything that has operands.
    fn shown(node: &Node) -> String {
        let list =
            |nodes: &[Node], separator: &str| nodes.iter().map(shown).collect::<Vec<_>>().join(separator);
        match &node.kind {
            NodeKind::Literal(value) => format!("{value:?}"),
            NodeKind::Name(name) => name.clone(),
            NodeKind::Select { operand, field } => format!("{}.{field}", shown(operand)),
            NodeKind::Index { operand, index } => format!("{}[{}]", shown(operand), shown(index)),
            NodeKind::Call { target, function, arguments } => {
                let target = target.as_ref().map(|target| format!("{}.", shown(target))).unwrap_or_default();
                format!("{target}{function}({})", list(arguments, ", "))
            }
            NodeKind::List(nodes) => format!("[{}]", list(nodes, ", ")),
            NodeKind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("{}: {}", shown(key), shown(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            NodeKind::Not(operand) => format!("!{}", shown(operand)),
            NodeKind::Negate(operand) => format!("-{}", shown(operand)),
            NodeKind::And(nodes) => format!("({})", list(nodes, " && ")),
            NodeKind::Or(nodes) => format!("({})", list(nodes, " || ")),
            NodeKind::Binary { operator, left, right } => {
                format!("({} {} {})", shown(left), operator.as_str(), shown(right))
            }
            NodeKind::Conditional { condition, then, otherwise } => {
                format!("({} ? {} : {})", shown(condition), shown(then), shown(otherwise))
            }
        }
    }

    #[track_caller]
    fn check(source: &str, expected: &str) {
        assert_eq!(shown(&parse(source).unwrap()), expected);
    }

    #[test]
    fn operators_bind_as_the_grammar_says() {
        check("a || b && c == d + e * f", "(a || (b && (c == (d + (e * f)))))");
        check("a - b - c", "((a - b) - c)");
        check("!a.b(c)[d]", "!a.b(c)[d]");
        check("-a.b", "-a.b");
        check("a ? b : c ? d : e", "(a ? b : (c ? d : e))");
        check("a in [b, c,]", "(a in [b, c])");
        check("{a: b, c: d}", "{a: b, c: d}");
        check("(a || b) && c", "((a || b) && c)");
        check(".a.b", "a.b");
    }

    #[test]
    fn mistakes_name_what_is_unexpected() {
        let message = |source: &str| parse(source).unwrap_err().message;
        assert_eq!(message("a =="), "unexpected end after `==`");
        assert_eq!(message("a = b"), "unexpected `=` after `a`");
        assert_eq!(message(""), "unexpected end");
        assert_eq!(message("(a"), "unexpected end after `a`");
        assert_eq!(message("if"), "`if` is a reserved word");
        assert_eq!(message("a.?b"), "unexpected `?` after `.`");
        assert_eq!(parse("a = b").unwrap_err().hint.unwrap(), "comparison is `==`");
        assert!(message("a{b: 1}").contains("message types"));
    }

    #[test]
    fn the_smallest_integer_is_one() {
        assert!(parse("-9223372036854775808").is_ok());
        assert!(parse("9223372036854775808").is_err());
    }

    #[test]
    fn size_and_nesting_are_bounded() {
        assert!(parse(&"a".repeat(MAX_SOURCE_BYTES)).is_ok());
        assert!(parse(&"a".repeat(MAX_SOURCE_BYTES + 1)).is_err());
        for (before, after) in [("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("f(", ")"), ("{1:", "}")] {
            let nested = |levels: usize| format!("{}a{}", before.repeat(levels), after.repeat(levels));
            assert!(parse(&nested(30)).is_ok(), "{before}");
            assert!(parse(&nested(1_000)).is_err(), "{before}");
        }
        assert!(parse(&format!("a{}", ".b".repeat(1_000))).is_err());
        assert!(parse(&format!("a{}", "+b".repeat(1_000))).is_err());
        assert!(parse(&format!("a{}", "||b".repeat(1_000))).is_ok());
    }
}
