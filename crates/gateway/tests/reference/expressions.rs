//! The page about expressions: places, variables, functions.

use std::fmt::Write as _;

use gateway_core::{
    expression::{Variable, describe_functions, describe_variable},
    offered,
};

use crate::pages::NOTE;

const INTRODUCTION: &str = "\
Expressions are written in the [Common Expression Language](https://cel.dev). They are compiled and checked when the
configuration is loaded: unknown names and functions, types that do not fit and results that are neither true nor false
are errors with their place. What only the data can tell has the type `dyn`; where the result is `dyn`, write `== true`.

An evaluation that fails refuses the request with an internal error; `&&`, `||`, `all` and `exists` give an answer that one
operand decides, whatever the others do. A missing key fails: ask `has(Subject.Attributes.x)` first. Numbers from JSON are
doubles and equal to integers of the same value.
";

const LANGUAGE: &str = "\
| what | how |
|---|---|
| texts, bytes | `\"a\"`, `'a'`, `\"\"\"a\"\"\"`, `r\"raw\"`, `b\"bytes\"` |
| numbers | `1`, `0x1F`, `2u` (not negative), `1.5`, `1e3` |
| lists, maps | `[1, 2]`, `{\"a\": 1}`, `list[0]`, `map.key`, `map[\"key\"]` |
| operators | `== != < <= > >= in`, `&& \\|\\| !`, `+ - * / %`, `condition ? a : b` |
| macros | `has(a.b)`, `list.all(x, …)`, `.exists(x, …)`, `.exists_one(x, …)`, `.filter(x, …)`, `.map(x, …)`, `.map(x, condition, …)`, `.sortBy(x, …)`; over a map they go through its keys |
| types | `bool`, `bytes`, `double`, `int`, `list`, `map`, `null_type`, `string`, `type`, `uint`, `networks`, `google.protobuf.Timestamp`, `google.protobuf.Duration` |
| types of errors | `authentication_error`, `authorization_error`, `communication_error`, `internal_error`, `precondition_error`, for `type(Error)` in `on_error` |

Not offered: optional values and messages. An expression has at most 8 KiB and 64 levels, an evaluation a million steps.
";

pub(crate) fn page() -> String {
    let mut text = format!("{NOTE}\n\n# Expressions\n\n{INTRODUCTION}\n## Where\n\n");
    text.push_str("| place | variables |\n|---|---|\n");
    for (place, variables) in [
        ("`if` of a step", offered::CONDITION),
        ("`if` in `on_error`", offered::ERROR_CONDITION),
        ("`expressions` of the `cel` authorizer", offered::CEL),
        ("`expressions` of the `remote` authorizer", offered::REMOTE),
    ] {
        let names: Vec<String> = variables.iter().map(|variable| format!("`{}`", variable.name())).collect();
        writeln!(text, "| {place} | {} |", names.join(", ")).unwrap();
    }
    text.push_str("\n## Variables\n\n| name | type |\n|---|---|\n");
    for variable in [
        Variable::Request,
        Variable::Subject,
        Variable::Outputs,
        Variable::Values,
        Variable::Payload,
        Variable::Error,
    ] {
        let described = describe_variable(variable);
        if described.members.is_empty() {
            writeln!(text, "| `{}` | {} |", described.name, described.value_type).unwrap();
        }
        for (name, value_type) in &described.members {
            writeln!(text, "| `{name}` | {value_type} |").unwrap();
        }
    }
    text.push_str(
        "\n`Subject.ID` and `Subject.Attributes` are those of the principal `default`; others are found by their names, \
         such as\n`Subject.machine.ID`. `Error.Source` is the id of the mechanism that failed, `Error.StepID` that of its step.\n",
    );
    write!(text, "\n## Language\n\n{LANGUAGE}\n## Functions\n\n").unwrap();
    text.push_str("| name | forms | meaning |\n|---|---|---|\n");
    for function in describe_functions() {
        let forms: Vec<String> = function.forms.iter().map(|form| format!("`{form}`")).collect();
        writeln!(text, "| `{}` | {} | {} |", function.name, forms.join("<br>"), function.meaning).unwrap();
    }
    text
}
