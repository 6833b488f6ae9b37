//! Configuration documents, whatever text they came from: a tree that knows where each of its parts was written, and the
//! step from that tree to typed values.
//!
//! What lives here: [`Node`] with its [`Place`]s, [`Diagnostics`] that collect every mistake of all documents in one run,
//! the [`Decode`] trait with [`MapReader`], and the value types that several settings share (durations, byte sizes, secret
//! references, networks, endpoints). What does not: reading YAML, JSON or the environment, and printing diagnostics; the
//! gateway crate does both.
//!
//! The way to a typed value is always the same: [`MapReader`] takes the keys it knows, reports what is missing or
//! mistyped, and [`MapReader::finish`] reports every key that nobody asked for. A decoder that returns `None` has
//! reported why; one that returns a value for an optional key may have reported an error as well, so nothing decoded may
//! be used while [`Diagnostics::has_errors`] holds.

mod decode;
mod diagnostics;
mod key_path;
mod map_reader;
mod node;
pub mod schema;
mod suggestion;
mod value;

pub use decode::{Decode, Spanned, decode_one_of, decode_sequence, report_wrong_type};
pub use diagnostics::{Code, Diagnostic, Diagnostics, Severity};
pub use key_path::{DocumentKind, KeyPath};
pub use map_reader::MapReader;
pub use node::{Key, Node, NodeValue, Place, ScalarStyle};
pub use suggestion::did_you_mean;
pub use value::byte_size::ByteSize;
pub use value::duration::{ConfigDuration, parse_compound_duration};
pub use value::endpoint::{
    ApiKeyLocation, ClientAuthentication, CredentialsGrant, Endpoint, EndpointAuthentication,
    EndpointHttpCache, EndpointRetry, EndpointTls, MetadataEndpoint, ResolvedEndpoint, TokenHeader,
};
pub use value::network::{Network, covers_every_address};
pub use value::secret_reference::SecretReference;
