//! What each template and each expression may read. One list for all places: a name that stands here and is not given when
//! it is read, or the reverse, is a mistake in this file or beside its user.

use crate::{expression::Variable, template::OfferedNames};

/// Templates of the endpoints of keys, introspection and discovery.
pub const TOKEN_ISSUER: OfferedNames = &["TokenIssuer"];
/// Templates of the `generic` authenticator.
pub const AUTHENTICATION_DATA: OfferedNames = &["AuthenticationData"];
/// Templates under `values`.
pub const VALUES: OfferedNames = &["Request", "Subject", "Outputs", "Results"];
/// Templates under `values` of error handlers.
pub const ERROR_HANDLER_VALUES: OfferedNames = &["Request"];
/// The `payload` of `remote` and `generic`.
pub const PAYLOAD: OfferedNames = &["Request", "Subject", "Values", "Outputs", "Results"];
/// URL and headers of the endpoints of `remote` and `generic`.
pub const ENDPOINT: OfferedNames = &["Request", "Subject", "Values", "Outputs", "Results"];
/// The `items` of `map`.
pub const ITEMS: OfferedNames = &["Request", "Subject", "Values", "Outputs", "Results"];
/// The `headers` and `cookies` of finalizers.
pub const UPSTREAM_FIELDS: OfferedNames = &["Request", "Subject", "Outputs", "Results"];
/// The `claims` of the `jwt` finalizer.
pub const CLAIMS: OfferedNames = &["Request", "Subject", "Outputs", "Results", "Values"];
/// Headers and body of the `generic` error handler.
pub const REFUSAL: OfferedNames = &["Request", "Values"];
/// The target of the `redirect` error handler.
pub const REDIRECT: OfferedNames = &["Request"];

/// `if` of a step.
pub const CONDITION: &[Variable] = &[Variable::Request, Variable::Subject, Variable::Outputs];
/// `if` of an error handler.
pub const ERROR_CONDITION: &[Variable] = &[Variable::Request, Variable::Error];
/// The expressions of the `cel` authorizer.
pub const CEL: &[Variable] = &[Variable::Request, Variable::Subject, Variable::Outputs, Variable::Values];
/// The expressions about a remote answer.
pub const REMOTE: &[Variable] = &[Variable::Payload];
