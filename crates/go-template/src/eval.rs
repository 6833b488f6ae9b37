//! Walking the tree with data.
//!
//! `Option<Value>` is a value as the language sees it: `None` is "no value", a key that is not there. It differs from
//! [`Value::Nil`], a key that is there and null: a step behind `None` is `None` again, a step behind null fails.

use std::{collections::BTreeSet, collections::HashMap, sync::Arc};

use regex::Regex;

use crate::{
    ast::{Branch, Command, Name, Node, Operand, OperandKind, Pipeline, Span, Tree},
    error::{FunctionError, Position, RenderError, RenderErrorCause},
    functions::{Body, Call, Environment, Function, Parameter},
    imaginary,
    limits::{MAX_WALK_DEPTH, Steps},
    map::Map,
    number::{Natural, Number},
    output::Output,
    print,
    template::{RenderOptions, Rendered},
    value::{ElementType, IntegerKind, Value},
};

/// What is to be rendered.
pub(crate) struct Program<'a> {
    pub(crate) source: &'a str,
    pub(crate) tree: &'a Tree,
    pub(crate) patterns: &'a HashMap<Vec<u8>, Regex>,
    pub(crate) changes_maps: bool,
}

/// Renders a program with `data` as its dot.
pub(crate) fn render(
    program: &Program<'_>,
    data: &Value,
    options: &RenderOptions<'_>,
    output: Output,
) -> Outcome<Rendered> {
    let environment = Environment {
        now: &options.now,
        random: options.random,
        max_text_bytes: options.max_output_bytes,
        max_elements: options.max_elements,
        patterns: program.patterns,
        steps: Steps::new(options.max_steps),
    };
    let mut evaluation = Evaluation {
        program,
        environment,
        output,
        missing: BTreeSet::new(),
        variables: Vec::new(),
        depth: 0,
        max_depth: options.max_depth,
        nesting: 0,
    };
    let whole = Span { start: 0, end: program.source.len() };
    // A template that changes maps works on a copy: what the host gave stays as it is.
    let data = if program.changes_maps {
        Map::thaw(data, MAX_WALK_DEPTH)
            .map_err(|error| evaluation.error(whole, function_failed("set", error)))?
    } else {
        data.clone()
    };
    let dot = Some(data);
    evaluation.variables.push(("$".into(), dot.clone()));
    evaluation.nodes(&program.tree.main, whole, &dot)?;
    let text = String::from_utf8(evaluation.output.into_bytes())
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(Rendered { text, missing: evaluation.missing })
}

struct Evaluation<'a> {
    program: &'a Program<'a>,
    environment: Environment<'a>,
    output: Output,
    missing: BTreeSet<Position>,
    variables: Vec<(Name, Option<Value>)>,
    /// How many templates are open within each other.
    depth: usize,
    max_depth: usize,
    /// What the stack holds, in units of one block.
    nesting: usize,
}

/// How a list of nodes ended.
#[derive(PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// Errors are boxed: evaluation is recursive, and small results keep its stack frames small.
type Outcome<T> = Result<T, Box<RenderError>>;
type Dot = Option<Value>;

/// The value piped into a command: outer `None` without pipe.
type Piped = Option<Option<Value>>;

fn function_failed(function: &str, error: FunctionError) -> RenderErrorCause {
    match error {
        FunctionError::TooManySteps { limit } => RenderErrorCause::TooManySteps { limit },
        error => RenderErrorCause::Function { function: function.into(), error },
    }
}

