//! Types of errors, as conditions of error handlers compare them: `type(Error) == authentication_error`.

use crate::{denial::DenialKind, mechanisms::step::Failure};

/// A set of error types. Two are equal for `==` when they have one in common: an error is of its own type and of those of
/// its causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ErrorTypes(u8);

/// What a condition can compare with: name and set.
pub(super) const CONSTANTS: [(&str, ErrorTypes); 5] = [
    ("authentication_error", AUTHENTICATION),
    ("authorization_error", AUTHORIZATION),
    ("communication_error", COMMUNICATION),
    ("internal_error", INTERNAL),
    ("precondition_error", PRECONDITION),
];

const AUTHENTICATION: ErrorTypes = ErrorTypes(1);
const AUTHORIZATION: ErrorTypes = ErrorTypes(2);
const COMMUNICATION: ErrorTypes = ErrorTypes(4);
const INTERNAL: ErrorTypes = ErrorTypes(8);
const PRECONDITION: ErrorTypes = ErrorTypes(16);

impl ErrorTypes {
    /// The types of a failure. Who sends no credentials fails to authenticate because a precondition is not met.
    pub(super) fn of(failure: &Failure) -> Self {
        match failure.kind {
            DenialKind::Authentication if failure.reason == "no_credentials" => {
                AUTHENTICATION.and(PRECONDITION)
            }
            DenialKind::Authentication => AUTHENTICATION,
            DenialKind::Authorization => AUTHORIZATION,
            DenialKind::Precondition
            | DenialKind::BadRequest
            | DenialKind::PayloadTooLarge
            | DenialKind::RequestTimeout
            | DenialKind::NoRule => PRECONDITION,
            DenialKind::Communication
            | DenialKind::CommunicationTimeout
            | DenialKind::ReplayStoreUnavailable => COMMUNICATION,
            DenialKind::Internal => INTERNAL,
        }
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
