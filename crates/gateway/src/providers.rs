//! Where rule sets come from.

pub(crate) mod file_system;
pub(crate) mod rule_files;
