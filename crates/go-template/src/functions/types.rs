//! Types and kinds in Go's words.

use crate::{
    functions::{
        Function,
        Parameter::{Any, Text},
    },
    value::Value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("typeOf", &[Any], |call| Ok(call.value(0).type_name().into())),
    Function::new("typeIs", &[Text, Any], |call| Ok(Value::Bool(call.str(0)? == call.value(1).type_name()))),
    Function::new("typeIsLike", &[Text, Any], |call| {
        let (wanted, found) = (call.str(0)?, call.value(1).type_name());
        Ok(Value::Bool(found.strip_prefix('*').unwrap_or(&found) == wanted || found == wanted))
    }),
    Function::new("kindOf", &[Any], |call| Ok(call.value(0).kind_name().into())),
    Function::new("kindIs", &[Text, Any], |call| Ok(Value::Bool(call.str(0)? == call.value(1).kind_name()))),
    Function::new("deepEqual", &[Any, Any], |call| Ok(Value::Bool(call.value(0) == call.value(1)))),
];
