//! [`Url`]: URLs as Go's `net/url` reads and writes them, as an object for templates.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    error::FunctionError,
    list::List,
    map::Map,
    object::Object,
    value::{ElementType, Value},
};

/// A URL with Go's fields and methods, for `.Request.URL` and `urlParse`.
#[derive(Debug, Clone, Default)]
pub struct Url {
    scheme: String,
    opaque: String,
    /// As written, escapes included; `None` without `@`.
    user_info: Option<UserInfo>,
    host: String,
    /// Decoded.
    path: Vec<u8>,
    /// As written, where encoding the path would give something else.
    raw_path: String,
    /// The authority is missing: `file:/x`.
    omits_host: bool,
    /// A `?` with nothing behind.
    forces_query: bool,
    raw_query: String,
    fragment: Vec<u8>,
    raw_fragment: String,
    captures: Option<Map>,
}

#[derive(Debug, Clone)]
struct UserInfo {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Which part of a URL is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    UserInfo,
    Host,
    Query,
    Fragment,
}

const NO_URL: FunctionError = FunctionError::Unreadable { what: "URL" };

impl Url {
    /// Parses a URL, absolute or relative.
    ///
    /// # Errors
    ///
    /// [`FunctionError::Unreadable`] for control characters, malformed escapes, schemes or ports.
    pub fn parse(text: &str) -> Result<Self, FunctionError> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err(NO_URL);
        }
        let mut url = Self::default();
        let rest = match text.split_once('#') {
            Some((rest, fragment)) => {
                url.fragment = unescape(fragment, Part::Fragment).ok_or(NO_URL)?;
                if escape(&url.fragment, Part::Fragment) != fragment {
                    url.raw_fragment = fragment.into();
                }
                rest
            }
            None => text,
        };
        if rest == "*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let rest = url.take_scheme(rest)?;
        let rest = match rest.split_once('?') {
            Some((rest, "")) => {
                url.forces_query = true;
                rest
            }
            Some((rest, query)) => {
                url.raw_query = query.into();
                rest
            }
            None => rest,
        };
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                url.opaque = rest.into();
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err(NO_URL);
            }
        }
        let authority =
            rest.strip_prefix("//").filter(|_| !url.scheme.is_empty() || !rest.starts_with("///"));
        let path = match authority {
            Some(rest) => {
                let (authority, path) =
                    rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).ok_or(NO_URL)?;
                url.take_authority(authority)?;
                path
            }
            None => {
                url.omits_host = !url.scheme.is_empty() && rest.starts_with('/');
                rest
            }
        };
        url.path = unescape(path, Part::Path).ok_or(NO_URL)?;
        if escape(&url.path, Part::Path) != path {
            url.raw_path = path.into();
        }
        Ok(url)
    }

    /// The URL of a request: `path` as the client sent it, `query` without its `?`. `.RawPath` is always the path as sent.
    pub fn of_request(scheme: &str, host: &str, path: &str, query: Option<&str>) -> Self {
        Self {
            scheme: scheme.into(),
            host: host.into(),
            path: unescape(path, Part::Path).unwrap_or_else(|| path.into()),
            raw_path: path.into(),
            forces_query: query == Some(""),
            raw_query: query.unwrap_or_default().into(),
            ..Self::default()
        }
    }

    /// Adds the field `.Captures`, a map of strings.
    #[must_use]
    pub fn with_captures(self, captures: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { captures: Some(Map::of_strings(captures)), ..self }
    }

    fn take_scheme<'a>(&mut self, text: &'a str) -> Result<&'a str, FunctionError> {
        for (position, character) in text.char_indices() {
            match character {
                'a'..='z' | 'A'..='Z' => {}
                '0'..='9' | '+' | '-' | '.' if position > 0 => {}
                ':' if position > 0 => {
                    let (scheme, rest) = text.split_at_checked(position).ok_or(NO_URL)?;
                    self.scheme = scheme.to_ascii_lowercase();
                    return Ok(rest.get(1..).unwrap_or_default());
                }
                ':' => return Err(NO_URL),
                _ => return Ok(text),
            }
        }
        Ok(text)
    }

    fn take_authority(&mut self, authority: &str) -> Result<(), FunctionError> {
        let host = match authority.rsplit_once('@') {
            Some((user_info, host)) => {
                let allowed =
                    |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
                if !user_info.bytes().all(allowed) {
                    return Err(NO_URL);
                }
                let (name, password) = match user_info.split_once(':') {
                    Some((name, password)) => (name, Some(password)),
                    None => (user_info, None),
                };
                let decode = |text: &str| unescape(text, Part::UserInfo).ok_or(NO_URL);
                let password = password.map(decode).transpose()?;
                self.user_info = Some(UserInfo { name: decode(name)?, password });
                host
            }
            None => authority,
        };
        let port = match host.rfind(']') {
            Some(bracket) if host.starts_with('[') => host.get(bracket + 1..).unwrap_or_default(),
            Some(_) => return Err(NO_URL),
            None if host.starts_with('[') => return Err(NO_URL),
            None => host.rfind(':').and_then(|colon| host.get(colon..)).unwrap_or_default(),
        };
        let is_port = port.is_empty()
            || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_port {
            return Err(NO_URL);
        }
        let host = unescape(host, Part::Host).ok_or(NO_URL)?;
        self.host = String::from_utf8(host).map_err(|_| NO_URL)?;
        Ok(())
    }

    /// The whole URL.
    fn text(&self) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme);
            text.push(':');
        }
        if self.opaque.is_empty() {
            let has_authority = !self.host.is_empty() || self.user_info.is_some();
            if has_authority || (!self.scheme.is_empty() && !self.omits_host && !self.path.is_empty()) {
                text.push_str("//");
            }
            if let Some(user_info) = self.user_info_text() {
                text.push_str(&user_info);
                text.push('@');
            }
            text.push_str(&escape(self.host.as_bytes(), Part::Host));
            let path = self.escaped_path();
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                text.push('/');
            }
            if text.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
                text.push_str("./");
            }
            text.push_str(&path);
        } else {
            text.push_str(&self.opaque);
        }
        self.push_query(&mut text);
        if !self.fragment.is_empty() {
            text.push('#');
            let raw_fits = unescape(&self.raw_fragment, Part::Fragment).as_ref() == Some(&self.fragment);
            if raw_fits && is_encoded(&self.raw_fragment, Part::Fragment) {
                text.push_str(&self.raw_fragment);
            } else {
                text.push_str(&escape(&self.fragment, Part::Fragment));
            }
        }
        text
    }

    fn push_query(&self, text: &mut String) {
        if self.forces_query || !self.raw_query.is_empty() {
            text.push('?');
            text.push_str(&self.raw_query);
        }
    }

    fn user_info_text(&self) -> Option<String> {
        let UserInfo { name, password } = self.user_info.as_ref()?;
        let mut text = escape(name, Part::UserInfo);
        if let Some(password) = password {
            text.push(':');
            text.push_str(&escape(password, Part::UserInfo));
        }
        Some(text)
    }

    fn escaped_path(&self) -> String {
        let raw_fits = !self.raw_path.is_empty()
            && is_encoded(&self.raw_path, Part::Path)
            && unescape(&self.raw_path, Part::Path).as_ref() == Some(&self.path);
        if raw_fits {
            return self.raw_path.clone();
        }
        if self.path == b"*" { "*".into() } else { escape(&self.path, Part::Path) }
    }

    fn request_uri(&self) -> String {
        let mut text = if self.opaque.is_empty() {
            self.escaped_path()
        } else if self.opaque.starts_with("//") {
            format!("{}:{}", self.scheme, self.opaque)
        } else {
            self.opaque.clone()
        };
        if text.is_empty() {
            text.push('/');
        }
        self.push_query(&mut text);
        text
    }

    /// The host without port and brackets, and the port.
    fn host_and_port(&self) -> (&str, &str) {
        let (host, port) = match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
            Some(_) | None => (self.host.as_str(), ""),
        };
        (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
    }

    /// The parts as `urlParse` gives them.
    pub(crate) fn to_parts(&self) -> BTreeMap<&'static str, Value> {
        BTreeMap::from([
            ("scheme", self.scheme.as_str().into()),
            ("host", self.host.as_str().into()),
            ("hostname", self.host_and_port().0.into()),
            ("path", Value::String(self.path.as_slice().into())),
            ("query", self.raw_query.as_str().into()),
            ("opaque", self.opaque.as_str().into()),
            ("fragment", Value::String(self.fragment.as_slice().into())),
            ("userinfo", self.user_info_text().unwrap_or_default().into()),
        ])
    }

    /// The text of a URL made of the parts that `urlJoin` takes; `part` gives them by name.
    pub(crate) fn join(
        part: impl Fn(&str) -> Result<String, FunctionError>,
    ) -> Result<String, FunctionError> {
        let mut url = Self {
            scheme: part("scheme")?,
            host: part("host")?,
            path: part("path")?.into_bytes(),
            raw_query: part("query")?,
            opaque: part("opaque")?,
            fragment: part("fragment")?.into_bytes(),
            ..Self::default()
        };
        let user_info = part("userinfo")?;
        if !user_info.is_empty() {
            url.user_info = Self::parse(&format!("proto://{user_info}@host"))?.user_info;
        }
        Ok(url.text())
    }
}

