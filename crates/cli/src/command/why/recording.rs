//! A recorded exchange: from a HAR file, as browsers and proxies save it, or from what `curl -v` printed.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, Result, bail};
use http::StatusCode;
use jose::UnixTime;
use serde::Deserialize;

use crate::human_time;

/// Larger files are not read.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What was sent and answered, as far as it matters here.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) url: String,
    pub(super) method: String,
    /// The `Authorization` field; empty when there was none.
    pub(super) authorization: String,
    pub(super) proof: String,
    pub(super) status: Option<StatusCode>,
    /// All `WWW-Authenticate` lines, joined.
    pub(super) www_authenticate: Option<String>,
    /// The `Date` of the answer, else the time of the recording.
    pub(super) at: Option<UnixTime>,
}

/// Header lines, in their order.
type Lines = Vec<(String, String)>;

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<String>,
    request: HarRequest,
    response: HarResponse,
}

#[derive(Deserialize)]
struct HarRequest {
    method: String,
    url: String,
    headers: Vec<HarHeader>,
}

#[derive(Deserialize)]
struct HarResponse {
    status: u16,
    headers: Vec<HarHeader>,
}

#[derive(Deserialize)]
struct HarHeader {
    name: String,
    value: String,
}

impl Recording {
    /// One exchange of a HAR file: the `wanted` one, counted from 1, else the last with a proof.
    pub(super) fn read_har(path: &Path, wanted: Option<usize>) -> Result<Self> {
        let text = read(path)?;
        Self::from_har(&text, wanted).with_context(|| format!("read {}", path.display()))
    }

    fn from_har(text: &str, wanted: Option<usize>) -> Result<Self> {
        // The cause is left out: it may quote what was read.
        let Some(har) = serde_json::from_str::<Har>(text).ok() else { bail!("not a HAR file") };
        let has_proof = |entry: &&Entry| entry.request.headers.iter().any(|line| is(&line.name, "dpop"));
        let entries = har.log.entries;
        let entry = match wanted {
            Some(number) => number.checked_sub(1).and_then(|index| entries.get(index)),
            None => entries.iter().rfind(has_proof),
        };
        let Some(entry) = entry else {
            bail!(
                "no such exchange: {} are recorded, {} with a DPoP header. Browsers leave credentials out of a HAR file \
                   unless it is saved with sensitive data",
                entries.len(),
                entries.iter().filter(has_proof).count()
            );
        };
        let lines = |headers: &[HarHeader]| -> Lines {
            headers.iter().map(|line| (line.name.clone(), line.value.clone())).collect()
        };
        let started = entry.started_date_time.as_deref().and_then(|time| human_time::parse(time).ok());
        Self::of(
            &entry.request.url,
            &entry.request.method,
            &lines(&entry.request.headers),
            StatusCode::from_u16(entry.response.status).ok(),
            &lines(&entry.response.headers),
            started,
        )
    }

    /// The last exchange of what `curl -v` printed.
    pub(super) fn read_curl(path: &Path) -> Result<Self> {
        let text = read(path)?;
        Self::from_curl(&text).with_context(|| format!("read {}", path.display()))
    }

    fn from_curl(text: &str) -> Result<Self> {
        let (mut request, mut answer): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        let mut has_tls = false;
        for line in text.lines().map(str::trim_end) {
            has_tls |=
                line.starts_with('*') && (line.contains("SSL connection using") || line.contains("ALPN"));
            if let Some(sent) = line.strip_prefix("> ") {
                // A request line begins the next exchange.
                if sent.ends_with(" HTTP/1.1") || sent.ends_with(" HTTP/2") || sent.ends_with(" HTTP/1.0") {
                    request.clear();
                    answer.clear();
                }
                request.push(sent);
            } else if let Some(received) = line.strip_prefix("< ") {
                // An interim answer (100) is followed by the one that counts.
                if received.starts_with("HTTP/") {
                    answer.clear();
                }
                answer.push(received);
            }
        }
        let mut first = request.first().copied().unwrap_or_default().split(' ');
        let (Some(method), Some(target)) = (first.next().filter(|method| !method.is_empty()), first.next())
        else {
            bail!("no request in it: expected what `curl -v` prints");
        };
        let (sent, received) = (lines(&request), lines(&answer));
        let host = values(&sent, "host").into_iter().next().context("the request has no Host line")?;
        let scheme = if has_tls { "https" } else { "http" };
        let status = answer.first().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        Self::of(&format!("{scheme}://{host}{target}"), method, &sent, status, &received, None)
    }

