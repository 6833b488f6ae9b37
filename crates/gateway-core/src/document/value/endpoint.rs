//! Endpoints the gateway calls: a URL string, or an object with method, headers, retries, caching and authentication.

mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::document::decode::{Decode, Spanned, decode_one_of, report_wrong_type};
use crate::document::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::document::key_path::KeyPath;
use crate::document::map_reader::MapReader;
use crate::document::node::{Node, NodeValue, Place};
use crate::document::schema::{HeaderFieldName, Template, Url};
use crate::document::value::byte_size::ByteSize;
use crate::document::value::duration::ConfigDuration;
use crate::document::value::secret_reference::SecretReference;

use self::written::{
    WrittenMessageSignatures, WrittenResolvedEndpoints, endpoint_keys, or_url, with_old_spelling,
};

/// Default limit of an outgoing call.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// Default limit of an answer's body in bytes.
const DEFAULT_MAX_RESPONSE_SIZE: u64 = 1 << 20;

/// An address to call and how.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
#[schemars(transform = or_url)]
pub struct Endpoint {
    /// The address; may be a template where the mechanism says so.
    #[schemars(with = "Url")]
    pub url: Spanned<String>,
    /// The method; each mechanism has its default.
    pub method: Option<Spanned<String>>,
    /// Request headers: names and templates.
    #[schemars(with = "Option<BTreeMap<String, Template>>")]
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
    /// Retries after failures.
    pub retry: Option<Spanned<EndpointRetry>>,
    /// Caching of answers by the rules of HTTP.
    pub http_cache: Option<Spanned<EndpointHttpCache>>,
    /// How the gateway authenticates itself.
    pub auth: Option<Spanned<EndpointAuthentication>>,
    /// Limit of the whole call.
    #[schemars(with = "ConfigDuration", extend("default" = "5s", "x-keybound" = true))]
    pub timeout: Duration,
    /// Limit of the answer's body in bytes.
    #[schemars(with = "ByteSize", extend("default" = "1MB", "x-keybound" = true))]
    pub max_response_size: u64,
    /// Trust anchors and client certificate.
    #[schemars(extend("x-keybound" = true))]
    pub tls: Option<Spanned<EndpointTls>>,
    /// Where the endpoint starts.
    #[schemars(skip)]
    pub place: Place,
}

/// When to try a failed call again.
#[derive(Clone, Debug, PartialEq, Eq, schemars::JsonSchema)]
pub struct EndpointRetry {
    /// No further attempt after this time.
    #[schemars(with = "ConfigDuration", extend("default" = "1s"))]
    pub give_up_after: Duration,
    /// Longest pause between two attempts.
    #[schemars(with = "ConfigDuration", extend("default" = "100ms"))]
    pub max_delay: Duration,
}

/// Caching of answers.
#[derive(Clone, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(transform = with_old_spelling)]
pub struct EndpointHttpCache {
    /// Whether to cache; the default depends on the mechanism.
    pub enabled: Option<bool>,
    /// How long to keep an answer that does not say.
    #[schemars(with = "Option<ConfigDuration>")]
    pub default_ttl: Option<Duration>,
}

/// Where an API key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ApiKeyLocation {
    /// A request header.
    Header,
    /// A cookie.
    Cookie,
    /// A query parameter.
    Query,
}

/// How a client shows its id and secret to a token endpoint (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// In the `Authorization` header.
    BasicAuth,
    /// In the form body.
    RequestBody,
}

/// The header that carries an obtained token.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
pub struct TokenHeader {
    /// Header name.
    #[schemars(with = "HeaderFieldName")]
    pub name: Spanned<String>,
    /// Scheme before the token; the answer's `token_type` when missing.
    pub scheme: Option<String>,
}

/// The client credentials grant (RFC 6749 §4.4) as a way to authenticate.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
pub struct CredentialsGrant {
    /// Token endpoint.
    #[schemars(with = "Url")]
    pub token_url: Spanned<String>,
    /// Client id and secret.
    pub credentials: SecretReference,
    /// How they are sent.
    #[schemars(extend("default" = "basic_auth"))]
    pub auth_method: ClientAuthentication,
    /// Scopes to ask for.
    #[schemars(extend("default" = []))]
    pub scopes: Vec<String>,
    /// How long to use a token; never longer than the answer says (`expires_in` less 5 seconds), which is also the default.
    /// `0s` fetches one for every call.
    #[schemars(with = "Option<ConfigDuration>")]
    pub cache_ttl: Option<Duration>,
    /// Where the token goes; `Authorization` when missing.
    pub header: Option<TokenHeader>,
}