impl Object for Url {
    fn type_name(&self) -> &str {
        "*url.URL"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Scheme" => self.scheme.as_str().into(),
            "Opaque" => self.opaque.as_str().into(),
            "Host" => self.host.as_str().into(),
            "Path" => Value::String(self.path.as_slice().into()),
            "RawPath" => self.raw_path.as_str().into(),
            "ForceQuery" => self.forces_query.into(),
            "RawQuery" => self.raw_query.as_str().into(),
            "Fragment" => Value::String(self.fragment.as_slice().into()),
            "RawFragment" => self.raw_fragment.as_str().into(),
            "Captures" => Value::Map(self.captures.clone()?),
            _ => return None,
        })
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let value = match name {
            "String" => self.text().into(),
            "Hostname" => self.host_and_port().0.into(),
            "Port" => self.host_and_port().1.into(),
            "Query" => Value::Object(Arc::new(Query::parse(&self.raw_query))),
            "EscapedPath" => self.escaped_path().into(),
            "RequestURI" => self.request_uri().into(),
            "IsAbs" => Value::Bool(!self.scheme.is_empty()),
            _ => return None,
        };
        Some(match arguments {
            [] => Ok(value),
            [..] => Err(FunctionError::ArgumentCount { expected: 0, given: arguments.len() }),
        })
    }

    fn to_text(&self) -> Option<String> {
        Some(self.text())
    }

    fn members(&self) -> Vec<(String, Value)> {
        [
            "Scheme",
            "Opaque",
            "Host",
            "Path",
            "RawPath",
            "ForceQuery",
            "RawQuery",
            "Fragment",
            "RawFragment",
            "Captures",
        ]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), self.field(name)?)))
        .collect()
    }
}

