//! Bounds that no template can pass, and the count of the work done so far.

use std::cell::Cell;

use crate::{error::FunctionError, value::Value};

/// How deep lists and maps made by a template may lie within each other.
pub(crate) const MAX_NESTING: usize = 100;

/// How deep a value may be to be printed, compared or copied: what the host gave plus what the template built around it.
pub(crate) const MAX_WALK_DEPTH: usize = 400;

/// Counts the work of one rendering.
pub(crate) struct Steps {
    left: Cell<u64>,
    limit: u64,
}

impl Steps {
    pub(crate) fn new(limit: u64) -> Self {
        Self { left: Cell::new(limit), limit }
    }

    /// Accounts for one step.
    pub(crate) fn spend(&self) -> Result<(), FunctionError> {
        let left = self.left.get().checked_sub(1).ok_or(FunctionError::TooManySteps { limit: self.limit })?;
        self.left.set(left);
        Ok(())
    }
}

/// Whether a value can be put into one more list or map.
pub(crate) fn check_nesting(value: &Value, steps: &Steps) -> Result<(), FunctionError> {
    fn walk(value: &Value, steps: &Steps, depth: usize) -> Result<(), FunctionError> {
        steps.spend()?;
        let deeper = depth.checked_sub(1).ok_or(FunctionError::NestedTooDeeply { limit: MAX_NESTING })?;
        match value {
            Value::List(list) => list.items().iter().try_for_each(|item| walk(item, steps, deeper)),
            Value::Map(map) => map.entries().values().try_for_each(|item| walk(item, steps, deeper)),
            Value::Nil
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Time(_)
            | Value::Object(_) => Ok(()),
        }
    }
    walk(value, steps, MAX_NESTING)
}
