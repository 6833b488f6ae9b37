//! Answers that are kept: as they are shared between callers, and as bytes in the cache.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use jose::{UnixTime, base64url};
use serde::{Deserialize, Serialize};

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer in the cache.
#[derive(Serialize, Deserialize)]
struct Entry {
    fresh_until: i64,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    pub(super) fn of(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    /// The answer as bytes. Headers that are no text are left out.
    pub(super) fn to_bytes(&self, fresh_until: UnixTime) -> Option<Bytes> {
        let headers = self.headers.iter();
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let entry = Entry {
            fresh_until: fresh_until.as_seconds(),
            status: self.status.as_u16(),
            headers,
            body: base64url::encode(&self.body),
        };
        serde_json::to_vec(&entry).ok().map(Bytes::from)
    }

    /// The answer in these bytes, while it is fresh.
    pub(super) fn of_bytes(bytes: &[u8], now: UnixTime) -> Option<Self> {
        let entry: Entry = serde_json::from_slice(bytes).ok()?;
        if UnixTime::from_seconds(entry.fresh_until) <= now {
            return None;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in entry.headers {
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        }
        Some(Self {
            status: StatusCode::from_u16(entry.status).ok()?,
            headers,
            body: Bytes::from(base64url::decode(entry.body).ok()?),
        })
    }
}
