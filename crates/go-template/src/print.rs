//! How values print: `%v`, `print`, `println`.

use crate::{
    error::FunctionError,
    limits::{MAX_NESTING, MAX_WALK_DEPTH, Steps},
    number::float_text,
    output::Output,
    value::Value,
};

/// What a missing value prints.
pub(crate) const NO_VALUE: &str = "<no value>";

/// What null prints.
pub(crate) const NIL: &str = "<nil>";

/// Writes a value as `%v` does.
pub(crate) fn write_value(output: &mut Output, value: &Value, steps: &Steps) -> Result<(), FunctionError> {
    write_nested(output, value, steps, MAX_WALK_DEPTH)
}

fn write_nested(
    output: &mut Output,
    value: &Value,
    steps: &Steps,
    depth: usize,
) -> Result<(), FunctionError> {
    steps.spend()?;
    let deeper = depth.checked_sub(1).ok_or(FunctionError::NestedTooDeeply { limit: MAX_NESTING })?;
    match value {
        Value::Nil => output.push_str(NIL),
        Value::Bool(value) => output.push_str(if *value { "true" } else { "false" }),
        Value::Int(integer) => output.push_str(&integer.value.to_string()),
        Value::Float(value) => output.push_str(&float_text(*value)),
        Value::String(text) => output.push(text.as_bytes()),
        Value::Time(time) => output.push_str(&time.to_text()),
        Value::List(list) => {
            output.push(b"[")?;
            for (index, item) in list.items().iter().enumerate() {
                if index > 0 {
                    output.push(b" ")?;
                }
                write_nested(output, item, steps, deeper)?;
            }
            output.push(b"]")
        }
        Value::Map(_) | Value::Object(_) => {
            if let Value::Object(object) = value
                && let Some(text) = object.to_text()
            {
                return output.push_str(&text);
            }
            let Some(map) = value.as_map() else { return output.push_str(&value.type_name()) };
            output.push(b"map[")?;
            for (index, (key, item)) in map.entries().iter().enumerate() {
                if index > 0 {
                    output.push(b" ")?;
                }
                output.push(key.as_bytes())?;
                output.push(b":")?;
                write_nested(output, item, steps, deeper)?;
            }
            output.push(b"]")
        }
    }
}

/// Go's `Sprint`: a space between two operands neither of which is a string.
pub(crate) fn write_all(output: &mut Output, values: &[Value], steps: &Steps) -> Result<(), FunctionError> {
    let mut after_string = true;
    for (index, value) in values.iter().enumerate() {
        let is_string = matches!(value, Value::String(_));
        if index > 0 && !is_string && !after_string {
            output.push(b" ")?;
        }
        write_value(output, value, steps)?;
        after_string = is_string;
    }
    Ok(())
}

/// Go's `Sprintln`: spaces between all operands, a line feed at the end.
pub(crate) fn write_line(output: &mut Output, values: &[Value], steps: &Steps) -> Result<(), FunctionError> {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            output.push(b" ")?;
        }
        write_value(output, value, steps)?;
    }
    output.push(b"\n")
}
