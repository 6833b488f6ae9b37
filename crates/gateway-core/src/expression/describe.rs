//! What expressions can say, for the reference: variables with their members, and every function with its types.

use super::{
    data::Variable,
    functions::{self, Style},
    types::{ObjectType, Type},
};

/// A variable and what it offers.
#[derive(Debug, Clone)]
pub struct DescribedVariable {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub value_type: String,
    /// Names and types of its members, for variables that are things of the gateway; with those of members' members.
    pub members: Vec<(String, String)>,
}

/// A function with its forms.
#[derive(Debug, Clone)]
pub struct DescribedFunction {
    /// Its name, with its namespace if it has one.
    pub name: &'static str,
    /// The forms in which it is called, each with the type of its result.
    pub forms: Vec<String>,
    /// What it does.
    pub meaning: &'static str,
}

/// The variable with its members.
#[must_use]
pub fn describe_variable(variable: Variable) -> DescribedVariable {
    let value_type = variable.value_type();
    let mut members = Vec::new();
    if let Type::Object(object) = &value_type {
        add_members(variable.name(), *object, &mut members);
    }
    DescribedVariable { name: variable.name(), value_type: value_type.to_string(), members }
}

fn add_members(path: &str, object: ObjectType, members: &mut Vec<(String, String)>) {
    for (name, value_type) in object.members() {
        let path = format!("{path}.{name}");
        match value_type {
            Type::Object(inner) => add_members(&path, inner, members),
            value_type => members.push((path, value_type.to_string())),
        }
    }
}

/// All functions in order of their names. Macros and operators belong to the language.
#[must_use]
pub fn describe_functions() -> Vec<DescribedFunction> {
    let mut described: Vec<DescribedFunction> = Vec::new();
    for function in functions::all() {
        let forms = function.overloads.iter().map(|overload| {
            let types: Vec<String> = overload.parameters.iter().map(|shape| shape.shown()).collect();
            let result = overload.result.shown();
            match (function.style, types.split_first()) {
                (Style::Receiver, Some((target, others))) => {
                    format!("{target}.{}({}) → {result}", function.name, others.join(", "))
                }
                _ => format!("{}({}) → {result}", function.name, types.join(", ")),
            }
        });
        match described.iter_mut().find(|known| known.name == function.name) {
            Some(known) => known.forms.extend(forms),
            None => described.push(DescribedFunction {
                name: function.name,
                forms: forms.collect(),
                meaning: functions::meaning(function.name),
            }),
        }
    }
    described.sort_by_key(|function| function.name);
    described
}