impl CredentialsGrant {
    /// Takes the keys of the grant out of a map.
    pub fn read(reader: &mut MapReader<'_, '_>) -> Option<Self> {
        let token_url = reader.required("token_url");
        let credentials = reader.required("credentials");
        let auth_method = reader.optional_with("auth_method", |node, path, diagnostics| {
            let choices = [
                ("basic_auth", ClientAuthentication::BasicAuth),
                ("request_body", ClientAuthentication::RequestBody),
            ];
            decode_one_of(node, path, &choices, diagnostics)
        });
        let scopes = reader.or("scopes", Vec::new());
        let cache_ttl = reader.optional::<ConfigDuration>("cache_ttl").map(Duration::from);
        let header = reader.optional("header");
        Some(Self {
            token_url: token_url?,
            credentials: credentials?,
            auth_method: auth_method.unwrap_or(ClientAuthentication::BasicAuth),
            scopes,
            cache_ttl,
            header,
        })
    }
}

impl Decode for CredentialsGrant {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let grant = Self::read(&mut reader);
        reader.finish();
        grant
    }
}

impl Decode for TokenHeader {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let name = reader.required("name");
        let scheme = reader.optional("scheme");
        reader.finish();
        Some(Self { name: name?, scheme })
    }
}

/// How the gateway authenticates itself at an endpoint.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
#[schemars(tag = "type", content = "config", rename_all = "snake_case")]
pub enum EndpointAuthentication {
    /// User and password (RFC 7617).
    BasicAuth {
        /// `{user_id, password}`.
        credentials: SecretReference,
    },
    /// A fixed key.
    ApiKey {
        /// Where it goes.
        #[schemars(rename = "in")]
        location: ApiKeyLocation,
        /// Name of the header, cookie or parameter.
        name: Spanned<String>,
        /// The key.
        secret: SecretReference,
    },
    /// A token from an authorization server.
    #[schemars(rename = "oauth2_client_credentials")]
    OAuth2ClientCredentials(CredentialsGrant),
    /// HTTP message signatures (RFC 9421).
    #[schemars(with = "WrittenMessageSignatures")]
    HttpMessageSignatures {
        /// Name of the signer; `heimdall` when missing.
        signer_name: Option<String>,
        /// The signing key.
        secret: SecretReference,
        /// Covered components.
        components: Vec<Spanned<String>>,
        /// Life of a signature (1 minute).
        ttl: Duration,
        /// Label of the signature (`sig`).
        label: String,
    },
}

/// Trust anchors and client certificate of one endpoint.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
pub struct EndpointTls {
    /// Certificates to trust instead of the system's.
    pub ca: Option<SecretReference>,
    /// Certificate and key to show.
    pub certificate: Option<SecretReference>,
}

impl Endpoint {
    /// Takes the keys of an endpoint out of a map that may have other keys too.
    pub fn read(reader: &mut MapReader<'_, '_>) -> Option<Self> {
        let url = reader.required::<Spanned<String>>("url");
        let url = url.filter(|url| {
            let path = reader.path().key("url");
            check_absolute(url, &path, reader.diagnostics())
        });
        let method = reader.optional::<Spanned<String>>("method");
        if let Some(method) = &method
            && http::Method::from_bytes(method.value.as_bytes()).is_err()
        {
            let headline = format!("`{}` is not an HTTP method", reader.path().key("method"));
            reader.diagnostics().push(
                Diagnostic::error(Code::NotOneOf, headline, &method.place)
                    .found(method.value.as_str())
                    .expected("a method name such as GET or POST"),
            );
        }
        let headers = reader.or::<Vec<(Spanned<String>, Spanned<String>)>>("headers", Vec::new());
        for (name, _) in &headers {
            if http::HeaderName::from_bytes(name.value.as_bytes()).is_err() {
                let headline =
                    format!("`{}` has a key that is not a header name", reader.path().key("headers"));
                reader.diagnostics().push(
                    Diagnostic::error(Code::WrongType, headline, &name.place).found(name.value.as_str()),
                );
            }
        }
        let retry = reader.optional("retry");
        let http_cache = reader.optional("http_cache");
        let auth = reader.optional("auth");
        let timeout = reader.or("timeout", ConfigDuration(DEFAULT_TIMEOUT));
        let max_response_size = reader.or("max_response_size", ByteSize(DEFAULT_MAX_RESPONSE_SIZE));
        let tls = reader.optional("tls");
        Some(Self {
            url: url?,
            method,
            headers,
            retry,
            http_cache,
            auth,
            timeout: timeout.as_duration(),
            max_response_size: max_response_size.as_bytes(),
            tls,
            place: reader.place().clone(),
        })
    }

