//! Imaginary constants (`1i`): Go's language has them, nothing but printing them works.

use std::sync::Arc;

use crate::{number::format_float, object::Object, value::Value};

struct Imaginary(f64);

/// The value of an imaginary constant.
pub(crate) fn value(imaginary: f64) -> Value {
    Value::Object(Arc::new(Imaginary(imaginary)))
}

impl Object for Imaginary {
    fn type_name(&self) -> &str {
        "complex128"
    }

    fn to_text(&self) -> Option<String> {
        let sign = if self.0.is_sign_negative() { '-' } else { '+' };
        Some(format!("(0{sign}{}i)", format_float(self.0.abs(), 'g', None)))
    }
}
