//! `cors` of a listener: which scripts of other origins may ask, and what they may read (Fetch, "HTTP CORS protocol").

use std::time::Duration;

use gateway_core::{
    document::{
        Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, report_wrong_type,
    },
    rules::host,
};
use http::{HeaderName, Method, header};

/// `cors` of a listener.
#[derive(Debug, Clone, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename = "Cors")]
pub struct CorsSettings {
    /// Origins whose scripts may read answers: `https://app.example.com`, `https://*.example.com` for every host below, or
    /// `*`. Every origin when missing or empty, as in heimdall.
    #[schemars(with = "Vec<String>", extend("default" = ["*"]))]
    pub allowed_origins: Allowed<OriginPattern>,
    /// Methods they may use: names, or `*` (GET, HEAD and POST).
    #[schemars(with = "Vec<String>", extend("default" = ["GET", "HEAD", "POST"]))]
    pub allowed_methods: Allowed<Method>,
    /// Request header fields they may set: names, or `*` (Accept, Content-Type and X-Requested-With). For DPoP name
    /// `Authorization` and `DPoP`.
    #[schemars(with = "Vec<String>", extend("default" = ["Accept", "Content-Type", "X-Requested-With"]))]
    pub allowed_headers: Allowed<HeaderName>,
    /// Response header fields that they may read (none). `DPoP-Nonce` and `WWW-Authenticate` are added where an
    /// authenticator checks proofs.
    #[schemars(with = "Vec<String>", extend("default" = []))]
    pub exposed_headers: Vec<HeaderName>,
    /// Whether browsers may send cookies along (false). Not together with every origin.
    #[schemars(extend("default" = false))]
    pub allow_credentials: bool,
    /// How long browsers may keep a preflight's answer; theirs to choose when 0 (0s).
    #[schemars(with = "ConfigDuration", extend("default" = "0s"))]
    pub max_age: Duration,
}

/// A list, or everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed<T> {
    /// `*`.
    All,
    /// These only.
    These(Vec<T>),
}

/// An origin, or all origins of the hosts below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPattern {
    /// What is in front of the host, `https://`.
    scheme: String,
    /// The host with its port if that is not the usual one; with a dot in front for all hosts below.
    host: String,
    below: bool,
}

impl OriginPattern {
    /// Reads `https://app.example.com:8443` or `https://*.example.com`; case and the port that belongs to the scheme do not
    /// count. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (scheme, host) = text.split_once("://")?;
        let mut bytes = scheme.bytes();
        let is_scheme = bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let (below, name) = match host.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, host),
        };
        if !is_scheme || host::check_strictly(name).is_err() {
            return None;
        }
        let usual_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let name = name.strip_suffix(usual_port).unwrap_or(name);
        let host = if below { format!(".{name}") } else { name.to_owned() };
        Some(Self { scheme: format!("{scheme}://"), host, below })
    }

    /// Whether this is the origin of a request, as browsers write it.
    #[must_use]
    pub fn matches(&self, origin: &str) -> bool {
        let Some(host) = origin.strip_prefix(self.scheme.as_str()) else { return false };
        match (self.below, host.strip_suffix(self.host.as_str())) {
            (false, Some(before)) => before.is_empty(),
            (true, Some(before)) => host::check_strictly(before).is_ok() && !before.contains(':'),
            (_, None) => false,
        }
    }
}

impl Decode for OriginPattern {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let text = String::decode(node, path, diagnostics)?;
        let pattern = Self::parse(&text);
        if pattern.is_none() {
            diagnostics.push(
                Diagnostic::error(Code::BadHost, format!("`{path}` is no origin"), &node.place)
                    .found(text)
                    .expected("`https://app.example.com`, `https://*.example.com` or `*`"),
            );
        }
        pattern
    }
}

impl Decode for CorsSettings {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let origins = reader.optional_with("allowed_origins", |node, path, diagnostics| {
            decode_list(node, path, diagnostics, OriginPattern::decode)
        });
        let methods = reader.optional_with("allowed_methods", |node, path, diagnostics| {
            decode_list(node, path, diagnostics, decode_method)
        });
        let headers = reader.optional_with("allowed_headers", |node, path, diagnostics| {
            decode_list(node, path, diagnostics, decode_field)
        });
        let exposed = reader.optional_with("exposed_headers", |node, path, diagnostics| {
            decode_elements(node, path, diagnostics, decode_field)
        });
        let allow_credentials = reader.or("allow_credentials", false);
        let max_age = reader.or("max_age", ConfigDuration(Duration::ZERO)).into();
        let allowed_origins = unless_empty(origins, Allowed::All);
        if allow_credentials && allowed_origins == Allowed::All {
            let place = reader.key_place("allow_credentials").unwrap_or(reader.place()).clone();
            let headline = format!("`{path}` lets every origin send credentials");
            reader.diagnostics().push(
                Diagnostic::error(Code::MutuallyExclusive, headline, &place)
                    .expected("`allowed_origins` with the origins that may")
                    .hint("any page could act in the name of a logged-in user"),
            );
        }
        reader.finish();
        Some(Self {
            allowed_origins,
            allowed_methods: unless_empty(
                methods,
                Allowed::These(vec![Method::GET, Method::HEAD, Method::POST]),
            ),
            allowed_headers: unless_empty(
                headers,
                Allowed::These(vec![
                    header::ACCEPT,
                    header::CONTENT_TYPE,
                    HeaderName::from_static("x-requested-with"),
                ]),
            ),
            exposed_headers: exposed.unwrap_or_default(),
            allow_credentials,
            max_age,
        })
    }
}

