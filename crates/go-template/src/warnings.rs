//! What is probably not meant in a template that is otherwise fine.

use crate::{
    ast::{Branch, Command, Node, Operand, OperandKind, Pipeline, Span, Tree},
    error::{Position, Warning},
    functions::Body,
    number::Natural,
};

/// Functions whose result stands in quotation marks already.
const QUOTING: [&str; 3] = ["quote", "toJson", "toRawJson"];

/// Functions that compare, and fail for a float and an integer.
const COMPARING: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];

pub(crate) fn of(source: &str, tree: &Tree) -> Vec<Warning> {
    let mut search = Search { source, warnings: Vec::new() };
    for nodes in [&tree.main].into_iter().chain(tree.defined.values()) {
        search.nodes(nodes);
    }
    search.warnings.sort_by_key(|warning| warning.position);
    search.warnings
}

struct Search<'a> {
    source: &'a str,
    warnings: Vec<Warning>,
}

impl Search<'_> {
    fn warn(&mut self, span: Span, message: String) {
        self.warnings.push(Warning { position: Position::of(self.source, span.start), message });
    }

    fn nodes(&mut self, nodes: &[Node]) {
        self.doubled_quotation_marks(nodes);
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(pipeline) => self.pipeline(pipeline),
                Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                    let Branch { pipeline, body, otherwise } = branch;
                    self.pipeline(pipeline);
                    self.nodes(body);
                    self.nodes(otherwise);
                }
                Node::Template { argument, .. } => {
                    if let Some(pipeline) = argument {
                        self.pipeline(pipeline);
                    }
                }
            }
        }
    }

    /// `"{{ quote .x }}"` gives `""x""`.
    fn doubled_quotation_marks(&mut self, nodes: &[Node]) {
        for neighbours in nodes.windows(3) {
            let [Node::Text(before), Node::Action(pipeline), Node::Text(after)] = neighbours else {
                continue;
            };
            let quoted = before.as_bytes().ends_with(b"\"") && after.as_bytes().starts_with(b"\"");
            let Some(OperandKind::Function(function)) =
                pipeline.commands.last().map(|command| &command.first.kind)
            else {
                continue;
            };
            if quoted && QUOTING.contains(&function.name) && pipeline.variables.is_empty() {
                let name = function.name;
                let message =
                    format!("`{name}` writes quotation marks itself: leave out those around the action");
                self.warn(pipeline.span, message);
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        for Command { first, arguments } in &pipeline.commands {
            if let OperandKind::Function(function) = &first.kind
                && matches!(function.body, Body::Plain(_))
                && COMPARING.contains(&function.name)
            {
                self.float_against_integer(first, arguments);
            }
            for operand in [first].into_iter().chain(arguments) {
                self.operand(operand);
            }
        }
    }

    /// `eq .Outputs.x.level 3` fails: numbers of JSON are floats.
    fn float_against_integer(&mut self, first: &Operand, arguments: &[Operand]) {
        let reads_data = arguments.iter().any(|argument| match &argument.kind {
            OperandKind::Field(names) | OperandKind::Variable(_, names) => names.len() > 1,
            OperandKind::Nil
            | OperandKind::Dot
            | OperandKind::Bool(_)
            | OperandKind::Number(_)
            | OperandKind::String(_)
            | OperandKind::Function(_)
            | OperandKind::Pipeline(_)
            | OperandKind::Chain(..) => false,
        });
        let integer = arguments.iter().find_map(|argument| match &argument.kind {
            OperandKind::Number(number) => match number.natural {
                Natural::Integer(value) => Some(value),
                Natural::Float(_) | Natural::Imaginary(_) | Natural::TooLarge => None,
            },
            _ => None,
        });
        if let (true, Some(integer)) = (reads_data, integer) {
            let message = format!(
                "numbers from JSON are floats and cannot be compared with {integer}: write {integer}.0 or use `int`"
            );
            self.warn(first.span, message);
        }
    }

    fn operand(&mut self, operand: &Operand) {
        match &operand.kind {
            OperandKind::Pipeline(pipeline) => self.pipeline(pipeline),
            OperandKind::Chain(inner, _) => self.operand(inner),
            OperandKind::Nil
            | OperandKind::Dot
            | OperandKind::Bool(_)
            | OperandKind::Number(_)
            | OperandKind::String(_)
            | OperandKind::Field(_)
            | OperandKind::Variable(..)
            | OperandKind::Function(_) => {}
        }
    }
}