/// A query: a map of lists of strings.
struct Query(BTreeMap<Vec<u8>, Vec<Vec<u8>>>);

impl Query {
    /// Reads a query; pairs that are malformed are left out.
    fn parse(query: &str) -> Self {
        let mut values: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(key), Some(value)) = (unescape(key, Part::Query), unescape(value, Part::Query)) {
                values.entry(key).or_default().push(value);
            }
        }
        Self(values)
    }

    fn encode(&self) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .flat_map(|(key, values)| {
                values.iter().map(move |value| format!("{}={}", escape_query(key), escape_query(value)))
            })
            .collect();
        pairs.join("&")
    }
}

impl Object for Query {
    fn type_name(&self) -> &str {
        "url.Values"
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let expected = match name {
            "Get" | "Has" => 1,
            "Encode" => 0,
            _ => return None,
        };
        Some(match (name, arguments) {
            ("Get", [Value::String(key)]) => {
                let first = self.0.get(key.as_bytes()).and_then(|values| values.first());
                Ok(Value::String(first.map(Vec::as_slice).unwrap_or_default().into()))
            }
            ("Has", [Value::String(key)]) => Ok(self.0.contains_key(key.as_bytes()).into()),
            ("Get" | "Has", [other]) => {
                Err(FunctionError::ArgumentType { expected: "string", found: other.type_name() })
            }
            ("Encode", []) => Ok(self.encode().into()),
            (_, arguments) => Err(FunctionError::ArgumentCount { expected, given: arguments.len() }),
        })
    }

