//! The static configuration: from files and environment to checked settings, with every mistake reported at once.
//!
//! `draft` reads a configuration as far as it can be read; rules and mechanisms add their findings to it; `Draft::accept`
//! gives the settings if nothing is wrong, else a [`Report`] with file, line, what was found, what was expected and a hint.
//! [`read_document`] reads any other YAML or JSON document, such as a rule file, with the same places.

mod document;
mod environment;
mod load;
mod render;
pub mod schema;
pub mod settings;
mod source_text;
mod substitute;
mod validate;
pub mod writer;

pub use document::read as read_document;
pub use environment::Environment;
pub(crate) use load::{Draft, LoadOptions, Loaded, draft, reason};
pub use render::Report;
pub use settings::Settings;
pub use source_text::Sources;
pub use validate::Enforcement;
#[cfg(any(test, fuzzing))]
pub(crate) use validate::check as enforce;
