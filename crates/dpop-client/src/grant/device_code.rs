//! The device authorization grant (RFC 8628): the user logs in on another device, the client asks until he has.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use jose::{
    UnixTime,
    json::{self, JsonError},
};
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    client::ClientError,
    form::Parameters,
    grant::Grant,
    http_client::HttpError,
    origin::Origin,
    token_set::{TokenError, printable, refusal},
};

/// The interval of a server that names none (RFC 8628 §3.2).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// What `slow_down` adds (RFC 8628 §3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// No server makes this client wait longer between two questions.
const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// No server keeps this client asking for longer, whatever `expires_in` says.
const MAX_LIFE: Duration = Duration::from_secs(30 * 60);

/// What the user has to do, and how long the client may ask whether he did. `Debug` hides the device code.
pub struct DeviceAuthorization {
    device_code: Zeroizing<String>,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_at: UnixTime,
    interval: Duration,
}

/// Why a device can not be authorized.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeviceAuthorizationError {
    /// The authorization server said no.
    #[error(transparent)]
    Refused(TokenError),
    /// The answer has not the members of RFC 8628 §3.2.
    #[error("the answer of the device authorization endpoint is malformed")]
    Malformed(#[source] JsonError),
    /// Where the user is to go is not https, nor this machine: he would type his password there.
    #[error("the page to log in at is not an https URL")]
    UnsafePage,
    /// The user did not log in in time.
    #[error("nobody logged in before the code expired")]
    Expired,
}

#[derive(Deserialize)]
struct Document {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

impl DeviceAuthorization {
    /// Reads the answer of a device authorization endpoint.
    ///
    /// # Errors
    ///
    /// [`DeviceAuthorizationError`].
    pub fn from_response(
        response: &Response<Bytes>,
        now: UnixTime,
    ) -> Result<Self, DeviceAuthorizationError> {
        if response.status() != StatusCode::OK {
            return Err(DeviceAuthorizationError::Refused(refusal(response)));
        }
        let document: Document = json::from_slice(response.body(), json::MAX_DEPTH)
            .map_err(DeviceAuthorizationError::Malformed)?;
        for page in [Some(&document.verification_uri), document.verification_uri_complete.as_ref()] {
            if !page.is_none_or(|page| is_safe(page)) {
                return Err(DeviceAuthorizationError::UnsafePage);
            }
        }
        let life = Duration::from_secs(document.expires_in).min(MAX_LIFE);
        let interval = document.interval.map_or(DEFAULT_INTERVAL, Duration::from_secs);
        Ok(Self {
            device_code: document.device_code.into(),
            user_code: printable(&document.user_code),
            verification_uri: document.verification_uri,
            verification_uri_complete: document.verification_uri_complete,
            expires_at: now.saturating_add(life),
            interval: interval.clamp(Duration::from_secs(1), MAX_INTERVAL),
        })
    }

    /// What the user types, in printable ASCII.
    #[must_use]
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where he types it.
    #[must_use]
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// A page that knows the code already, for a QR code or a link.
    #[must_use]
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.verification_uri_complete.as_deref()
    }

    /// When it is too late.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// How long to wait before the first question.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// What the token endpoint is asked with.
    #[must_use]
    pub fn grant(&self) -> DeviceCodeGrant {
        DeviceCodeGrant { device_code: self.device_code.clone() }
    }

    /// How long to wait before the next question, after one that ended with `error` (RFC 8628 §3.5).
    ///
    /// # Errors
    ///
    /// The error itself when it is final, [`DeviceAuthorizationError::Expired`] when there is no time left.
    pub fn next_question(&mut self, error: ClientError, now: UnixTime) -> Result<Duration, ClientError> {
        match &error {
            ClientError::Token(TokenError::Refused { error: code, .. })
                if code == "authorization_pending" => {}
            ClientError::Token(TokenError::Refused { error: code, .. }) if code == "slow_down" => {
                self.interval = (self.interval + SLOW_DOWN).min(MAX_INTERVAL);
            }
            // "On encountering a connection timeout, clients MUST unilaterally reduce their polling frequency".
            ClientError::Http(HttpError::TimedOut { .. } | HttpError::Unreachable { .. }) => {
                self.interval = (self.interval * 2).min(MAX_INTERVAL);
            }
            _ => return Err(error),
        }
        if now.saturating_add(self.interval) >= self.expires_at {
            return Err(DeviceAuthorizationError::Expired.into());
        }
        Ok(self.interval)
    }
}

