//! `authentication_data_source`: where a request's authentication data is looked for.

use http::{HeaderMap, HeaderName, header};
use percent_encoding::percent_decode_str;

use crate::{
    document::{
        Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Spanned, decode_sequence,
        schema::HeaderFieldName,
    },
    mechanisms::step::Failure,
    request::Request,
    request_body::BodyError,
};

/// The largest form that is searched, in bytes.
const MAX_FORM_BYTES: usize = 64 << 10;

/// The places in order; the first that has data counts.
#[derive(Debug, Clone)]
pub(super) struct DataSources(Vec<Source>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A header field, its value behind `scheme` if there is one.
    Header {
        name: HeaderName,
        scheme: Option<String>,
    },
    Cookie(String),
    Query(String),
    Body(String),
}

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    Data(String),
    /// One place has it twice: which one counts can not be known.
    Several,
    /// The body can not be read.
    Failed(Failure),
}

/// One place to look for authentication data in; exactly one of its kinds.
#[derive(schemars::JsonSchema)]
#[schemars(rename = "AuthenticationDataSource")]
#[expect(dead_code, reason = "described, not built")]
pub(super) struct WrittenDataSource {
    /// A request header.
    header: Option<HeaderFieldName>,
    /// The scheme before the data in the header, in any case.
    scheme: Option<String>,
    /// A cookie.
    cookie: Option<String>,
    /// A parameter of the query.
    query_parameter: Option<String>,
    /// A parameter of a form body.
    body_parameter: Option<String>,
}

impl DataSources {
    pub(super) async fn find(&self, request: &Request) -> Found {
        for source in &self.0 {
            let found = match source {
                Source::Header { name, scheme } => in_header(&request.headers, name, scheme.as_deref()),
                Source::Cookie(name) => in_cookies(&request.headers, name),
                Source::Query(name) => in_form(request.uri.query().unwrap_or_default(), name),
                Source::Body(name) => match in_body(request, name).await {
                    Ok(found) => found,
                    Err(error) => return Found::Failed(Failure::from(error)),
                },
            };
            match found.as_slice() {
                [] => {}
                [data] => return Found::Data(data.clone()),
                _ => return Found::Several,
            }
        }
        Found::Nothing
    }
}

fn in_header(headers: &HeaderMap, name: &HeaderName, scheme: Option<&str>) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let values = lines.filter_map(|line| match scheme {
        None => Some(line.trim()),
        Some(scheme) => {
            let (word, rest) = line.trim().split_once(' ')?;
            word.eq_ignore_ascii_case(scheme).then(|| rest.trim())
        }
    });
    values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

fn in_cookies(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let values = pairs.filter(|(key, _)| key.trim_end() == name).map(|(_, value)| {
        let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        quoted.unwrap_or(value).to_owned()
    });
    values.filter(|value| !value.is_empty()).collect()
}

/// Fields of a form or a query. Text that is not UTF-8 is nobody's data.
fn in_form(form: &str, name: &str) -> Vec<String> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().ok().map(|text| text.into_owned())
    };
    form.split('&')
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key)? == name).then(|| decode(value))?
        })
        .filter(|value| !value.is_empty())
        .collect()
}

/// Only forms are searched; a body of another type is left alone.
async fn in_body(request: &Request, name: &str) -> Result<Vec<String>, BodyError> {
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Vec::new());
    }
    let body = match request.body.read(MAX_FORM_BYTES).await {
        Ok(body) => body,
        // It goes on to the upstream unread.
        Err(BodyError::TooLarge) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(std::str::from_utf8(&body).map(|form| in_form(form, name)).unwrap_or_default())
}

impl Decode for DataSources {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let sources = decode_sequence(node, path, diagnostics, decode_source)?;
        if sources.is_empty() {
            diagnostics.push(
                Diagnostic::error(Code::OutOfRange, format!("`{path}` is empty"), &node.place)
                    .expected("at least one place to look in"),
            );
            return None;
        }
        Some(Self(sources))
    }
}

fn decode_source(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Source> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let header = reader.optional::<Spanned<String>>("header");
    let scheme = reader.optional::<String>("scheme").filter(|scheme| !scheme.is_empty());
    let cookie = reader.optional::<String>("cookie").map(Source::Cookie);
    let query = reader.optional::<String>("query_parameter").map(Source::Query);
    let body = reader.optional::<String>("body_parameter").map(Source::Body);
    let kinds = ["header", "cookie", "query_parameter", "body_parameter"];
    let named = kinds.into_iter().filter(|kind| reader.has(kind)).count();
    let place = reader.place().clone();
    reader.finish();
    if named != 1 {
        let code = if named == 0 { Code::MissingKey } else { Code::MutuallyExclusive };
        diagnostics.push(
            Diagnostic::error(code, format!("`{path}` does not name exactly one place"), &place)
                .expected("one of header, cookie, query_parameter, body_parameter"),
        );
        return None;
    }
    let header = header.and_then(|header| match HeaderName::from_bytes(header.value.as_bytes()) {
        Ok(name) => Some(Source::Header { name, scheme }),
        Err(_) => {
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongType,
                    format!("`{}` is not a header name", path.key("header")),
                    &header.place,
                )
                .found(header.value.as_str())
                .expected("a header name such as `Authorization`"),
            );
            None
        }
    });
    header.or(cookie).or(query).or(body)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method};

    use super::*;
    use crate::{request::RequestUri, request_body::RequestBody};

    fn request() -> Request {
        let uri = RequestUri::new("https", "a", "/", Some("q=1&q2=a%20b&q3=x&q3=y&q4="));
        let mut request = Request::new(Method::POST, uri);
        for (name, value) in [
            ("x-key", "k1"),
            ("x-empty", " "),
            ("authorization", "token  abc"),
            ("cookie", "session=\"s1\"; b=2"),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        ] {
            request.headers.append(name, HeaderValue::from_static(value));
        }
        request.body = RequestBody::buffered(b"f=1%2B&g=2".to_vec().into());
        request
    }

    #[track_caller]
    fn check(source: Source, expected: Option<&str>) {
        let sources = DataSources(vec![source]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = match runtime.block_on(sources.find(&request())) {
            Found::Data(data) => Some(data),
            Found::Nothing => None,
            Found::Several => Some("several".to_owned()),
            Found::Failed(failure) => panic!("{failure:?}"),
        };
        assert_eq!(found.as_deref(), expected, "{sources:?}");
    }

    #[test]
    fn looks_in_every_place() {
        let header = |name, scheme: Option<&str>| Source::Header {
            name: HeaderName::from_static(name),
            scheme: scheme.map(str::to_owned),
        };
        check(header("x-key", None), Some("k1"));
        check(header("x-empty", None), None);
        check(header("x-none", None), None);
        check(header("authorization", Some("Token")), Some("abc"));
        check(header("authorization", Some("Bearer")), None);
        check(Source::Cookie("session".into()), Some("s1"));
        check(Source::Cookie("c".into()), None);
        check(Source::Query("q2".into()), Some("a b"));
        check(Source::Query("q3".into()), Some("several"));
        check(Source::Query("q4".into()), None);
        check(Source::Body("f".into()), Some("1+"));
        check(Source::Body("h".into()), None);
    }
}