    /// The endpoint that is nothing but a URL.
    fn of_url(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let url = Spanned::<String>::decode(node, path, diagnostics)?;
        check_absolute(&url, path, diagnostics).then(|| Self {
            url,
            method: None,
            headers: Vec::new(),
            retry: None,
            http_cache: None,
            auth: None,
            timeout: DEFAULT_TIMEOUT,
            max_response_size: DEFAULT_MAX_RESPONSE_SIZE,
            tls: None,
            place: node.place.clone(),
        })
    }
}

impl Decode for Endpoint {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        match endpoint_form(node, path, diagnostics)? {
            EndpointForm::Url => Self::of_url(node, path, diagnostics),
            EndpointForm::Object => {
                let mut reader = MapReader::new(node, path, diagnostics)?;
                let endpoint = Self::read(&mut reader);
                reader.finish();
                endpoint
            }
        }
    }
}

enum EndpointForm {
    Url,
    Object,
}

fn endpoint_form(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<EndpointForm> {
    match &node.value {
        NodeValue::String(_) => Some(EndpointForm::Url),
        NodeValue::Mapping(_) => Some(EndpointForm::Object),
        NodeValue::Null | NodeValue::Bool(_) | NodeValue::Number(_) | NodeValue::Sequence(_) => {
            report_wrong_type(node, path, "a URL or a map with `url`", None, diagnostics);
            None
        }
    }
}

/// Checks that a URL has scheme and host before any template in it is rendered. The text is not shown: it may hold a
/// password.
fn check_absolute(url: &Spanned<String>, path: &KeyPath, diagnostics: &mut Diagnostics) -> bool {
    let rest = match url.value.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") =>
        {
            rest
        }
        Some(_) | None => "",
    };
    let is_absolute = rest
        .starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '[' | '{' | '_' | '-'));
    let has_blank = !url.value.contains("{{") && url.value.contains(char::is_whitespace);
    if !is_absolute || has_blank {
        diagnostics.push(
            Diagnostic::error(Code::WrongType, format!("`{path}` is not an absolute URL"), &url.place)
                .expected("a URL with scheme and host, such as https://idp.example.com/jwks, also before templates in it are rendered"),
        );
        return false;
    }
    true
}

impl Decode for EndpointRetry {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let give_up_after = reader.or("give_up_after", ConfigDuration(Duration::from_secs(1)));
        let max_delay = reader.or("max_delay", ConfigDuration(Duration::from_millis(100)));
        reader.finish();
        Some(Self { give_up_after: give_up_after.as_duration(), max_delay: max_delay.as_duration() })
    }
}

impl Decode for EndpointHttpCache {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let enabled = reader.optional("enabled");
        let default_ttl = reader.optional::<ConfigDuration>("default_ttl");
        let old_name = reader.optional::<Spanned<ConfigDuration>>("cache_ttl");
        if let Some(old_name) = &old_name {
            let headline = format!("`{}` is called `default_ttl`", reader.path().key("cache_ttl"));
            let place = reader.key_place("cache_ttl").unwrap_or(&old_name.place).clone();
            let diagnostic = if default_ttl.is_some() {
                Diagnostic::error(
                    Code::MutuallyExclusive,
                    "`cache_ttl` and `default_ttl` are the same key",
                    &place,
                )
            } else {
                Diagnostic::warning(Code::Deprecated, headline, &place).hint("write `default_ttl`")
            };
            reader.diagnostics().push(diagnostic);
        }
        reader.finish();
        Some(Self { enabled, default_ttl: default_ttl.or(old_name.map(|ttl| ttl.value)).map(Duration::from) })
    }
}

impl Decode for EndpointTls {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let ca = reader.optional("ca");
        let certificate = reader.optional("certificate");
        reader.finish();
        Some(Self { ca, certificate })
    }
}

