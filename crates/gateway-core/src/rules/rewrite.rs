//! Where a rule sends a request: the URI and `Host` that the upstream gets.

use percent_encoding::percent_decode_str;

use super::{
    normal_path::{self, NormalPath, PathError},
    rule::{EncodedSlashes, ForwardTo, Rewrite, Scheme},
};
use crate::{decision::Upstream, request::RequestUri};

/// Works out the upstream's URI: scheme, strip prefix, add prefix, strip query parameters, in this order.
///
/// The path is the one that was matched: resolved, escapes as sent, so nothing can be addressed that the rule did not see.
/// Only `%2F` becomes a slash under [`EncodedSlashes::On`].
///
/// # Errors
///
/// [`PathError`] if the path can not be looked up; a request that reached a rule has none of these.
pub fn upstream_for(
    forward_to: &ForwardTo,
    uri: &RequestUri,
    slashes: EncodedSlashes,
) -> Result<Upstream, PathError> {
    let Rewrite { scheme, strip_path_prefix, add_path_prefix, strip_query_parameters } = &forward_to.rewrite;
    let path = NormalPath::parse(uri.path())?;
    let stripped = match strip_path_prefix {
        Some(prefix) => strip_prefix(&path, prefix),
        None => path.resolved(),
    };
    let mut target = join(add_path_prefix.as_deref().unwrap_or_default(), stripped);
    match slashes {
        EncodedSlashes::On => target = normal_path::decode_slashes(&target),
        EncodedSlashes::Off | EncodedSlashes::NoDecode => {}
    }
    if let Some(query) = uri.query()
        && let Some(query) = strip_parameters(query, strip_query_parameters)
    {
        target.push('?');
        target.push_str(&query);
    }
    let authority = forward_to.host.value.clone();
    let host_header = if forward_to.forward_host_header { uri.host().to_owned() } else { authority.clone() };
    Ok(Upstream {
        scheme: scheme.as_ref().map_or_else(|| scheme_of(uri), |scheme| scheme.value),
        authority,
        path_and_query: target,
        host_header,
    })
}

/// The scheme that the client used.
fn scheme_of(uri: &RequestUri) -> Scheme {
    if uri.scheme() == Scheme::Https.as_str() { Scheme::Https } else { Scheme::Http }
}

/// Takes whole segments away: `/part` is no prefix of `/partial/x`. Segments are compared in normal form, so `/%70art` is
/// not forwarded around it.
fn strip_prefix<'p>(path: &'p NormalPath<'_>, prefix: &str) -> &'p str {
    let prefix = normal_path::normalise(prefix.trim_matches('/'));
    if prefix.is_empty() {
        return path.resolved();
    }
    let segments = prefix.split('/').count();
    let mut normal = path.normal().split('/').skip(1);
    if !prefix.split('/').all(|segment| normal.next() == Some(segment)) {
        return path.resolved();
    }
    // Both forms have the same segments.
    match path.resolved().match_indices('/').nth(segments) {
        Some((start, _)) => path.resolved().get(start..).unwrap_or_default(),
        None => "",
    }
}

/// Joins with exactly one slash. `path` is empty where the prefix taken away was all there was.
fn join(prefix: &str, path: &str) -> String {
    let trimmed = prefix.trim_matches('/');
    let slash = if path.is_empty() && (trimmed.is_empty() || prefix.ends_with('/')) { "/" } else { "" };
    let lead = if trimmed.is_empty() { "" } else { "/" };
    [lead, trimmed, path, slash].concat()
}

