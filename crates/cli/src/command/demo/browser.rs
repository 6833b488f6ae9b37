//! Alice in front of the login page: the steps a browser takes, without one. (The interop set uses a real browser.)

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use dpop_client::{HttpClient, HyperClient};
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Opens `authorization_url`, fills in the form and returns the parameters of the redirect.
pub(super) async fn log_in(
    http: &HyperClient,
    authorization_url: &str,
    username: &str,
    password: &str,
) -> Result<Vec<(String, String)>> {
    let page = send(http, Method::GET, authorization_url, &HeaderMap::new(), String::new()).await?;
    ensure!(page.status() == StatusCode::OK, "the authorization endpoint answered {}", page.status());
    let html = String::from_utf8_lossy(page.body()).into_owned();
    let action = resolve(authorization_url, &attribute(&html, "<form", "action").context("no login form")?)?;
    let mut fields = hidden_fields(&html);
    fields.push(("username".to_owned(), username.to_owned()));
    fields.push(("password".to_owned(), password.to_owned()));
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/x-www-form-urlencoded"));
    if let Some(cookies) = cookies(&page) {
        headers.insert(COOKIE, cookies.parse().context("cookies of the login page")?);
    }
    let redirect = send(http, Method::POST, &action, &headers, form(&fields)).await?;
    ensure!(redirect.status().is_redirection(), "the login answered {}", redirect.status());
    let location = redirect.headers().get(LOCATION).context("no Location after the login")?.to_str()?;
    let query = location.split_once('?').map(|(_, query)| query).unwrap_or_default();
    Ok(parse_query(query))
}

/// `application/x-www-form-urlencoded`.
pub(super) fn form(fields: &[(String, String)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

async fn send(
    http: &HyperClient,
    method: Method,
    uri: &str,
    headers: &HeaderMap,
    body: String,
) -> Result<Response<Bytes>> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri.parse::<Uri>().with_context(|| format!("no URI: {uri}"))?;
    *request.headers_mut() = headers.clone();
    Ok(http.send(request).await?)
}

/// Absolute form of a form's action.
fn resolve(base: &str, action: &str) -> Result<String> {
    if action.starts_with("http://") || action.starts_with("https://") {
        return Ok(action.to_owned());
    }
    let base: Uri = base.parse()?;
    let authority = base.authority().context("no authority")?;
    let path = if action.starts_with('/') { action.to_owned() } else { format!("{}{action}", base.path()) };
    Ok(format!("{}://{authority}{path}", base.scheme_str().unwrap_or("http")))
}

fn cookies(page: &Response<Bytes>) -> Option<String> {
    let cookies: Vec<&str> = page
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect();
    (!cookies.is_empty()).then(|| cookies.join("; "))
}

fn hidden_fields(html: &str) -> Vec<(String, String)> {
    html.split("<input")
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .filter(|tag| tag.contains("type=\"hidden\""))
        .filter_map(|tag| Some((value_of(tag, "name")?, value_of(tag, "value")?)))
        .collect()
}

fn attribute(html: &str, tag: &str, name: &str) -> Option<String> {
    let rest = html.split_once(tag)?.1;
    value_of(rest.split('>').next()?, name)
}

fn value_of(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split_once(&format!("{name}=\""))?.1;
    let value = rest.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&#34;", "\"").replace("&quot;", "\"").replace("&amp;", "&"))
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_form_and_its_hidden_fields() {
        let html = r#"<form method="post" action="/login?a=1&amp;b=2"><input type="hidden" name="s" value="x&amp;y"><input name="username"></form>"#;
        assert_eq!(attribute(html, "<form", "action").unwrap(), "/login?a=1&b=2");
        assert_eq!(hidden_fields(html), [("s".to_owned(), "x&y".to_owned())]);
        assert_eq!(resolve("http://h:1/auth?x=1", "/login?a=1").unwrap(), "http://h:1/login?a=1");
    }

    #[test]
    fn reads_a_redirect() {
        assert_eq!(
            parse_query("code=a%2Fb&state=x+y"),
            [("code".to_owned(), "a/b".to_owned()), ("state".to_owned(), "x y".to_owned())]
        );
    }
}
