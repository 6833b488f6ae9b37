//! What the values of the configuration look like: JSON schema for the types that documents share.
//!
//! Schema and reference pages are generated from the types that are read: their fields are the keys, the doc comments of
//! the fields are the text. A type derives [`JsonSchema`] for that; where a field's Rust type says less than its grammar,
//! `#[schemars(with = "…")]` names one of the kinds of text below. A default is `#[schemars(extend("default" = …))]`, a key
//! that heimdall does not have `#[schemars(extend("x-keybound" = true))]`. Tests hold the described keys against those
//! that the reader takes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    decode::Spanned,
    node::Node,
    value::{byte_size::ByteSize, duration::ConfigDuration, network::Network},
};

/// Gives types the schema of a text of some grammar, under a name that the reference explains.
macro_rules! texts {
    ($($(#[$documentation:meta])* $type:ident as $name:literal { $($member:tt)* })+) => {$(
        $(#[$documentation])*
        #[derive(Debug)]
        pub enum $type {}
        texts!(@impl $type, $name, { $($member)* });
    )+};
    (@impl $type:ident, $name:literal, { $($member:tt)* }) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ $($member)* })
            }
        }
    };
}

texts! {
    /// A Go template: see the page about templates.
    Template as "Template" {
        "type": "string",
        "description": "A Go template (`text/template` with the sprig functions), compiled at load.",
        "examples": ["{{ .Subject.ID }}"],
    }
    /// A CEL expression of the type bool.
    Expression as "Expression" {
        "type": "string",
        "description": "A CEL expression of the type bool, compiled and checked at load.",
        "examples": ["true"],
    }
    /// An absolute URL, `http` or `https`, in which a template may stand behind scheme and host.
    Url as "Url" {
        "type": "string",
        "description": "An absolute `https` URL (`http` only with a flag for local tests). Where the text says so it may be a template; scheme and host must be there before it is rendered.",
        "examples": ["https://service.example.com/path"],
    }
    /// The name of a header field.
    HeaderFieldName as "HeaderName" {
        "type": "string",
        "description": "The name of an HTTP header field.",
        "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        "examples": ["X-User"],
    }
    /// A path to a value in JSON.
    JsonPathText as "JsonPath" {
        "type": "string",
        "description": "Names and positions with dots between, such as `realm_access.roles.0`; `@this` is the whole document.",
        "examples": ["sub"],
    }
    /// Scheme, host and port.
    OriginText as "Origin" {
        "type": "string",
        "description": "Scheme, host and port as clients use them, such as `https://api.example.com`.",
        "pattern": "^[hH][tT][tT][pP][sS]?://[^/?#]+/?$",
        "examples": ["https://api.example.com"],
    }
    /// The name of a signature algorithm.
    SignatureAlgorithm as "SignatureAlgorithm" {
        "enum": ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519"],
        "description": "An asymmetric signature algorithm by its JOSE name. `none` and HMAC are never accepted.",
    }
}

texts!(@impl ConfigDuration, "Duration", {
    "type": "string",
    "description": "A number and a unit: `ns`, `us`, `ms`, `s`, `m` or `h`. In rules and environment variables also several of them, with fractions, such as `1h30m` or `1.5h`.",
    "pattern": "^([0-9]+|[0-9]*[.][0-9]+|[0-9]+[.])(ns|us|µs|μs|ms|s|m|h)(([0-9]+|[0-9]*[.][0-9]+|[0-9]+[.])(ns|us|µs|μs|ms|s|m|h))*$|^0$",
    "examples": ["10s"],
});
texts!(@impl ByteSize, "ByteSize", {
    "type": "string",
    "description": "A number and a unit: `B`, `KB`, `MB` or `GB`. 1 KB is 1024 bytes.",
    "pattern": "^[0-9]+(B|KB|MB|GB)$",
    "examples": ["16KB"],
});
texts!(@impl Network, "Network", {
    "type": "string",
    "description": "An address, such as `10.0.0.7`, or a network, such as `10.0.0.0/8` or `fd00::/8`.",
    "examples": ["10.0.0.0/8"],
});

/// A text that has no grammar of its own, but a place: the schema is that of the text.
impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A part that somebody else reads: anything.
impl JsonSchema for Node {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Any")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

/// One value, or a list of them.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, inline)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

/// Describes a type by another one, which has its keys as they are written.
macro_rules! written_as {
    ($($type:ty => $written:ty),+ $(,)?) => {$(
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                <$written as schemars::JsonSchema>::inline_schema()
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$written as schemars::JsonSchema>::schema_name()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                <$written as schemars::JsonSchema>::schema_id()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$written as schemars::JsonSchema>::json_schema(generator)
            }
        }
    )+};
}
pub(crate) use written_as;