/// The query without the parameters of these names, the rest in its order and spelling. `None` if nothing is left of it.
fn strip_parameters(query: &str, names: &[String]) -> Option<String> {
    if names.is_empty() {
        return Some(query.to_owned());
    }
    let is_kept = |parameter: &&str| {
        let name = parameter.split_once('=').map_or(*parameter, |(name, _)| name).replace('+', " ");
        let name = percent_decode_str(&name).decode_utf8_lossy();
        !names.iter().any(|stripped| *stripped == name)
    };
    let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
    if kept.is_empty() { None } else { Some(kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        document::{Place, Spanned},
        rules::rule::ForwardedCredentials,
    };

    fn forward_to(strip: Option<&str>, add: Option<&str>, query: &[&str]) -> ForwardTo {
        let place = Place::whole_file(Arc::from("rules.yaml"));
        ForwardTo {
            host: Spanned::new("up".into(), place),
            forward_host_header: true,
            rewrite: Rewrite {
                scheme: None,
                strip_path_prefix: strip.map(str::to_owned),
                add_path_prefix: add.map(str::to_owned),
                strip_query_parameters: query.iter().map(ToString::to_string).collect(),
            },
            credentials: ForwardedCredentials::Keep,
            thumbprint_header: None,
        }
    }

    fn check(rule: &ForwardTo, slashes: EncodedSlashes, sent: &str, expected: &str) {
        let (path, query) = match sent.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (sent, None),
        };
        let uri = RequestUri::new("http", "gw:99", path, query.as_deref());
        assert_eq!(upstream_for(rule, &uri, slashes).unwrap().path_and_query, expected, "{sent}");
    }

    #[test]
    fn forwards_the_path_that_was_matched_with_its_escapes() {
        let rule = forward_to(None, None, &[]);
        check(&rule, EncodedSlashes::Off, "/a//b/./c", "/a/b/c");
        check(&rule, EncodedSlashes::Off, "/a/%61%7e/%e4", "/a/%61%7e/%e4");
        check(&rule, EncodedSlashes::Off, "/a?x=1&x=%2F+", "/a?x=1&x=%2F+");
    }

    #[test]
    fn rewrites_prefixes_and_query() {
        let rule = forward_to(Some("/rw"), Some("/v2"), &["debug"]);
        check(&rule, EncodedSlashes::Off, "/rw/q?z=1&debug=1&a=%20b+c", "/v2/q?z=1&a=%20b+c");
        check(&rule, EncodedSlashes::Off, "/rw?debug&d%65bug=2", "/v2");
        check(&rule, EncodedSlashes::Off, "/rw/", "/v2/");
        check(&rule, EncodedSlashes::Off, "/%72w/q", "/v2/q");
        check(&rule, EncodedSlashes::Off, "/x//rw/../../rw/q", "/v2/q");
        check(&forward_to(Some("/rw/"), None, &[]), EncodedSlashes::Off, "/rw/q/", "/q/");
        check(&forward_to(Some("/rw"), None, &[]), EncodedSlashes::Off, "/rw", "/");
        check(&forward_to(None, Some("v2/"), &[]), EncodedSlashes::Off, "/q", "/v2/q");
    }

    #[test]
    fn strips_only_at_a_segment_border() {
        let rule = forward_to(Some("/part"), Some("/x"), &[]);
        check(&rule, EncodedSlashes::Off, "/partial/x", "/x/partial/x");
    }

    #[test]
    fn decodes_encoded_slashes_only_where_that_is_on() {
        let rule = forward_to(Some("/on"), None, &[]);
        check(&rule, EncodedSlashes::On, "/on/a%2Fb%2fc%20d", "/a/b/c%20d");
        check(&rule, EncodedSlashes::NoDecode, "/on/a%2fb", "/a%2fb");
        check(&rule, EncodedSlashes::On, "/on%2fa", "/on/a");
    }

    #[test]
    fn names_scheme_and_host_as_configured() {
        let mut rule = forward_to(None, None, &[]);
        let uri = RequestUri::new("http", "gw:99", "/", None);
        let upstream = upstream_for(&rule, &uri, EncodedSlashes::Off).unwrap();
        assert_eq!((upstream.scheme.as_str(), upstream.host_header.as_str()), ("http", "gw:99"));
        rule.forward_host_header = false;
        rule.rewrite.scheme = Some(Spanned::new(Scheme::Https, rule.host.place.clone()));
        let upstream = upstream_for(&rule, &uri, EncodedSlashes::Off).unwrap();
        assert_eq!((upstream.scheme.as_str(), upstream.host_header.as_str()), ("https", "up"));
        assert_eq!(upstream.authority, "up");
    }
}