#[derive(Clone, Copy)]
enum AuthenticationType {
    BasicAuth,
    ApiKey,
    OAuth2ClientCredentials,
    HttpMessageSignatures,
}

impl Decode for EndpointAuthentication {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        if !reader.has("type") {
            reader.report_missing("type");
        }
        let kind = reader.optional_with("type", |node, path, diagnostics| {
            let choices = [
                ("basic_auth", AuthenticationType::BasicAuth),
                ("api_key", AuthenticationType::ApiKey),
                ("oauth2_client_credentials", AuthenticationType::OAuth2ClientCredentials),
                ("http_message_signatures", AuthenticationType::HttpMessageSignatures),
            ];
            decode_one_of(node, path, &choices, diagnostics)
        });
        let config = reader.node("config");
        if config.is_none() {
            reader.report_missing("config");
        }
        let config_path = reader.path().key("config");
        reader.finish();
        let (kind, config) = (kind?, config?);
        let mut reader = MapReader::new(config, &config_path, diagnostics)?;
        let authentication = match kind {
            AuthenticationType::BasicAuth => {
                reader.required("credentials").map(|credentials| Self::BasicAuth { credentials })
            }
            AuthenticationType::ApiKey => read_api_key(&mut reader),
            AuthenticationType::OAuth2ClientCredentials => {
                CredentialsGrant::read(&mut reader).map(Self::OAuth2ClientCredentials)
            }
            AuthenticationType::HttpMessageSignatures => read_message_signatures(&mut reader),
        };
        reader.finish();
        authentication
    }
}

fn read_api_key(reader: &mut MapReader<'_, '_>) -> Option<EndpointAuthentication> {
    if !reader.has("in") {
        reader.report_missing("in");
    }
    let location = reader.optional_with("in", |node, path, diagnostics| {
        let choices = [
            ("header", ApiKeyLocation::Header),
            ("cookie", ApiKeyLocation::Cookie),
            ("query", ApiKeyLocation::Query),
        ];
        decode_one_of(node, path, &choices, diagnostics)
    });
    let name = reader.required("name");
    let secret = reader.required("secret");
    Some(EndpointAuthentication::ApiKey { location: location?, name: name?, secret: secret? })
}

fn read_message_signatures(reader: &mut MapReader<'_, '_>) -> Option<EndpointAuthentication> {
    let signer = reader.required::<Signer>("signer");
    let components = reader.required("components");
    let ttl = reader.or("ttl", ConfigDuration(Duration::from_secs(60)));
    let label = reader.or("label", "sig".to_owned());
    let signer = signer?;
    Some(EndpointAuthentication::HttpMessageSignatures {
        signer_name: signer.name,
        secret: signer.secret,
        components: components?,
        ttl: ttl.as_duration(),
        label,
    })
}

struct Signer {
    name: Option<String>,
    secret: SecretReference,
}

impl Decode for Signer {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let name = reader.optional("name");
        let secret = reader.required("secret");
        reader.finish();
        Some(Self { name, secret: secret? })
    }
}

/// A discovery document's address (RFC 8414, OpenID Connect Discovery), with settings for the endpoints found in it.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
#[schemars(transform = or_url)]
pub struct MetadataEndpoint {
    /// Where the document is.
    #[schemars(flatten, schema_with = "endpoint_keys")]
    pub endpoint: Endpoint,
    /// Whether a document is accepted whose issuer does not belong to its URL.
    #[schemars(extend("default" = false))]
    pub disable_issuer_identifier_verification: bool,
    /// Settings for the key endpoint found there.
    #[schemars(rename = "resolved_endpoints", with = "Option<WrittenResolvedEndpoints>")]
    pub jwks_uri: Option<ResolvedEndpoint>,
    /// Settings for the introspection endpoint found there.
    #[schemars(skip)]
    pub introspection_endpoint: Option<ResolvedEndpoint>,
}

/// Settings for an endpoint whose URL comes from a discovery document.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
pub struct ResolvedEndpoint {
    /// Retries after failures.
    pub retry: Option<EndpointRetry>,
    /// Caching of answers.
    pub http_cache: Option<EndpointHttpCache>,
    /// How the gateway authenticates itself.
    pub auth: Option<EndpointAuthentication>,
}

