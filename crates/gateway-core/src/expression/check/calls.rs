//! Calls: macros, functions with and without namespace, methods; and what of them can be done at load.

use super::{Checker, Typed, Warning};
use crate::{
    document::{Code, did_you_mean},
    expression::{
        budget::Budget,
        error::SyntaxError,
        functions::{self, Function, Style},
        program::{Comprehension, ComprehensionKind, Operation, Step},
        span::Span,
        syntax::{Node, NodeKind},
        types::{ObjectType, Type},
        value::Value,
    },
};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        target: Option<&Node>,
        function: &str,
        arguments: &[Node],
        span: Span,
    ) -> Result<Typed, SyntaxError> {
        let Some(target) = target else {
            if function == "has" {
                return self.has(arguments, span);
            }
            return self.function(function, Style::Global, arguments, span);
        };
        if let Some(namespace) = self.qualified(target) {
            let name = format!("{namespace}.{function}");
            if functions::all().any(|known| known.name.starts_with(&format!("{namespace}."))) {
                if matches!(name.as_str(), "math.greatest" | "math.least") {
                    return self.extreme(&name, arguments, span);
                }
                return self.function(&name, Style::Global, arguments, span);
            }
        }
        if let Some(kind) = comprehension_kind(function, arguments.len()) {
            return self.comprehension(kind, target, arguments, span);
        }
        self.reads_body |= function == "Body";
        let mut operands = vec![target.clone()];
        operands.extend_from_slice(arguments);
        self.function(function, Style::Receiver, &operands, span)
    }

    fn function(
        &mut self,
        name: &str,
        style: Style,
        arguments: &[Node],
        span: Span,
    ) -> Result<Typed, SyntaxError> {
        let Some(function) = functions::find(name, style) else {
            // An unknown name in front of it says more.
            if let (Style::Receiver, Some(target)) = (style, arguments.first()) {
                self.check(target)?;
            }
            return Err(unknown(name, style, span));
        };
        let mut steps = Vec::new();
        let mut types = Vec::new();
        for argument in arguments {
            let (step, found) = self.check(argument)?;
            steps.push(step);
            types.push(found);
        }
        let found = match (function.name, types.as_slice()) {
            ("type", [Type::Object(ObjectType::Error)]) => Type::ErrorKind,
            _ => result(function, &types).ok_or_else(|| {
                super::undefined(function.name, &types, span)
                    .hint(format!("it takes {}", signatures(function)))
            })?,
        };
        self.compile_patterns(function, &mut steps)?;
        let operation = self.done_at_load(function, steps, span);
        Ok((Step { operation, span }, found))
    }

    /// `math.greatest` and `math.least` work on a list.
    fn extreme(&mut self, name: &str, arguments: &[Node], span: Span) -> Result<Typed, SyntaxError> {
        let Some(function) = functions::find(name, Style::Global) else {
            return Err(unknown(name, Style::Global, span));
        };
        if let [only] = arguments {
            let (step, found) = self.check(only)?;
            if let Type::List(element) = &found {
                return number(element, span).map(|()| {
                    let operation = Operation::Call { run: function.run, arguments: vec![step] };
                    (Step { operation, span }, (**element).clone())
                });
            }
        }
        let (steps, found) = self.joined(arguments)?;
        if steps.is_empty() {
            return Err(SyntaxError::new(span, format!("`{name}` takes at least one number")));
        }
        number(&found, span)?;
        let list = Step { operation: Operation::List(steps), span };
        Ok((Step { operation: Operation::Call { run: function.run, arguments: vec![list] }, span }, found))
    }

    /// Regular expressions that are written in the expression are compiled now.
    fn compile_patterns(&self, function: &Function, steps: &mut [Step]) -> Result<(), SyntaxError> {
        if !matches!(function.name, "matches" | "regexFind" | "regexFindAll") {
            return Ok(());
        }
        let Some(step) = steps.get_mut(1) else { return Ok(()) };
        let compiled = match &step.operation {
            Operation::Literal(Value::String(pattern)) => functions::compile(pattern),
            _ => return Ok(()),
        };
        let value = compiled.map_err(|reason| {
            SyntaxError::new(step.span, format!("the regular expression does not compile: {reason}"))
        })?;
        step.operation = Operation::Literal(value);
        Ok(())
    }

    /// Networks, times and durations that are written in the expression are made now. What can not be made is warned about:
    /// it fails for every request, as in heimdall.
    fn done_at_load(&mut self, function: &'static Function, steps: Vec<Step>, span: Span) -> Operation {
        let is_constant = matches!(function.name, "networks" | "timestamp" | "duration");
        let constants: Option<Vec<Value<'static>>> = steps.iter().map(constant).collect();
        let (true, Some(constants)) = (is_constant, constants) else {
            return Operation::Call { run: function.run, arguments: steps };
        };
        match (function.run)(&constants, &mut Budget::new()) {
            Ok(value) => Operation::Literal(value),
            Err(cause) => {
                let code = if function.name == "networks" { Code::BadNetwork } else { Code::BadCel };
                let message = format!("has a `{}` that fails for every request: {cause}", function.name);
                self.warnings.push(Warning { span, code, message, hint: None });
                Operation::Call { run: function.run, arguments: steps }
            }
        }
    }

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        target: &Node,
        arguments: &[Node],
        span: Span,
    ) -> Result<Typed, SyntaxError> {
        let (range, range_type) = self.check(target)?;
        let element = match &range_type {
            Type::Dyn => Type::Dyn,
            Type::List(element) => (**element).clone(),
            Type::Map(key, _) => (**key).clone(),
            _ => {
                let message = format!("a value of type `{range_type}` has no elements to go through");
                return Err(SyntaxError::new(target.span, message));
            }
        };
        let (Some(name), body, filter) = (match arguments {
            [name, body] => (Some(name), Some(body), None),
            [name, filter, body] => (Some(name), Some(body), Some(filter)),
            _ => (None, None, None),
        }) else {
            return Err(SyntaxError::new(span, "a macro takes a name and an expression"));
        };
        let NodeKind::Name(local) = &name.kind else {
            return Err(SyntaxError::new(name.span, "the first argument must be a simple name"));
        };
        self.locals.push((local.clone(), element.clone()));
        let made = self.body(kind, body, filter);
        self.locals.pop();
        let (body, body_type, filter) = made?;
        let found = match kind {
            ComprehensionKind::All | ComprehensionKind::Exists | ComprehensionKind::ExistsOne => Type::Bool,
            ComprehensionKind::Filter | ComprehensionKind::SortBy => Type::list(element),
            ComprehensionKind::Map => Type::list(body_type),
        };
        let comprehension = Comprehension { kind, range, body, filter };
        Ok((Step { operation: Operation::Comprehension(Box::new(comprehension)), span }, found))
    }

    fn body(
        &mut self,
        kind: ComprehensionKind,
        body: Option<&Node>,
        filter: Option<&Node>,
    ) -> Result<(Step, Type, Option<Step>), SyntaxError> {
        let filter = filter.map(|filter| self.truth(filter)).transpose()?;
        let Some(body) = body else {
            return Err(SyntaxError::new(Span::new(0, 0), "a macro takes a name and an expression"));
        };
        match kind {
            ComprehensionKind::Map | ComprehensionKind::SortBy => {
                let (step, found) = self.check(body)?;
                Ok((step, found, filter))
            }
            ComprehensionKind::All
            | ComprehensionKind::Exists
            | ComprehensionKind::ExistsOne
            | ComprehensionKind::Filter => Ok((self.truth(body)?, Type::Bool, filter)),
        }
    }
}