/// A page that a user may be sent to: printable, and protected by TLS unless it is this machine.
fn is_safe(page: &str) -> bool {
    page.bytes().all(|byte| byte.is_ascii_graphic())
        && page
            .parse::<Uri>()
            .ok()
            .and_then(|uri| Origin::of(&uri).ok())
            .is_some_and(|origin| origin.is_https() || origin.is_loopback())
}

impl std::fmt::Debug for DeviceAuthorization {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DeviceAuthorization")
            .field("verification_uri", &self.verification_uri)
            .field("expires_at", &self.expires_at)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

/// Asks for the tokens of a device. `Debug` hides the code.
pub struct DeviceCodeGrant {
    device_code: Zeroizing<String>,
}

impl Grant for DeviceCodeGrant {
    fn parameters(&self) -> Parameters<'_> {
        vec![
            ("grant_type", Cow::from("urn:ietf:params:oauth:grant-type:device_code")),
            ("device_code", Cow::from(self.device_code.as_str())),
        ]
    }
}

impl std::fmt::Debug for DeviceCodeGrant {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DeviceCodeGrant").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_784_444_400);

    fn document() -> Value {
        json!({
            "device_code": "the-secret-code",
            "user_code": "WDJB-MJHT",
            "verification_uri": "https://as.example.com/device",
            "verification_uri_complete": "https://as.example.com/device?user_code=WDJB-MJHT",
            "expires_in": 600,
            "interval": 5,
        })
    }

    fn read(document: &Value) -> Result<DeviceAuthorization, DeviceAuthorizationError> {
        DeviceAuthorization::from_response(&Response::new(Bytes::from(document.to_string())), NOW)
    }

    fn refused(error: &str) -> ClientError {
        let status = StatusCode::BAD_REQUEST;
        TokenError::Refused { status, error: error.to_owned(), description: None }.into()
    }

    #[test]
    fn asks_at_the_pace_of_the_server() {
        let mut device = read(&document()).unwrap();
        assert_eq!((device.user_code(), device.interval().as_secs()), ("WDJB-MJHT", 5));
        let mut pause = |error| device.next_question(error, NOW).unwrap().as_secs();
        assert_eq!(pause(refused("authorization_pending")), 5);
        assert_eq!(pause(refused("slow_down")), 10);
        assert_eq!(pause(refused("authorization_pending")), 10);
        assert_eq!(pause(HttpError::TimedOut { host: "as".into() }.into()), 20);
        for _ in 0..100 {
            assert!(pause(refused("slow_down")) <= 60);
        }
    }

    #[test]
    fn ends_when_the_user_or_the_time_says_so() {
        for error in ["access_denied", "expired_token", "invalid_grant"] {
            let error = read(&document()).unwrap().next_question(refused(error), NOW).unwrap_err();
            assert!(matches!(error, ClientError::Token(TokenError::Refused { .. })));
        }
        let mut device = read(&document()).unwrap();
        let late = NOW.saturating_add(Duration::from_secs(596));
        let error = device.next_question(refused("authorization_pending"), late).unwrap_err();
        assert!(matches!(error, ClientError::DeviceAuthorization(DeviceAuthorizationError::Expired)));
    }

    #[test]
    fn limits_what_a_hostile_server_can_ask() {
        let with = |name: &str, value: Value| {
            let mut document = document();
            document[name] = value;
            read(&document)
        };
        let device = with("expires_in", json!(u64::MAX)).unwrap();
        assert_eq!(device.expires_at(), NOW.saturating_add(MAX_LIFE));
        assert_eq!(with("interval", json!(u64::MAX)).unwrap().interval(), MAX_INTERVAL);
        assert_eq!(with("interval", json!(0)).unwrap().interval(), Duration::from_secs(1));
        assert_eq!(with("user_code", json!("A\u{1b}[2J")).unwrap().user_code(), "A?[2J");
        for page in ["http://as.example.com/device", "javascript:alert(1)", "/device", "https://a/\u{7}"] {
            for name in ["verification_uri", "verification_uri_complete"] {
                let error = with(name, json!(page)).unwrap_err();
                assert!(matches!(error, DeviceAuthorizationError::UnsafePage), "{name} {page}");
            }
        }
        assert!(with("verification_uri", json!("http://127.0.0.1:8080/device")).is_ok());
        assert!(matches!(with("device_code", Value::Null), Err(DeviceAuthorizationError::Malformed(_))));
    }

    #[test]
    fn shows_no_code() {
        let device = read(&document()).unwrap();
        assert!(!format!("{device:?} {:?}", device.grant()).contains("the-secret-code"));
    }
}