impl Decode for ResolvedEndpoint {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let retry = reader.optional("retry");
        let http_cache = reader.optional("http_cache");
        let auth = reader.optional("auth");
        reader.finish();
        Some(Self { retry, http_cache, auth })
    }
}

impl Decode for MetadataEndpoint {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        match endpoint_form(node, path, diagnostics)? {
            EndpointForm::Url => Some(Self {
                endpoint: Endpoint::of_url(node, path, diagnostics)?,
                disable_issuer_identifier_verification: false,
                jwks_uri: None,
                introspection_endpoint: None,
            }),
            EndpointForm::Object => {
                let mut reader = MapReader::new(node, path, diagnostics)?;
                let endpoint = Endpoint::read(&mut reader);
                let disabled = reader.or("disable_issuer_identifier_verification", false);
                let resolved = reader.optional::<ResolvedEndpoints>("resolved_endpoints");
                reader.finish();
                let resolved =
                    resolved.unwrap_or(ResolvedEndpoints { jwks_uri: None, introspection_endpoint: None });
                Some(Self {
                    endpoint: endpoint?,
                    disable_issuer_identifier_verification: disabled,
                    jwks_uri: resolved.jwks_uri,
                    introspection_endpoint: resolved.introspection_endpoint,
                })
            }
        }
    }
}

struct ResolvedEndpoints {
    jwks_uri: Option<ResolvedEndpoint>,
    introspection_endpoint: Option<ResolvedEndpoint>,
}

impl Decode for ResolvedEndpoints {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let jwks_uri = reader.optional("jwks_uri");
        let introspection_endpoint = reader.optional("introspection_endpoint");
        reader.finish();
        Some(Self { jwks_uri, introspection_endpoint })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn check(value: &Value) -> Result<Endpoint, Vec<Code>> {
        let node = Node::from_json(value, &Place::new(Arc::from("f"), 1, 1));
        let mut diagnostics = Diagnostics::new();
        let endpoint = Endpoint::decode(&node, &KeyPath::configuration().key("endpoint"), &mut diagnostics);
        match endpoint {
            Some(endpoint) if !diagnostics.has_errors() => Ok(endpoint),
            Some(_) | None => Err(diagnostics.errors().map(|error| error.code).collect()),
        }
    }

    #[test]
    fn a_url_is_an_endpoint() {
        let endpoint = check(&json!("https://idp.example.com/jwks")).unwrap();
        assert_eq!(endpoint.url.value, "https://idp.example.com/jwks");
        assert_eq!(endpoint.timeout, Duration::from_secs(5));
        assert!(endpoint.headers.is_empty() && endpoint.method.is_none() && endpoint.auth.is_none());
    }

    #[test]
    fn every_key_is_read_and_checked() {
        let endpoint = check(&json!({
            "url": "https://pdp.example.com/{{ .Subject.ID }}",
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "auth": {"type": "api_key", "config": {"in": "header", "name": "X-Key", "secret": {"source": "texts", "selector": "k"}}},
            "retry": {"give_up_after": "2s", "max_delay": "200ms"},
            "http_cache": {"enabled": true, "default_ttl": "30m"},
            "tls": {"ca": {"source": "roots"}},
            "timeout": "1s",
            "max_response_size": "2MB",
        }))
        .unwrap();
        assert_eq!(endpoint.headers.len(), 1);
        assert!(endpoint.method.is_some() && endpoint.auth.is_some() && endpoint.tls.is_some());
        assert!(endpoint.retry.is_some() && endpoint.http_cache.is_some());
        assert_eq!(endpoint.max_response_size, 2 << 20);
        assert_eq!(check(&json!({"url": "https://a/b", "methd": "GET"})), Err(vec![Code::UnknownKey]));
        assert_eq!(
            check(&json!({"url": "https://a/b", "auth": {"type": "basic_aut"}})),
            Err(vec![Code::NotOneOf, Code::MissingKey])
        );
        assert_eq!(check(&json!({"method": "GET"})), Err(vec![Code::MissingKey]));
    }

    #[test]
    fn a_url_must_be_absolute_before_rendering() {
        assert!(check(&json!("https://{{ .TokenIssuer }}/keys")).is_ok());
        for url in
            ["{{ .TokenIssuer }}/keys", "/keys", "idp.example.com", "ftp://a/b", "https://", "https:// a", ""]
        {
            assert_eq!(check(&json!(url)), Err(vec![Code::WrongType]), "{url}");
        }
    }
}
