//! The mechanisms of the catalogue, one folder per kind, one file per mechanism.
//!
//! A mechanism is a struct with a `Config` (what the catalogue sets) and an `Override` (what a rule step may change), the
//! [`Mechanism`] implementation that turns the first into the struct and lays the second over it, and the one trait of its
//! kind. The list in the kind's `mod.rs` makes it known: nothing else names it.

pub mod authenticators;
pub mod authorizers;
pub mod catalogue;
pub mod contextualizers;
pub mod error_handlers;
pub mod finalizers;
pub(crate) mod forwarded_fields;
pub(crate) mod inquiry;
pub mod output;
pub mod requirements;
pub mod step;
pub(crate) mod values;

use std::{borrow::Cow, sync::Arc};

use dpop::{NonceRing, ReplayStore};

use http::Method;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    cache::Cache,
    certificates::CertificateTrust,
    document::{Code, Decode, Diagnostic, Diagnostics, KeyPath, Node, NodeValue, Place, did_you_mean},
    endpoint::EndpointContext,
    outbound::OutboundClients,
    published_keys::PublishedKey,
    rules::StepKind,
    secrets::SecretStore,
    template::OfferedNames,
};

/// What mechanisms need of the world around them.
#[derive(Clone)]
pub struct Dependencies {
    /// The secrets of the configuration.
    pub secrets: SecretStore,
    /// Keys of DPoP nonces, when a `master_key` is configured.
    pub nonce_ring: Option<Arc<NonceRing>>,
    /// Where used proofs are remembered.
    pub replay_store: Arc<dyn ReplayStore>,
    /// Makes the clients that endpoints are called with.
    pub outbound: Arc<dyn OutboundClients>,
    /// Where answers of other systems are kept.
    pub cache: Arc<dyn Cache>,
    /// Judges the certificates that issuers publish with their keys.
    pub certificates: Arc<dyn CertificateTrust>,
    /// Whether endpoints may be `http` (a flag lifts the enforcement of TLS).
    pub plain_http_endpoints: bool,
}

/// What a mechanism is built from, beside its configuration.
pub struct BuildContext<'a> {
    /// The world around it.
    pub dependencies: &'a Dependencies,
    /// The way to the configuration that is read, for messages.
    pub path: KeyPath,
    /// Where the mechanism or step stands.
    pub place: Place,
    /// Whether this is a step of a rule set, not of the static configuration.
    pub in_rule: bool,
}

impl BuildContext<'_> {
    /// What the endpoint under `key` is built from: called with POST and without caching unless configured. `offered` are
    /// the names that its templates may read.
    #[must_use]
    pub fn endpoint(&self, key: &str, offered: OfferedNames) -> EndpointContext<'_> {
        EndpointContext {
            secrets: &self.dependencies.secrets,
            clients: &self.dependencies.outbound,
            cache: &self.dependencies.cache,
            allows_plain_http: self.dependencies.plain_http_endpoints,
            in_rule: self.in_rule,
            path: self.path.key(key),
            offered,
            default_method: Method::POST,
        }
    }
}

