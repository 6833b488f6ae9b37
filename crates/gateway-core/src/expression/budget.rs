//! How much work one evaluation may do.

use super::error::ExpressionErrorCause as Cause;

/// The most steps of one evaluation: parts evaluated, elements and sixteen bytes of text looked at or made. A condition of
/// usual size takes a few dozen.
const MAX_STEPS: usize = 1_000_000;

/// What is left of the steps.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { left: MAX_STEPS }
    }

    /// Takes `steps` away.
    pub(super) fn charge(&mut self, steps: usize) -> Result<(), Cause> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Cause::TooMuchWork { limit: MAX_STEPS })
            }
        }
    }

    /// Takes away what making a text of so many bytes costs.
    pub(super) fn charge_text(&mut self, bytes: usize) -> Result<(), Cause> {
        self.charge(1 + bytes / 16)
    }
}