fn unless_empty<T>(list: Option<Allowed<T>>, default: Allowed<T>) -> Allowed<T> {
    match list {
        Some(Allowed::These(these)) if these.is_empty() => default,
        Some(list) => list,
        None => default,
    }
}

type DecodeWith<T> = fn(&Node, &KeyPath, &mut Diagnostics) -> Option<T>;

/// A list of which one element may be `*`.
fn decode_list<T>(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
    decode: DecodeWith<T>,
) -> Option<Allowed<T>> {
    let is_all = |element: &Node| element.scalar_text().as_deref() == Some("*");
    if node.elements().is_some_and(|elements| elements.iter().any(is_all)) {
        return Some(Allowed::All);
    }
    decode_elements(node, path, diagnostics, decode).map(Allowed::These)
}

fn decode_elements<T>(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
    decode: DecodeWith<T>,
) -> Option<Vec<T>> {
    let Some(elements) = node.elements() else {
        report_wrong_type(node, path, "a list", None, diagnostics);
        return None;
    };
    let decoded: Vec<Option<T>> = elements
        .iter()
        .enumerate()
        .map(|(index, element)| decode(element, &path.index(index), diagnostics))
        .collect();
    decoded.into_iter().collect()
}

fn decode_method(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Method> {
    let text = String::decode(node, path, diagnostics)?;
    let method = Method::from_bytes(text.as_bytes()).ok();
    if method.is_none() {
        report_wrong_type(node, path, "a method", None, diagnostics);
    }
    method
}

fn decode_field(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<HeaderName> {
    let text = String::decode(node, path, diagnostics)?;
    let name = HeaderName::try_from(text).ok();
    if name.is_none() {
        report_wrong_type(node, path, "the name of a header field", None, diagnostics);
    }
    name
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gateway_core::document::Place;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn origins_are_compared_whole() {
        let check = |pattern: &str, origin: &str| OriginPattern::parse(pattern).unwrap().matches(origin);
        assert!(check("https://app.example.com", "https://app.example.com"));
        assert!(check("HTTPS://APP.example.com:443", "https://app.example.com"));
        assert!(check("http://localhost:3000", "http://localhost:3000"));
        assert!(check("https://*.example.com", "https://a.b.example.com"));
        assert!(check("https://*.example.com:8443", "https://a.example.com:8443"));
        for (pattern, origin) in [
            ("https://app.example.com", "http://app.example.com"),
            ("https://app.example.com", "https://app.example.com.evil.example"),
            ("https://app.example.com", "https://app.example.com:8443"),
            ("https://app.example.com", "https://evil-app.example.com"),
            ("https://*.example.com", "https://example.com"),
            ("https://*.example.com", "https://evilexample.com"),
            ("https://*.example.com", "https://.example.com"),
            ("https://*.example.com", "https://evil.example/.example.com"),
            ("https://*.example.com", "https://evil.example:1.example.com"),
            ("https://*.example.com", "https://a.example.com:8443"),
        ] {
            assert!(!check(pattern, origin), "{pattern} {origin}");
        }
    }

    fn read(settings: Value) -> (Option<CorsSettings>, Vec<&'static str>) {
        let node = Node::from_json(&settings, &Place::whole_file(Arc::from("f")));
        let mut diagnostics = Diagnostics::new();
        let cors = CorsSettings::decode(&node, &KeyPath::configuration().key("cors"), &mut diagnostics);
        (cors, diagnostics.errors().map(|error| error.code.as_str()).collect())
    }

    #[test]
    fn what_makes_no_sense_or_no_safety_is_refused_at_load() {
        for origin in [
            "null",
            "app.example.com",
            "https://",
            "https://a/b",
            "https://*",
            "https://a.*.b",
            "https://u@a",
        ] {
            assert_eq!(read(json!({"allowed_origins": [origin]})).1, ["bad_host"], "{origin}");
        }
        for origins in [json!(["*"]), json!([]), json!(["https://a", "*"])] {
            let settings = json!({"allowed_origins": origins, "allow_credentials": true});
            assert_eq!(read(settings).1, ["mutually_exclusive"]);
        }
        assert_eq!(read(json!({"allow_credentials": true})).1, ["mutually_exclusive"]);
        assert_eq!(read(json!({"allowed_methods": ["G T"], "exposed_headers": ["a b"]})).1.len(), 2);
        assert_eq!(read(json!({"allowed_orgins": []})).1, ["unknown_key"]);
        let (cors, errors) = read(json!({"allowed_origins": ["https://a"], "allow_credentials": true}));
        assert!(errors.is_empty() && cors.unwrap().allow_credentials);
    }
}