    fn of(
        url: &str,
        method: &str,
        sent: &Lines,
        status: Option<StatusCode>,
        received: &Lines,
        recorded_at: Option<UnixTime>,
    ) -> Result<Self> {
        let one = |name: &str| -> Result<String> {
            let found = values(sent, name);
            match found.as_slice() {
                [] => Ok(String::new()),
                [value] => Ok((*value).to_owned()),
                several => {
                    bail!("the request has {} {name} headers: a server refuses that", several.len())
                }
            }
        };
        let challenges = values(received, "www-authenticate");
        let date = values(received, "date").first().and_then(|date| human_time::parse(date).ok());
        Ok(Self {
            url: url.to_owned(),
            method: method.to_owned(),
            authorization: one("authorization")?,
            proof: one("dpop")?,
            status,
            www_authenticate: (!challenges.is_empty()).then(|| challenges.join(", ")),
            at: date.or(recorded_at),
        })
    }

    /// Scheme and token of the `Authorization` field.
    pub(super) fn credentials(&self) -> (&str, &str) {
        self.authorization.split_once(' ').unwrap_or((&self.authorization, ""))
    }
}

fn read(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("read {}", path.display()))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).with_context(|| format!("read {}", path.display()))?;
    if text.len() as u64 > MAX_BYTES {
        bail!("{} is longer than {MAX_BYTES} bytes", path.display());
    }
    Ok(text)
}

fn lines(head: &[&str]) -> Lines {
    let split =
        |line: &&str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    head.iter().skip(1).filter_map(split).collect()
}

fn values<'a>(lines: &'a Lines, wanted: &str) -> Vec<&'a str> {
    lines.iter().filter(|(name, _)| is(name, wanted)).map(|(_, value)| value.as_str()).collect()
}

fn is(name: &str, wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(url: &str, headers: &[(&str, &str)]) -> serde_json::Value {
        let lines = |lines: &[(&str, &str)]| -> Vec<_> {
            lines.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
        };
        json!({
            "startedDateTime": "2026-07-19T07:00:00.123Z",
            "request": {"method": "POST", "url": url, "headers": lines(headers), "bodySize": 0},
            "response": {"status": 401, "headers": lines(&[("WWW-Authenticate", "DPoP a=\"b\""), ("www-authenticate", "Bearer")])},
        })
    }

    #[test]
    fn takes_the_last_exchange_with_a_proof() {
        let sent = [("Authorization", "DPoP tok"), ("DPoP", "a.b.c")];
        let har = json!({"log": {"version": "1.2", "entries": [
            entry("https://api/first", &sent), entry("https://api/second", &sent), entry("https://api/image", &[]),
        ]}})
        .to_string();
        let found = Recording::from_har(&har, None).unwrap();
        assert_eq!((found.url.as_str(), found.method.as_str()), ("https://api/second", "POST"));
        assert_eq!((found.credentials(), found.proof.as_str()), (("DPoP", "tok"), "a.b.c"));
        assert_eq!(found.www_authenticate.as_deref(), Some("DPoP a=\"b\", Bearer"));
        assert_eq!(found.at.map(UnixTime::as_seconds), Some(1_784_444_400));
        assert_eq!(Recording::from_har(&har, Some(1)).unwrap().url, "https://api/first");
        for number in [0, 4] {
            let error = Recording::from_har(&har, Some(number)).unwrap_err().to_string();
            assert!(error.contains("3 are recorded, 2 with a DPoP header"), "{error}");
        }
        assert!(Recording::from_har("{\"secret\"", None).unwrap_err().to_string() == "not a HAR file");
    }

    #[test]
    fn refuses_two_proofs_at_once() {
        let har = json!({"log": {"entries": [entry("https://a/", &[("dpop", "a.b.c"), ("DPoP", "d.e.f")])]}});
        let error = Recording::from_har(&har.to_string(), None).unwrap_err().to_string();
        assert!(error.contains("2 dpop headers"), "{error}");
    }

    #[test]
    fn reads_what_curl_prints() {
        let transcript = "\
* Connected to api.example.com (192.0.2.1) port 443\r
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384\r
> GET /things?page=2 HTTP/1.1\r
> Host: api.example.com\r
> Authorization: DPoP tok\r
> DPoP: a.b.c\r
>\r
< HTTP/1.1 100 Continue\r
<\r
< HTTP/1.1 401 Unauthorized\r
< Date: Sun, 19 Jul 2026 07:00:00 GMT\r
< WWW-Authenticate: DPoP error=\"use_dpop_nonce\"\r
<\r
{}";
        let found = Recording::from_curl(transcript).unwrap();
        assert_eq!(found.url, "https://api.example.com/things?page=2");
        assert_eq!((found.method.as_str(), found.status), ("GET", Some(StatusCode::UNAUTHORIZED)));
        assert_eq!((found.credentials(), found.proof.as_str()), (("DPoP", "tok"), "a.b.c"));
        assert_eq!(found.at.map(UnixTime::as_seconds), Some(1_784_444_400));
        assert!(Recording::from_curl("HTTP/1.1 200 OK").is_err());
    }
}
