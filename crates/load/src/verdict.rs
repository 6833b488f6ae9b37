//! What an answer means.

use http::StatusCode;

/// Whether a request got past the check of its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It did. An answer like 404 is the resource's own: nobody but it says so.
    Accepted,
    /// It did not.
    Refused,
    /// Nobody can tell: the server failed, or there is no answer.
    Failed,
}

impl Verdict {
    pub(crate) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::Refused,
            status if status.is_server_error() => Self::Failed,
            _ => Self::Accepted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_are_refusals() {
        for (status, verdict) in [
            (200, Verdict::Accepted),
            (302, Verdict::Accepted),
            (404, Verdict::Accepted),
            (400, Verdict::Refused),
            (401, Verdict::Refused),
            (403, Verdict::Refused),
            (429, Verdict::Refused),
            (431, Verdict::Refused),
            (500, Verdict::Failed),
            (503, Verdict::Failed),
        ] {
            assert_eq!(Verdict::of(StatusCode::from_u16(status).unwrap()), verdict, "{status}");
        }
    }
}