    fn entries(&self) -> Option<Map> {
        let entries = self.0.iter().map(|(key, values)| {
            (key.as_slice(), Value::List(List::of_strings(values.iter().map(Vec::as_slice))))
        });
        Some(Map::with_element(ElementType::TextList, entries))
    }
}

/// Query escaping: space becomes `+`, everything but letters, digits and `-_.~` an escape.
pub(crate) fn escape_query(bytes: &[u8]) -> String {
    escape(bytes, Part::Query)
}

fn must_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    match part {
        Part::Path => !b"$&+,/:;=@".contains(&byte),
        Part::UserInfo => !b"$&+,;=".contains(&byte),
        Part::Host => !b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Part::Query => true,
        Part::Fragment => !b"$&+,/:;=?@!()*".contains(&byte),
    }
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut escaped = String::with_capacity(bytes.len());
    for byte in bytes {
        if *byte == b' ' && part == Part::Query {
            escaped.push('+');
        } else if must_escape(*byte, part) {
            escaped.push_str(&format!("%{byte:02X}"));
        } else {
            escaped.push(char::from(*byte));
        }
    }
    escaped
}

/// Whether a text is escaped already in a way Go leaves alone.
fn is_encoded(text: &str, part: Part) -> bool {
    text.bytes().all(|byte| b"!$&'()*+,;=:@[]%".contains(&byte) || !must_escape(byte, part))
}

/// `None` for malformed escapes, and in hosts for escapes of ASCII characters and for characters no host has.
fn unescape(text: &str, part: Part) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                let value = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                if part == Part::Host && value.is_ascii() && value != b'%' {
                    return None;
                }
                bytes.push(value);
                rest = after;
            }
            b'+' if part == Part::Query => bytes.push(b' '),
            byte => {
                if part == Part::Host && byte.is_ascii() && must_escape(*byte, Part::Host) {
                    return None;
                }
                bytes.push(*byte);
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_back_as_written() {
        for text in [
            "https://ex.org/a%2Fb?x=1#f",
            "https://u:p@ex.org:8080/",
            "mailto:a@b",
            "/a/b?",
            "//host/p",
            "file:/x",
            "https://[::1]:80/%20",
            "a/b",
            "http://h/a!b",
        ] {
            assert_eq!(Url::parse(text).unwrap().text(), text);
        }
        for wrong in ["://bad", "http://h:port/", "http://[::1", "%zz", "1:2", "http://a b/"] {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_path_of_a_request_stays_as_sent() {
        let url = Url::of_request("https", "ex.org", "/a%2Fb/c%20d", Some("x=1"))
            .with_captures([("n".into(), "1".into())]);
        assert_eq!(url.text(), "https://ex.org/a%2Fb/c%20d?x=1");
        assert_eq!(url.field("RawPath"), Some("/a%2Fb/c%20d".into()));
        assert_eq!(url.field("Path"), Some("/a/b/c d".into()));
    }
}
