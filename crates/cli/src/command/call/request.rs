//! The request: method, headers, body.

use std::io::Read;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

use super::Call;

/// Method and body. The body is held as a whole, so that it can be sent again after a nonce challenge.
pub(crate) struct Payload {
    pub(crate) method: Method,
    pub(crate) body: Option<Bytes>,
}

impl Payload {
    /// Reads the parts of the body as `--data` gives them. Without a method it is GET, or POST with a body.
    pub(crate) fn read(method: Option<&Method>, data: &[String]) -> Result<Self> {
        let mut body: Option<Vec<u8>> = None;
        for part in data {
            let part = match part.strip_prefix('@') {
                None => part.clone().into_bytes(),
                Some("-") => {
                    let mut read = Vec::new();
                    std::io::stdin().lock().read_to_end(&mut read).context("read standard input")?;
                    read
                }
                Some(file) => std::fs::read(file).with_context(|| format!("read {file}"))?,
            };
            match &mut body {
                None => body = Some(part),
                Some(body) => {
                    body.push(b'&');
                    body.extend(part);
                }
            }
        }
        let method = match (method, &body) {
            (Some(method), _) => method.clone(),
            (None, Some(_)) => Method::POST,
            (None, None) => Method::GET,
        };
        Ok(Self { method, body: body.map(Bytes::from) })
    }
}

impl Call<'_> {
    pub(super) fn request(&self, proof: Option<&str>) -> Result<Request<Bytes>> {
        let args = self.args;
        let mut request = Request::new(self.payload.body.clone().unwrap_or_default());
        *request.method_mut() = self.payload.method.clone();
        *request.uri_mut() = args.url.clone();
        let headers = request.headers_mut();
        if self.payload.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        let credentials = format!("{} {}", args.deviations.scheme, self.token.as_str());
        let mut credentials = HeaderValue::try_from(credentials).context("--scheme is no scheme")?;
        credentials.set_sensitive(true);
        headers.insert(AUTHORIZATION, credentials);
        if let Some(proof) = proof {
            let mut proof = HeaderValue::try_from(proof).context("the proof fits no header")?;
            proof.set_sensitive(true);
            headers.insert(dpop::DPOP, proof);
        }
        for (name, value) in &args.headers {
            if *name == CONTENT_TYPE {
                headers.remove(CONTENT_TYPE);
            }
            headers.append(name, value.clone());
        }
        Ok(request)
    }
}

/// `Name: value`, as curl takes it.
pub(crate) fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    let name = name.trim().parse().map_err(|_| "not a header name".to_owned())?;
    let value = value.trim().parse().map_err(|_| "not a header value".to_owned())?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_headers_as_curl_does() {
        let (name, value) = parse_header("X-Api-Version:  2 ").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-api-version", "2"));
        for bad in ["no colon", "sp ace: x", "a: b\nc: d"] {
            assert!(parse_header(bad).is_err(), "{bad}");
        }
    }
}