impl Evaluation<'_> {
    fn error(&self, span: Span, cause: RenderErrorCause) -> Box<RenderError> {
        let source = self.program.source;
        let text = source.get(span.start..span.end).unwrap_or_default().trim();
        let mut snippet: String = text.chars().take(MAX_SNIPPET_CHARACTERS).collect();
        if snippet.len() < text.len() {
            snippet.push('…');
        }
        Box::new(RenderError { position: Position::of(source, span.start), snippet, cause })
    }

    fn fail<T>(&self, span: Span, cause: RenderErrorCause) -> Outcome<T> {
        Err(self.error(span, cause))
    }

    fn spend(&self, span: Span) -> Outcome<()> {
        self.environment.steps.spend().map_err(|error| self.error(span, function_failed("", error)))
    }

    // Nodes.

    /// Goes one block or parenthesis deeper. Leaving it again is only needed where evaluation goes on.
    fn enter(&mut self, weight: usize, span: Span) -> Outcome<()> {
        self.nesting += weight;
        if self.nesting > MAX_STACK_UNITS {
            return self.fail(span, RenderErrorCause::TooDeep { limit: MAX_STACK_UNITS });
        }
        Ok(())
    }

    /// The nodes of a block that `opener` begins.
    fn nodes(&mut self, nodes: &[Node], opener: Span, dot: &Dot) -> Outcome<Flow> {
        self.enter(BLOCK_UNITS, opener)?;
        let flow = self.each_node(nodes, opener, dot)?;
        self.nesting -= BLOCK_UNITS;
        Ok(flow)
    }

    fn each_node(&mut self, nodes: &[Node], opener: Span, dot: &Dot) -> Outcome<Flow> {
        for node in nodes {
            match node {
                Node::Text(text) => self.write(text.as_bytes(), opener)?,
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.print(value, pipeline.span)?;
                    }
                }
                Node::If(branch) => {
                    let flow = self.if_or_with(branch, dot, false)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::With(branch) => {
                    let flow = self.if_or_with(branch, dot, true)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Range(branch) => {
                    let flow = self.range(branch, dot)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Template { name, argument, span } => {
                    self.template(name, argument.as_ref(), *span, dot)?
                }
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::Next)
    }

    fn write(&mut self, bytes: &[u8], span: Span) -> Outcome<()> {
        let limit = self.output.limit();
        self.output.push(bytes).map_err(|_| self.error(span, RenderErrorCause::OutputTooLong { limit }))
    }

    fn print(&mut self, value: Option<Value>, span: Span) -> Outcome<()> {
        let Some(value) = value else {
            self.missing.insert(Position::of(self.program.source, span.start));
            return self.write(print::NO_VALUE.as_bytes(), span);
        };
        print::write_value(&mut self.output, &value, &self.environment.steps).map_err(|error| {
            let limit = self.output.limit();
            self.error(
                span,
                match error {
                    FunctionError::TextTooLong { .. } => RenderErrorCause::OutputTooLong { limit },
                    error => function_failed("print", error),
                },
            )
        })
    }

    fn if_or_with(&mut self, branch: &Branch, dot: &Dot, rebinds_dot: bool) -> Outcome<Flow> {
        let visible = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        let holds = value.as_ref().is_some_and(Value::is_true);
        let flow = match (holds, rebinds_dot) {
            (true, true) => self.nodes(&branch.body, branch.pipeline.span, &value)?,
            (true, false) => self.nodes(&branch.body, branch.pipeline.span, dot)?,
            (false, _) => self.nodes(&branch.otherwise, branch.pipeline.span, dot)?,
        };
        self.variables.truncate(visible);
        Ok(flow)
    }

    fn range(&mut self, branch: &Branch, dot: &Dot) -> Outcome<Flow> {
        let visible = self.variables.len();
        let walked = self.pipeline(&branch.pipeline, dot)?;
        let inner = self.variables.len();
        let mut any = false;
        for (key, item) in self.elements(walked, &branch.pipeline)? {
            any = true;
            self.bind(&branch.pipeline, key, &item, inner)?;
            let flow = self.nodes(&branch.body, branch.pipeline.span, &Some(item))?;
            self.variables.truncate(inner);
            if flow == Flow::Break {
                break;
            }
        }
        let flow = if any { Flow::Next } else { self.nodes(&branch.otherwise, branch.pipeline.span, dot)? };
        self.variables.truncate(visible);
        Ok(flow)
    }

    /// Keys and items of what `range` walks over. Maps are walked in key order, integers count from 0.
    fn elements(
        &self,
        walked: Option<Value>,
        pipeline: &Pipeline,
    ) -> Outcome<Box<dyn Iterator<Item = (Value, Value)>>> {
        let value = match walked {
            None | Some(Value::Nil) => return Ok(Box::new(std::iter::empty())),
            Some(value) => value,
        };
        if let Value::List(list) = value {
            let keys = (0..).map(Value::int);
            let items = (0..list.items().len()).filter_map(move |index| list.items().get(index).cloned());
            return Ok(Box::new(keys.zip(items)));
        }
        if let Value::Int(integer) = value {
            if pipeline.variables.len() > 1 {
                return self.fail(pipeline.span, RenderErrorCause::TooManyRangeVariables);
            }
            let number: fn(i64) -> Value = match integer.kind {
                IntegerKind::Int => Value::int,
                IntegerKind::Int64 | IntegerKind::Uint8 | IntegerKind::Uint64 => Value::int64,
            };
            return Ok(Box::new((0..integer.value).map(move |index| (number(index), number(index)))));
        }
        let Some(map) = value.as_map() else {
            return self.fail(pipeline.span, RenderErrorCause::NotIterable { type_name: value.type_name() });
        };
        let entries: Vec<_> =
            map.entries().iter().map(|(key, item)| (Value::String(key.clone()), item.clone())).collect();
        Ok(Box::new(entries.into_iter()))
    }

    /// Sets the variables of `range` for one round; `inner` is the number of variables with those it declares.
    fn bind(&mut self, pipeline: &Pipeline, key: Value, item: &Value, inner: usize) -> Outcome<()> {
        self.spend(pipeline.span)?;
        let values = match pipeline.variables.len() {
            0 => Vec::new(),
            1 => vec![item.clone()],
            _ => vec![key, item.clone()],
        };
        for (index, (name, value)) in pipeline.variables.iter().zip(values).enumerate() {
            if pipeline.assigns {
                self.assign(name, Some(value), pipeline.span)?;
            } else if let Some(slot) = self.variables.get_mut(inner - pipeline.variables.len() + index) {
                slot.1 = Some(value);
            }
        }
        Ok(())
    }

    fn template(&mut self, name: &Name, argument: Option<&Pipeline>, span: Span, dot: &Dot) -> Outcome<()> {
        let tree = self.program.tree;
        let Some(nodes) = tree.defined.get(name) else {
            return self.fail(span, RenderErrorCause::UndefinedTemplate);
        };
        if self.depth >= self.max_depth {
            return self.fail(span, RenderErrorCause::TooDeep { limit: self.max_depth });
        }
        let argument = match argument {
            Some(pipeline) => self.pipeline(pipeline, dot)?,
            None => None,
        };
        let outer = std::mem::replace(&mut self.variables, vec![("$".into(), argument.clone())]);
        self.depth += 1;
        self.nodes(nodes, span, &argument)?;
        self.depth -= 1;
        self.variables = outer;
        Ok(())
    }

    // Pipelines and commands.

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Dot) -> Outcome<Option<Value>> {
        let mut piped: Piped = None;
        for command in &pipeline.commands {
            let value = self.command(command, dot, piped)?;
            // Between the commands null and no value are the same.
            piped = Some(value.filter(|value| !matches!(value, Value::Nil)));
        }
        let value = piped.flatten();
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(name, value.clone(), pipeline.span)?;
            } else {
                self.variables.push((Arc::clone(name), value.clone()));
            }
        }
        Ok(value)
    }

    fn parenthesis(&mut self, pipeline: &Pipeline, dot: &Dot) -> Outcome<Option<Value>> {
        self.enter(PARENTHESIS_UNITS, pipeline.span)?;
        let value = self.pipeline(pipeline, dot)?;
        self.nesting -= PARENTHESIS_UNITS;
        Ok(value)
    }

    fn assign(&mut self, name: &Name, value: Option<Value>, span: Span) -> Outcome<()> {
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.fail(span, RenderErrorCause::UndeclaredVariable { name: name.to_string() }),
        }
    }

    fn variable(&self, name: &Name, span: Span) -> Outcome<Option<Value>> {
        match self.variables.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.fail(span, RenderErrorCause::UndeclaredVariable { name: name.to_string() }),
        }
    }

    fn command(&mut self, command: &Command, dot: &Dot, piped: Piped) -> Outcome<Option<Value>> {
        let Command { first, arguments } = command;
        self.spend(first.span)?;
        match &first.kind {
            OperandKind::Field(names) => self.fields(dot.clone(), names, first, arguments, dot, piped),
            OperandKind::Chain(inner, names) => {
                let receiver = self.operand(inner, dot)?;
                self.fields(receiver, names, first, arguments, dot, piped)
            }
            OperandKind::Variable(name, names) => {
                let value = self.variable(name, first.span)?;
                if names.is_empty() {
                    self.no_arguments(first, arguments, &piped)?;
                    return Ok(value);
                }
                self.fields(value, names, first, arguments, dot, piped)
            }
            OperandKind::Function(function) => {
                self.call(function, first.span, arguments, dot, piped).map(Some)
            }
            OperandKind::Pipeline(pipeline) => {
                self.no_arguments(first, arguments, &piped)?;
                self.parenthesis(pipeline, dot)
            }
            OperandKind::Nil => {
                self.no_arguments(first, arguments, &piped)?;
                self.fail(first.span, RenderErrorCause::NilCommand)
            }
            OperandKind::Dot => {
                self.no_arguments(first, arguments, &piped)?;
                Ok(dot.clone())
            }
            OperandKind::Bool(value) => {
                self.no_arguments(first, arguments, &piped)?;
                Ok(Some(Value::Bool(*value)))
            }
            OperandKind::String(text) => {
                self.no_arguments(first, arguments, &piped)?;
                Ok(Some(Value::String(text.clone())))
            }
            OperandKind::Number(number) => {
                self.no_arguments(first, arguments, &piped)?;
                self.natural(number, first.span).map(Some)
            }
        }
    }

    fn no_arguments(&self, first: &Operand, arguments: &[Operand], piped: &Piped) -> Outcome<()> {
        if arguments.is_empty() && piped.is_none() {
            return Ok(());
        }
        self.fail(first.span, RenderErrorCause::NotAFunction)
    }

    fn natural(&self, number: &Number, span: Span) -> Outcome<Value> {
        match number.natural {
            Natural::Integer(value) => Ok(Value::int(value)),
            Natural::Float(value) => Ok(Value::Float(value)),
            Natural::Imaginary(value) => Ok(imaginary::value(value)),
            Natural::TooLarge => self.fail(span, RenderErrorCause::IntegerOverflow),
        }
    }

    /// An operand that is no constant, without arguments.
    fn operand(&mut self, operand: &Operand, dot: &Dot) -> Outcome<Option<Value>> {
        match &operand.kind {
            OperandKind::Nil => Ok(Some(Value::Nil)),
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Bool(value) => Ok(Some(Value::Bool(*value))),
            OperandKind::String(text) => Ok(Some(Value::String(text.clone()))),
            OperandKind::Number(number) => self.natural(number, operand.span).map(Some),
            OperandKind::Field(names) => self.fields(dot.clone(), names, operand, &[], dot, None),
            OperandKind::Variable(name, names) => {
                let value = self.variable(name, operand.span)?;
                self.fields(value, names, operand, &[], dot, None)
            }
            OperandKind::Function(function) => self.call(function, operand.span, &[], dot, None).map(Some),
            OperandKind::Pipeline(pipeline) => self.parenthesis(pipeline, dot),
            OperandKind::Chain(inner, names) => {
                let receiver = self.operand(inner, dot)?;
                self.fields(receiver, names, operand, &[], dot, None)
            }
        }
    }

    // Fields and methods.

    /// `.a.b.c`: arguments go to the last step.
    fn fields(
        &mut self,
        receiver: Option<Value>,
        names: &[Name],
        operand: &Operand,
        arguments: &[Operand],
        dot: &Dot,
        piped: Piped,
    ) -> Outcome<Option<Value>> {
        let Some((last, steps)) = names.split_last() else { return Ok(receiver) };
        let mut receiver = receiver;
        for name in steps {
            receiver = self.field(receiver, name, operand.span, None)?;
        }
        // Behind a missing value nothing is looked at any more, the arguments neither.
        if receiver.is_none() {
            return Ok(None);
        }
        let arguments = if arguments.is_empty() && piped.is_none() {
            None
        } else {
            let mut values = Vec::with_capacity(arguments.len() + 1);
            for argument in arguments {
                values.push(self.operand(argument, dot)?.unwrap_or(Value::Nil));
            }
            values.extend(piped.map(|piped| piped.unwrap_or(Value::Nil)));
            Some(values)
        };
        self.field(receiver, last, operand.span, arguments.as_deref())
    }

    /// One step. A method is called; a field or key must have no arguments.
    fn field(
        &self,
        receiver: Option<Value>,
        name: &Name,
        span: Span,
        arguments: Option<&[Value]>,
    ) -> Outcome<Option<Value>> {
        let Some(receiver) = receiver else { return Ok(None) };
        let method = match &receiver {
            Value::Object(object) => object.method(name, arguments.unwrap_or_default()),
            Value::Time(time) => time.method(name, arguments.unwrap_or_default()),
            Value::Nil => return self.fail(span, RenderErrorCause::FieldOfNull { name: name.to_string() }),
            Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_) => None,
        };
        if let Some(result) = method {
            return result.map(Some).map_err(|error| self.error(span, function_failed(name, error)));
        }
        let found = match &receiver {
            Value::Object(object) => match object.field(name) {
                Some(value) => Some(value),
                None => match object.entries() {
                    Some(entries) => entries.get(name.as_bytes()),
                    None => {
                        let type_name = receiver.type_name();
                        return self
                            .fail(span, RenderErrorCause::NoSuchField { name: name.to_string(), type_name });
                    }
                },
            },
            Value::Map(map) => map.get(name.as_bytes()),
            Value::Nil
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Time(_) => {
                let type_name = receiver.type_name();
                return self.fail(span, RenderErrorCause::NoSuchField { name: name.to_string(), type_name });
            }
        };
        if arguments.is_some() {
            return self.fail(span, RenderErrorCause::NotAFunction);
        }
        Ok(found)
    }

    // Functions.

    fn call(
        &mut self,
        function: &'static Function,
        span: Span,
        arguments: &[Operand],
        dot: &Dot,
        piped: Piped,
    ) -> Outcome<Value> {
        let given = arguments.len() + usize::from(piped.is_some());
        let expected = function.parameters.len();
        let at_least = function.rest.is_some();
        if given < expected || (!at_least && given > expected) {
            let name = function.name.into();
            return self.fail(span, RenderErrorCause::ArgumentCount { name, expected, at_least, given });
        }
        let span_of_call =
            Span { start: span.start, end: arguments.last().map_or(span.end, |last| last.span.end) };
        let body = match function.body {
            Body::FirstTrue => return self.first_that(true, arguments, dot, piped, span),
            Body::FirstFalse => return self.first_that(false, arguments, dot, piped, span),
            Body::Plain(body) => body,
        };
        let parameter = |index: usize| {
            function.parameters.get(index).copied().or(function.rest).unwrap_or(Parameter::Any)
        };
        let mut values = Vec::with_capacity(given);
        for (index, argument) in arguments.iter().enumerate() {
            values.push(self.argument(argument, parameter(index), dot)?);
        }
        if let Some(piped) = piped {
            values.push(self.accept(piped, parameter(arguments.len()), span)?);
        }
        let call = Call { environment: &self.environment, arguments: &values };
        let failed = |error| self.error(span_of_call, function_failed(function.name, error));
        let result = body(&call).map_err(failed)?;
        self.environment.check_size(&result).map_err(failed)?;
        Ok(result)
    }

    /// `or` (`wanted` is true) and `and` (false): the first operand that decides, the later ones are not evaluated.
    fn first_that(
        &mut self,
        wanted: bool,
        arguments: &[Operand],
        dot: &Dot,
        piped: Piped,
        span: Span,
    ) -> Outcome<Value> {
        let mut value = Value::Nil;
        for argument in arguments {
            value = self.argument(argument, Parameter::Any, dot)?;
            if value.is_true() == wanted {
                return Ok(value);
            }
        }
        match piped {
            Some(piped) => self.accept(piped, Parameter::Any, span),
            None => Ok(value),
        }
    }

    /// An argument for a parameter. Constants fit where Go lets them; everything else must have the type.
    fn argument(&mut self, operand: &Operand, parameter: Parameter, dot: &Dot) -> Outcome<Value> {
        self.spend(operand.span)?;
        if let OperandKind::Number(number) = &operand.kind {
            let fitting = match parameter {
                Parameter::Any => return self.natural(number, operand.span),
                Parameter::Int => number.integer.map(Value::int),
                Parameter::Float => number.float.map(Value::Float),
                Parameter::Text | Parameter::Bool | Parameter::Map | Parameter::Time => None,
            };
            return match fitting {
                Some(value) => Ok(value),
                None => {
                    let found = "number".into();
                    let expected = parameter.name();
                    self.fail(operand.span, RenderErrorCause::ArgumentType { expected, found })
                }
            };
        }
        if matches!((&operand.kind, parameter), (OperandKind::Nil, Parameter::Map)) {
            return Ok(Value::Nil);
        }
        let value = self.operand(operand, dot)?;
        self.accept(value, parameter, operand.span)
    }

    /// Checks the type of an argument; nothing is converted.
    fn accept(&self, value: Option<Value>, parameter: Parameter, span: Span) -> Outcome<Value> {
        let fits = match (&value, parameter) {
            (None, Parameter::Any | Parameter::Map) => return Ok(Value::Nil),
            (Some(_), Parameter::Any)
            | (Some(Value::String(_)), Parameter::Text)
            | (Some(Value::Bool(_)), Parameter::Bool)
            | (Some(Value::Float(_)), Parameter::Float)
            | (Some(Value::Time(_)), Parameter::Time) => true,
            (Some(Value::Int(integer)), Parameter::Int) => integer.kind == IntegerKind::Int,
            (Some(Value::Map(map)), Parameter::Map) => map.element() == ElementType::Any,
            (
                _,
                Parameter::Text
                | Parameter::Bool
                | Parameter::Float
                | Parameter::Time
                | Parameter::Int
                | Parameter::Map,
            ) => false,
        };
        match value {
            Some(value) if fits => Ok(value),
            value => {
                let found = value.map_or_else(|| "no value".into(), |value| value.type_name());
                self.fail(span, RenderErrorCause::ArgumentType { expected: parameter.name(), found })
            }
        }
    }
}

/// The stack evaluation may take: 100 templates with two blocks each within each other fit, as do 100 parentheses.
const MAX_STACK_UNITS: usize = 400;
const BLOCK_UNITS: usize = 1;
/// A parenthesis takes the frames of a pipeline, a command, a call and its arguments.
const PARENTHESIS_UNITS: usize = 3;

/// How much of the source an error quotes.
const MAX_SNIPPET_CHARACTERS: usize = 80;
