//! Rules: reading them, finding the one for a request, and where it sends the request.
//!
//! What lives here knows nothing of mechanisms: a rule's pipeline is a list of [`rule::StepDefinition`]s, which `pipeline`
//! turns into something that runs. [`index::RuleIndex`] finds a rule by its position, so both sides keep their own lists.
//!
//! The way of a file: `document::Node` → [`dialect`] → [`rule::RuleSet`] → [`index::RuleIndex`]. The way of a request:
//! [`host::check`], [`normal_path::NormalPath`], the tree, then method, scheme and conditions of each candidate, then
//! [`rewrite`].

pub mod condition;
pub mod conversion;
pub mod dialect;
pub mod forwarding_policy;
pub mod host;
pub mod index;
pub mod method_set;
pub mod nearest;
pub mod normal_form;
pub mod normal_path;
pub mod path_pattern;
mod path_trie;
pub mod rewrite;
pub mod rule;
pub mod written;

pub use dialect::{decode_default_rule, decode_rule_set};
pub use index::{Lookup, RuleIndex};
pub use rule::{
    DEFAULT_PRINCIPAL, DefaultRuleDefinition, EncodedSlashes, ForwardTo, ForwardedCredentials,
    RuleDefinition, RuleSet, StepDefinition, StepKind,
};
