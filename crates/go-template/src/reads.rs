//! Which parts of the data a template reads: for warnings at load and for cache keys.

use std::collections::BTreeSet;

use crate::ast::{Branch, Command, Name, Node, Operand, OperandKind, Pipeline, Tree};

/// What a template reads; errs on the side of more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    pub(crate) names: BTreeSet<String>,
    /// Every name of a step `.name`, wherever it stands.
    pub(crate) steps: BTreeSet<String>,
    /// The data as a whole is used as a value.
    pub(crate) everything: bool,
    /// A function that changes maps is called.
    pub(crate) changes_maps: bool,
}

/// What the dot is at some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dot {
    Data,
    Other,
}

/// Functions that change the map they are given.
const CHANGING: [&str; 6] = ["set", "unset", "merge", "mustMerge", "mergeOverwrite", "mustMergeOverwrite"];

pub(crate) fn of(tree: &Tree) -> Reads {
    let mut walk = Walk { tree, reads: Reads::default(), visited: BTreeSet::new() };
    walk.nodes(&tree.main, Dot::Data, Dot::Data);
    // Templates that are defined, but called with nothing of the data, still count for what they change.
    for (name, nodes) in &tree.defined {
        if walk.visited.insert((name.clone(), Dot::Other)) {
            walk.nodes(nodes, Dot::Other, Dot::Other);
        }
    }
    walk.reads
}

struct Walk<'a> {
    tree: &'a Tree,
    reads: Reads,
    visited: BTreeSet<(Name, Dot)>,
}

impl Walk<'_> {
    /// `dot` is what `.` stands for, `dollar` what `$` does.
    fn nodes(&mut self, nodes: &[Node], dot: Dot, dollar: Dot) {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(pipeline) => self.pipeline(pipeline, dot, dollar),
                Node::If(branch) => self.branch(branch, dot, dot, dollar),
                Node::With(branch) | Node::Range(branch) => self.branch(branch, dot, Dot::Other, dollar),
                Node::Template { name, argument, .. } => self.template(name, argument.as_ref(), dot, dollar),
            }
        }
    }

    fn branch(&mut self, branch: &Branch, dot: Dot, inner_dot: Dot, dollar: Dot) {
        self.pipeline(&branch.pipeline, dot, dollar);
        self.nodes(&branch.body, inner_dot, dollar);
        self.nodes(&branch.otherwise, dot, dollar);
    }

    /// `template "x" .` hands the data on without using it as a value.
    fn template(&mut self, name: &Name, argument: Option<&Pipeline>, dot: Dot, dollar: Dot) {
        let inner = argument.map_or(Dot::Other, |pipeline| match pipeline.commands.as_slice() {
            [Command { first, arguments }] if arguments.is_empty() && pipeline.variables.is_empty() => {
                match &first.kind {
                    OperandKind::Dot => dot,
                    OperandKind::Variable(name, fields) if &**name == "$" && fields.is_empty() => dollar,
                    _ => Dot::Other,
                }
            }
            _ => Dot::Other,
        });
        if let (Dot::Other, Some(pipeline)) = (inner, argument) {
            self.pipeline(pipeline, dot, dollar);
        }
        if self.visited.insert((name.clone(), inner))
            && let Some(nodes) = self.tree.defined.get(name)
        {
            self.nodes(nodes, inner, inner);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: Dot, dollar: Dot) {
        for command in &pipeline.commands {
            self.operand(&command.first, dot, dollar);
            for argument in &command.arguments {
                self.operand(argument, dot, dollar);
            }
        }
    }

    fn operand(&mut self, operand: &Operand, dot: Dot, dollar: Dot) {
        if let OperandKind::Field(names) | OperandKind::Variable(_, names) | OperandKind::Chain(_, names) =
            &operand.kind
        {
            self.reads.steps.extend(names.iter().map(ToString::to_string));
        }
        match &operand.kind {
            OperandKind::Nil | OperandKind::Bool(_) | OperandKind::Number(_) | OperandKind::String(_) => {}
            OperandKind::Dot => self.reads.everything |= dot == Dot::Data,
            OperandKind::Field(names) => self.first_name(names, dot),
            OperandKind::Variable(name, names) if &**name == "$" => self.first_name(names, dollar),
            OperandKind::Variable(..) => {}
            OperandKind::Function(function) => {
                self.reads.changes_maps |= CHANGING.contains(&function.name);
            }
            OperandKind::Pipeline(pipeline) => self.pipeline(pipeline, dot, dollar),
            OperandKind::Chain(inner, names) => match &inner.kind {
                // `(.).Request` and `($).Request` are unusual; they count as the whole.
                OperandKind::Dot => self.first_name(names, dot),
                _ => self.operand(inner, dot, dollar),
            },
        }
    }

    fn first_name(&mut self, names: &[Name], base: Dot) {
        if base == Dot::Data {
            match names.first() {
                Some(name) => {
                    self.reads.names.insert(name.to_string());
                }
                None => self.reads.everything = true,
            }
        }
    }
}
