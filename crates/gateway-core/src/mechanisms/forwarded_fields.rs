//! `forward_headers` and `forward_cookies`: parts of the client's request that go along with a call to an endpoint.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use super::finalizers::header::header_name;
use crate::{
    document::{Code, Diagnostic, Diagnostics, KeyPath, Spanned},
    request::Request,
};

/// Names of header fields and cookies.
#[derive(Debug, Clone, Default)]
pub(crate) struct ForwardedFields {
    headers: Vec<HeaderName>,
    cookies: Vec<String>,
}

impl ForwardedFields {
    /// Checks the names; `None` after an error was added to `diagnostics`. `path` is the way to the mechanism's settings.
    pub(crate) fn build(
        headers: &[Spanned<String>],
        cookies: &[Spanned<String>],
        path: &KeyPath,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let header_path = path.key("forward_headers");
        let headers: Vec<Option<HeaderName>> = headers
            .iter()
            .map(|name| {
                let parsed = header_name(name, &header_path, diagnostics)?;
                if parsed == header::HOST {
                    report(
                        name,
                        &header_path,
                        "a header other than `Host`, which is the endpoint's",
                        diagnostics,
                    );
                    return None;
                }
                Some(parsed)
            })
            .collect();
        let cookie_path = path.key("forward_cookies");
        let cookies: Vec<Option<String>> = cookies
            .iter()
            .map(|name| {
                let is_name = HeaderName::from_bytes(name.value.as_bytes()).is_ok();
                if !is_name {
                    report(name, &cookie_path, "the name of a cookie", diagnostics);
                }
                is_name.then(|| name.value.clone())
            })
            .collect();
        Some(Self {
            headers: headers.into_iter().collect::<Option<_>>()?,
            cookies: cookies.into_iter().collect::<Option<_>>()?,
        })
    }

    /// The same with the lists that a step replaces.
    pub(crate) fn changed(
        &self,
        headers: Option<&[Spanned<String>]>,
        cookies: Option<&[Spanned<String>]>,
        path: &KeyPath,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let written =
            Self::build(headers.unwrap_or_default(), cookies.unwrap_or_default(), path, diagnostics)?;
        Some(Self {
            headers: if headers.is_some() { written.headers } else { self.headers.clone() },
            cookies: if cookies.is_some() { written.cookies } else { self.cookies.clone() },
        })
    }

    /// Copies what the client sent; what it did not send is not there.
    pub(crate) fn copy(&self, from: &Request, to: &mut http::Request<Bytes>) {
        for name in &self.headers {
            let values = from.headers.get_all(name);
            if values.iter().next().is_some() {
                to.headers_mut().remove(name);
            }
            for value in values {
                let mut value = value.clone();
                value.set_sensitive(true);
                to.headers_mut().append(name.clone(), value);
            }
        }
        let lines = from.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).map(str::trim).filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default().trim_end();
            self.cookies.iter().any(|wanted| wanted == name)
        });
        let pairs: Vec<&str> = pairs.collect();
        if let Ok(mut line) = HeaderValue::from_str(&pairs.join("; "))
            && !pairs.is_empty()
        {
            line.set_sensitive(true);
            to.headers_mut().insert(header::COOKIE, line);
        }
    }
}

fn report(name: &Spanned<String>, path: &KeyPath, expected: &str, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(Code::WrongType, format!("`{path}` has a name that can not be used"), &name.place)
            .found(name.value.as_str())
            .expected(expected),
    );
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::request::RequestUri;

    #[test]
    fn only_named_parts_go_along() {
        let mut request = Request::new(Method::GET, RequestUri::new("https", "a", "/", None));
        for (name, value) in [
            ("cookie", "session=1; other=2"),
            ("cookie", "b = 3"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("authorization", "Bearer x"),
        ] {
            request.headers.append(name, HeaderValue::from_static(value));
        }
        let fields = ForwardedFields {
            headers: vec![HeaderName::from_static("x-a"), HeaderName::from_static("x-none")],
            cookies: vec!["session".into(), "b".into()],
        };
        let mut outgoing = http::Request::new(Bytes::new());
        fields.copy(&request, &mut outgoing);
        assert_eq!(outgoing.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(outgoing.headers()["cookie"], "session=1; b = 3");
        assert_eq!(outgoing.headers().len(), 3);
    }
}