/// A mechanism of any kind, as the catalogue sees it.
pub trait Mechanism: Sized {
    /// `type` in the configuration.
    const TYPE: &'static str;
    /// The keys that a rule step may set; all others are `override_not_allowed`.
    const OVERRIDABLE: &'static [&'static str];
    /// What the catalogue configures. Schema and reference are generated from its fields and their doc comments.
    type Config: Decode + JsonSchema;
    /// What a rule step may change; described like the configuration.
    type Override: Decode + JsonSchema;

    /// Builds the mechanism; `None` after an error was added to `diagnostics`.
    fn build(config: Self::Config, context: &BuildContext<'_>, diagnostics: &mut Diagnostics)
    -> Option<Self>;

    /// The mechanism with a step's changes: what the step does not set stays as in the catalogue.
    fn with_override(
        &self,
        change: Self::Override,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self>;

    /// The public halves of the keys it signs with, for `/.well-known/jwks`.
    fn published_keys(&self) -> &[PublishedKey] {
        &[]
    }
}

/// The mechanisms of one kind; implemented by the list in the kind's `mod.rs`.
pub(crate) trait MechanismKind: Sized + Clone {
    /// Which kind.
    const KIND: StepKind;
    /// The types that can be configured.
    const TYPES: &'static [&'static str];
    /// The types that are known and not built yet.
    const LATER_TYPES: &'static [&'static str];

    /// What can be written about each type, in the order of [`Self::TYPES`].
    fn described(generator: &mut SchemaGenerator) -> Vec<DescribedMechanism>;

    /// Builds a mechanism of the catalogue; `None` for a type that is none of [`Self::TYPES`], and after an error was added
    /// to `diagnostics`.
    fn build(
        type_name: &str,
        config: Option<&Node>,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self>;

    /// This mechanism with what a step changes.
    fn with_override(
        &self,
        config: &Node,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self>;

    /// The public keys of the mechanism, as [`Mechanism::published_keys`].
    fn published_keys(&self) -> &[PublishedKey];
}

/// The configuration of a mechanism that has none; in the catalogue a `config` key is an unknown key then.
#[derive(Debug, Clone, Copy)]
pub struct NoConfig;

impl JsonSchema for NoConfig {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("NoConfig")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "properties": {}, "description": "Nothing can be set."})
    }
}

/// What can be written about one type of mechanism, for schema and reference.
#[derive(Debug)]
pub struct DescribedMechanism {
    /// Which kind.
    pub kind: StepKind,
    /// `type` in the configuration.
    pub type_name: &'static str,
    /// `config` in the catalogue.
    pub config: Schema,
    /// `config` in a step.
    pub step_config: Schema,
}

pub(crate) fn described<M: Mechanism>(kind: StepKind, generator: &mut SchemaGenerator) -> DescribedMechanism {
    DescribedMechanism {
        kind,
        type_name: M::TYPE,
        config: generator.subschema_for::<M::Config>(),
        step_config: generator.subschema_for::<M::Override>(),
    }
}

/// What can be written about every type of mechanism, by kind in the order of a pipeline.
#[must_use]
pub fn describe_all(generator: &mut SchemaGenerator) -> Vec<DescribedMechanism> {
    let mut all = authenticators::Authenticator::described(generator);
    all.extend(authorizers::Authorizer::described(generator));
    all.extend(contextualizers::Contextualizer::described(generator));
    all.extend(finalizers::Finalizer::described(generator));
    all.extend(error_handlers::ErrorHandler::described(generator));
    all
}

impl Decode for NoConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        if node.is_null() || node.entries().is_some_and(<[_]>::is_empty) {
            return Some(Self);
        }
        diagnostics.push(
            Diagnostic::error(
                Code::UnknownKey,
                format!("unknown key `{path}`: this type has no settings"),
                &node.place,
            )
            .found("config")
            .expected("no `config`")
            .hint("remove `config`"),
        );
        None
    }
}

