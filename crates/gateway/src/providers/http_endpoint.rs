//! `providers.http_endpoint`: rule sets from HTTP servers.
//!
//! Each endpoint gives one rule set, as JSON or YAML. They are asked for when the gateway starts, which does not wait for
//! servers that are down: until the first good answer the gateway is not ready, its rules are missing, and it asks again.
//! Later an answer that can not be used leaves the last good rules in place.

use std::{sync::Arc, time::Duration};

use gateway_core::{
    document::{self, Diagnostics, KeyPath},
    endpoint::{Endpoint, EndpointContext, EndpointError},
    gateway::GatewaySettings,
    rules::decode_rule_set,
    template::TemplateData,
};
use http::{HeaderMap, Method, StatusCode, header};
use jose::crypto;

use super::rule_book::{RuleBook, SourceIndex};
use crate::{
    clock,
    config::{Sources, read_document},
};

/// The first and the longest pause before a server is asked again whose rules are still missing.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Media types of rule sets; parameters do not count.
const MEDIA_TYPES: [&str; 6] = [
    "application/json",
    "application/yaml",
    "application/x-yaml",
    "text/yaml",
    "text/x-yaml",
    "text/vnd.yaml",
];

/// Why an endpoint gave no rule set.
#[derive(Debug, thiserror::Error)]
enum NoRules {
    #[error(transparent)]
    Call(#[from] EndpointError),
    #[error("it answered with status {0}")]
    Status(StatusCode),
    #[error("its answer is neither JSON nor YAML by its content type")]
    MediaType,
    #[error("its answer is not UTF-8")]
    NotText,
}

/// The endpoint at a position of the list, ready to be called. Mistakes are added to `diagnostics`.
pub(crate) fn build(
    document: &document::Endpoint,
    position: usize,
    settings: &GatewaySettings,
    diagnostics: &mut Diagnostics,
) -> Option<Endpoint> {
    let path = KeyPath::configuration().key("providers").key("http_endpoint").key("endpoints");
    let context = EndpointContext {
        secrets: &settings.secrets,
        clients: &settings.outbound,
        cache: &settings.cache,
        allows_plain_http: settings.plain_http_endpoints,
        in_rule: false,
        path: path.index(position),
        offered: &[],
        default_method: Method::GET,
    };
    Endpoint::build(document, &context, diagnostics)
}

/// An endpoint that is asked again and again.
pub(crate) struct FollowedEndpoint {
    document: document::Endpoint,
    position: usize,
    endpoint: Endpoint,
    /// Which secrets the endpoint was built with.
    generation: u64,
    name: String,
    book: Arc<RuleBook>,
    source: SourceIndex,
    /// The answer that was looked at last.
    seen: Option<[u8; 32]>,
    last_error: Option<String>,
}

impl FollowedEndpoint {
    /// Makes an endpoint a source of the book.
    pub(crate) fn new(document: document::Endpoint, position: usize, book: &Arc<RuleBook>) -> Option<Self> {
        let (generation, settings) = book.engine().settings();
        // What is wrong was reported when the configuration was checked.
        let endpoint = build(&document, position, &settings, &mut Diagnostics::new())?;
        let name = public_name(&endpoint, position);
        let source = book.add(name.as_str(), None);
        Some(Self {
            document,
            position,
            endpoint,
            generation,
            name,
            book: Arc::clone(book),
            source,
            seen: None,
            last_error: None,
        })
    }

    /// Asks in every interval; without one, until there was an answer that could be used.
    pub(crate) async fn follow(mut self, interval: Duration) {
        let mut pause = ASK_AGAIN.0;
        loop {
            let is_missing = self.book.is_missing(self.source);
            let wait = match (is_missing, interval.is_zero()) {
                (true, true) => pause,
                (true, false) => pause.min(interval),
                (false, true) => return,
                (false, false) => interval,
            };
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(ASK_AGAIN.1);
            self.look().await;
        }
    }

    /// Asks once and gives what is new to the book.
    pub(crate) async fn look(&mut self) {
        self.use_new_secrets();
        let text = match self.fetch().await {
            Ok(text) => text,
            Err(error) => {
                // The same error in every interval says nothing new.
                let error = error.to_string();
                if self.last_error.as_ref() != Some(&error) {
                    let endpoint = self.name.as_str();
                    tracing::error!(endpoint, error, "rules not read, the old ones stay");
                    self.book.engine().rules_unreadable();
                }
                self.last_error = Some(error);
                return;
            }
        };
        self.last_error = None;
        let fingerprint = crypto::sha256(text.as_bytes());
        if self.seen.replace(fingerprint) == Some(fingerprint) {
            return;
        }
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let root = KeyPath::rule_set();
        let node = read_document(&self.name, &text, &root, None, &mut sources, &mut diagnostics);
        let rule_set =
            node.filter(|node| !node.is_null()).and_then(|node| decode_rule_set(&node, &mut diagnostics));
        self.book.replace(self.source, rule_set.into_iter().collect(), diagnostics);
    }

    async fn fetch(&self) -> Result<String, NoRules> {
        let now = clock::now();
        let call = self.endpoint.call(&TemplateData::default(), now)?;
        let answer = self.endpoint.send(call, now).await.map_err(EndpointError::from)?;
        if answer.status() != StatusCode::OK {
            return Err(NoRules::Status(answer.status()));
        }
        if !is_rule_set(answer.headers()) {
            return Err(NoRules::MediaType);
        }
        String::from_utf8(answer.into_body().to_vec()).map_err(|_| NoRules::NotText)
    }

    /// Credentials and trust anchors of the endpoint follow their sources.
    fn use_new_secrets(&mut self) {
        let (generation, settings) = self.book.engine().settings();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        let mut diagnostics = Diagnostics::new();
        match build(&self.document, self.position, &settings, &mut diagnostics) {
            Some(endpoint) => self.endpoint = endpoint,
            None => tracing::error!(
                endpoint = self.name,
                reason = diagnostics.errors().next().map(|error| error.headline.as_str()),
                "the endpoint can not use the new secrets, the old ones stay"
            ),
        }
    }
}

/// The URL without user and query, which may hold keys; the position where there is a template.
fn public_name(endpoint: &Endpoint, position: usize) -> String {
    let unnamed = || format!("providers.http_endpoint.endpoints[{position}]");
    let Some(url) = endpoint.fixed_url() else { return unnamed() };
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return unnamed() };
    let port = authority.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}{}", authority.host(), url.path())
}

fn is_rule_set(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    MEDIA_TYPES.iter().any(|known| media_type.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn parameters_of_the_content_type_do_not_count() {
        let check = |content_type: &'static str| {
            is_rule_set(&HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                HeaderValue::from_static(content_type),
            )]))
        };
        for content_type in
            ["application/json", "Application/JSON; charset=utf-8", "application/yaml;x=y", "text/yaml ; a=b"]
        {
            assert!(check(content_type), "{content_type}");
        }
        for content_type in ["text/html", "application/jsonp", "", ";application/json"] {
            assert!(!check(content_type), "{content_type}");
        }
        assert!(!is_rule_set(&HeaderMap::new()));
    }
}
