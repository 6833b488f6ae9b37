//! Go's `text/template` with the sprig functions, as heimdall configurations use it.
//!
//! A [`Template`] is compiled once and rendered for each request with a [`Value`]. The engine does no I/O and reads no clock: the time,
//! random bytes, secrets and bounds are arguments. Things of the host with fields and methods are [`Object`]s.
//!
//! ```
//! use go_template::{CompileOptions, Map, RenderOptions, Template, Time, Value};
//!
//! let template = Template::compile(r#"{"sub": {{ .Subject.ID | quote }}}"#, &CompileOptions::default())?;
//! assert!(template.reads("Subject"));
//!
//! let subject = Map::new([("ID", Value::from("alice"))]);
//! let data = Value::from(Map::new([("Subject", Value::from(subject))]));
//! let now = Time::from_unix(1_770_091_506, 0).ok_or("out of range")?;
//! assert_eq!(template.render(&data, &RenderOptions::at(now))?, r#"{"sub": "alice"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Deviations from Go, all of them towards safety: output, nesting and work are bounded; data given by the host is never changed (a
//! template that calls `set` and the like works on a copy); functions that read the environment, use the network or make keys do not
//! exist; bytes of the output that are not UTF-8 become U+FFFD.

mod ast;
mod error;
mod eval;
mod functions;
mod imaginary;
mod json;
mod layout;
mod lexer;
mod limits;
mod list;
mod map;
mod number;
mod object;
mod output;
mod parser;
mod print;
mod printf;
mod quoting;
mod reads;
mod secret;
mod template;
mod text;
mod time;
mod token;
mod url;
mod value;
mod warnings;

pub use error::{FunctionError, ParseError, Position, RenderError, RenderErrorCause, Warning};
pub use list::List;
pub use map::Map;
pub use object::Object;
pub use secret::{NoSecrets, SecretReference, SecretResolver, SecretValue};
pub use template::{CompileOptions, RenderOptions, Rendered, Template};
pub use text::Text;
pub use time::Time;
pub use url::Url;
pub use value::{ElementType, Integer, IntegerKind, Value};