/// The macro of this name, if it takes so many arguments.
fn comprehension_kind(name: &str, arguments: usize) -> Option<ComprehensionKind> {
    match (name, arguments) {
        ("all", 2) => Some(ComprehensionKind::All),
        ("exists", 2) => Some(ComprehensionKind::Exists),
        ("exists_one" | "existsOne", 2) => Some(ComprehensionKind::ExistsOne),
        ("filter", 2) => Some(ComprehensionKind::Filter),
        ("map", 2 | 3) => Some(ComprehensionKind::Map),
        ("sortBy", 2) => Some(ComprehensionKind::SortBy),
        _ => None,
    }
}

/// The type of a function's result; `None` if it is not defined for these operands. `dyn` where several overloads fit.
pub(super) fn result(function: &Function, types: &[Type]) -> Option<Type> {
    function
        .overloads
        .iter()
        .filter_map(|overload| overload.result_for(types))
        .reduce(|joined, other| if joined == other { joined } else { Type::Dyn })
}

fn number(found: &Type, span: Span) -> Result<(), SyntaxError> {
    if matches!(found, Type::Dyn | Type::Int | Type::Uint | Type::Double) {
        return Ok(());
    }
    Err(SyntaxError::new(span, format!("a value of type `{found}` is no number")))
}

/// The value of a part that does not depend on the data.
fn constant(step: &Step) -> Option<Value<'static>> {
    match &step.operation {
        Operation::Literal(value) => Some(value.clone()),
        Operation::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(constant).collect();
            items.map(|items| Value::List(Value::list(items)))
        }
        _ => None,
    }
}

fn unknown(name: &str, style: Style, span: Span) -> SyntaxError {
    let error = SyntaxError::new(span, format!("unknown function `{name}`"));
    let (other, form) = match style {
        Style::Global => (Style::Receiver, "a value: `value."),
        Style::Receiver => (Style::Global, "nothing: `"),
    };
    if functions::find(name, other).is_some() {
        return error.hint(format!("call it on {form}{name}(…)`"));
    }
    let macros = ["has", "all", "exists", "exists_one", "filter", "map", "sortBy"];
    let known = functions::all().filter(|known| known.style == style).map(|known| known.name).chain(macros);
    match did_you_mean(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// The parameter lists of a function, for hints.
fn signatures(function: &Function) -> String {
    let lists: Vec<String> = function
        .overloads
        .iter()
        .map(|overload| {
            let parameters: Vec<String> = overload.parameters.iter().map(|shape| shape.shown()).collect();
            format!("({})", parameters.join(", "))
        })
        .collect();
    lists.join(" or ")
}
