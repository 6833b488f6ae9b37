//! [`Output`]: bytes being written, never more than a limit.

use crate::error::FunctionError;

/// A growing text with an upper bound, so that no step of a template can ask for unbounded memory.
pub(crate) struct Output {
    bytes: Vec<u8>,
    limit: usize,
}

impl Output {
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), FunctionError> {
        if bytes.len() > self.limit.saturating_sub(self.bytes.len()) {
            return Err(FunctionError::TextTooLong { limit: self.limit });
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn push_str(&mut self, text: &str) -> Result<(), FunctionError> {
        self.push(text.as_bytes())
    }

    pub(crate) fn push_repeated(&mut self, bytes: &[u8], count: usize) -> Result<(), FunctionError> {
        if bytes.len().saturating_mul(count) > self.limit.saturating_sub(self.bytes.len()) {
            return Err(FunctionError::TextTooLong { limit: self.limit });
        }
        for _ in 0..count {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