/// Reads the configuration of a mechanism of the catalogue; without `config` as if it were empty.
pub(crate) fn build<M: Mechanism>(
    config: Option<&Node>,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<M> {
    let empty = Node::new(NodeValue::Mapping(Vec::new()), context.place.clone());
    let config = M::Config::decode(config.unwrap_or(&empty), &context.path, diagnostics)?;
    M::build(config, context, diagnostics)
}

/// Lays the `config` of a step over a mechanism of the catalogue.
pub(crate) fn with_override<M: Mechanism>(
    mechanism: &M,
    config: &Node,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<M> {
    let mut allowed = true;
    for (key, _) in config.entries().unwrap_or_default() {
        if !M::OVERRIDABLE.contains(&key.text.as_str()) {
            allowed = false;
            report_not_overridable::<M>(&key.text, &key.place, context, diagnostics);
        }
    }
    if M::OVERRIDABLE.is_empty() && config.entries().is_none() {
        allowed = false;
        report_not_overridable::<M>("config", &config.place, context, diagnostics);
    }
    if !allowed {
        return None;
    }
    let change = M::Override::decode(config, &context.path, diagnostics)?;
    mechanism.with_override(change, context, diagnostics)
}

fn report_not_overridable<M: Mechanism>(
    key: &str,
    place: &Place,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) {
    let expected = match M::OVERRIDABLE {
        [] => format!("no `config`: a step can not change anything of type `{}`", M::TYPE),
        keys => format!("one of {}", keys.join(", ")),
    };
    let diagnostic = Diagnostic::error(
        Code::OverrideNotAllowed,
        format!("`{}` can not be set in a step", context.path.key(key)),
        place,
    )
    .found(key)
    .expected(expected)
    .did_you_mean(did_you_mean(key, M::OVERRIDABLE.iter().copied()));
    diagnostics.push(if diagnostic.hint.is_none() {
        diagnostic.hint(match M::OVERRIDABLE {
            [] => "remove `config` from the step",
            _ => "set it in the catalogue, in a mechanism of its own if only this rule needs it",
        })
    } else {
        diagnostic
    });
}

/// Makes the closed set of the mechanisms of one kind: the enum, what each is called in the configuration, how one is
/// built and overridden, and the view of it as the kind's trait.
macro_rules! mechanisms {
    (
        $(#[$documentation:meta])*
        enum $kind:ident: $behaviour:ident {
            $($(#[$entry_documentation:meta])* $module:ident::$mechanism:ident,)+
        }
        later: [$($later:literal),*],
    ) => {
        $(#[$documentation])*
        #[derive(Clone, Debug)]
        pub enum $kind {
            $($(#[$entry_documentation])* $mechanism(std::sync::Arc<$module::$mechanism>),)+
        }

        impl $crate::mechanisms::MechanismKind for $kind {
            const KIND: $crate::rules::StepKind = $crate::rules::StepKind::$kind;
            const TYPES: &'static [&'static str] =
                &[$(<$module::$mechanism as $crate::mechanisms::Mechanism>::TYPE,)+];
            const LATER_TYPES: &'static [&'static str] = &[$($later),*];

            fn described(
                generator: &mut schemars::SchemaGenerator,
            ) -> Vec<$crate::mechanisms::DescribedMechanism> {
                vec![$($crate::mechanisms::described::<$module::$mechanism>(Self::KIND, generator),)+]
            }

            fn build(
                type_name: &str,
                config: Option<&$crate::document::Node>,
                context: &$crate::mechanisms::BuildContext<'_>,
                diagnostics: &mut $crate::document::Diagnostics,
            ) -> Option<Self> {
                $(
                    if type_name == <$module::$mechanism as $crate::mechanisms::Mechanism>::TYPE {
                        return $crate::mechanisms::build(config, context, diagnostics)
                            .map(std::sync::Arc::new)
                            .map(Self::$mechanism);
                    }
                )+
                None
            }

            fn with_override(
                &self,
                config: &$crate::document::Node,
                context: &$crate::mechanisms::BuildContext<'_>,
                diagnostics: &mut $crate::document::Diagnostics,
            ) -> Option<Self> {
                match self {
                    $(Self::$mechanism(mechanism) => {
                        $crate::mechanisms::with_override(&**mechanism, config, context, diagnostics)
                            .map(std::sync::Arc::new)
                            .map(Self::$mechanism)
                    })+
                }
            }

            fn published_keys(&self) -> &[$crate::published_keys::PublishedKey] {
                match self {
                    $(Self::$mechanism(mechanism) => {
                        $crate::mechanisms::Mechanism::published_keys(&**mechanism)
                    })+
                }
            }
        }

        impl $kind {
            /// What the mechanism does.
            pub(crate) fn behaviour(&self) -> &dyn $behaviour {
                match self {
                    $(Self::$mechanism(mechanism) => &**mechanism,)+
                }
            }

            /// `type` in the configuration.
            #[must_use]
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$mechanism(_) => <$module::$mechanism as $crate::mechanisms::Mechanism>::TYPE,)+
                }
            }
        }
    };
}
pub(crate) use mechanisms;
