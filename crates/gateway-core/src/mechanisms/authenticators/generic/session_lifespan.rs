//! `session_lifespan`: what of an endpoint's answer says whether a session is good now.
//!
//! A member that is configured and not there, or not readable, speaks against the session.

use std::time::Duration;

use go_template::Time;
use jose::UnixTime;
use serde_json::Value;
use thiserror::Error;

use crate::{
    document::{ConfigDuration, Decode, Diagnostics, KeyPath, MapReader, Node, schema::JsonPathText},
    json_path::JsonPath,
    mechanisms::authenticators::access_token::principal::decode_path,
};

/// heimdall's default leeway.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(10);

/// Where the answer says what.
#[derive(Debug, Clone)]
pub(super) struct SessionLifespan {
    active: Option<JsonPath>,
    issued_at: Option<JsonPath>,
    not_before: Option<JsonPath>,
    not_after: Option<JsonPath>,
    /// Go's layout; without it whole seconds since 1970.
    time_format: Option<String>,
    leeway: Duration,
}

/// How long a session is good.
#[derive(schemars::JsonSchema)]
#[schemars(rename = "SessionLifespan")]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct WrittenSessionLifespan {
    /// The member that is `true` while the session is good.
    active: Option<JsonPathText>,
    /// The member with the time at which it was made.
    issued_at: Option<JsonPathText>,
    /// The member with the time from which it is good.
    not_before: Option<JsonPathText>,
    /// The member with the time at which it ends.
    not_after: Option<JsonPathText>,
    /// The layout of these times in Go's notation, such as `2006-01-02T15:04:05Z07:00`; without it they are seconds since
    /// 1970.
    time_format: Option<String>,
    /// How much clocks may differ.
    #[schemars(extend("default" = "10s"))]
    validity_leeway: Option<ConfigDuration>,
}

/// Why a session is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum SessionError {
    #[error("the session is not active")]
    NotActive,
    #[error("the session's `{0}` is missing or no time")]
    NoTime(&'static str),
    #[error("the session is not good yet")]
    NotYet,
    #[error("the session has ended")]
    Ended,
}

impl Decode for SessionLifespan {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let lifespan = Self {
            active: reader.optional_with("active", decode_path),
            issued_at: reader.optional_with("issued_at", decode_path),
            not_before: reader.optional_with("not_before", decode_path),
            not_after: reader.optional_with("not_after", decode_path),
            time_format: reader.optional("time_format"),
            leeway: reader.or("validity_leeway", ConfigDuration(DEFAULT_LEEWAY)).as_duration(),
        };
        reader.finish();
        Some(lifespan)
    }
}

impl SessionLifespan {
    pub(super) fn check(&self, answer: &Value, now: UnixTime) -> Result<(), SessionError> {
        if let Some(active) = &self.active
            && active.find(answer) != Some(&Value::Bool(true))
        {
            return Err(SessionError::NotActive);
        }
        let latest_start = now.saturating_add(self.leeway);
        for (name, path) in [("issued_at", &self.issued_at), ("not_before", &self.not_before)] {
            if self.time(name, path.as_ref(), answer)?.is_some_and(|time| time > latest_start) {
                return Err(SessionError::NotYet);
            }
        }
        let end = self.time("not_after", self.not_after.as_ref(), answer)?;
        if end.is_some_and(|end| end.saturating_add(self.leeway) <= now) {
            return Err(SessionError::Ended);
        }
        Ok(())
    }

    fn time(
        &self,
        name: &'static str,
        path: Option<&JsonPath>,
        answer: &Value,
    ) -> Result<Option<UnixTime>, SessionError> {
        let Some(path) = path else { return Ok(None) };
        let value = path.find(answer).ok_or(SessionError::NoTime(name))?;
        let time = match (&self.time_format, value) {
            (None, Value::Number(_)) => UnixTime::from_numeric_date(value),
            (None, Value::String(text)) => text.parse().ok().map(UnixTime::from_seconds),
            (Some(layout), Value::String(text)) => {
                Time::parse(layout, text).map(|time| UnixTime::from_seconds(time.unix_seconds()))
            }
            _ => None,
        };
        time.map(Some).ok_or(SessionError::NoTime(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[track_caller]
    fn check(time_format: Option<&str>, answer: Value, expected: Result<(), SessionError>) {
        let path = |name| Some(JsonPath::parse(name).unwrap());
        let lifespan = SessionLifespan {
            active: path("active"),
            issued_at: None,
            not_before: path("nbf"),
            not_after: path("exp"),
            time_format: time_format.map(str::to_owned),
            leeway: Duration::from_secs(10),
        };
        assert_eq!(lifespan.check(&answer, UnixTime::from_seconds(NOW)), expected, "{answer}");
    }

    #[test]
    fn times_count_with_leeway() {
        let good = Ok(());
        check(None, json!({"active": true, "nbf": NOW + 10, "exp": NOW - 9}), good);
        check(None, json!({"active": true, "nbf": NOW + 11, "exp": NOW + 60}), Err(SessionError::NotYet));
        check(None, json!({"active": true, "nbf": NOW, "exp": NOW - 10}), Err(SessionError::Ended));
        check(None, json!({"active": true, "nbf": "0", "exp": (NOW + 1).to_string()}), good);
        let layout = Some("2006-01-02T15:04:05Z07:00");
        let day = |day: u8| format!("2023-11-{day}T00:00:00+01:00");
        check(layout, json!({"active": true, "nbf": day(14), "exp": day(16)}), good);
        check(layout, json!({"active": true, "nbf": day(13), "exp": day(14)}), Err(SessionError::Ended));
    }

    #[test]
    fn what_is_missing_or_unreadable_speaks_against_the_session() {
        let no_end = Err(SessionError::NoTime("not_after"));
        check(None, json!({"nbf": NOW, "exp": NOW}), Err(SessionError::NotActive));
        check(None, json!({"active": "true", "nbf": NOW, "exp": NOW}), Err(SessionError::NotActive));
        check(None, json!({"active": true, "nbf": NOW}), no_end);
        check(None, json!({"active": true, "nbf": NOW, "exp": "soon"}), no_end);
        check(None, json!({"active": true, "nbf": NOW, "exp": null}), no_end);
        check(Some("2006"), json!({"active": true, "nbf": "2000", "exp": NOW}), no_end);
    }
}
