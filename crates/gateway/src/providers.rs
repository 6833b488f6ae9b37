//! Where rule sets come from.

pub(crate) mod file_system;
pub(crate) mod http_endpoint;
pub(crate) mod rule_book;
pub(crate) mod rule_files;
