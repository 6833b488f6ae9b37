//! `forward_to` of a rule.

use http::HeaderName;

use super::super::{
    host,
    rule::{ForwardTo, ForwardedCredentials, Rewrite, Scheme},
};
use crate::document::{
    Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place, Spanned, decode_one_of,
};

pub(super) fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<ForwardTo> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let host = reader.required::<Spanned<String>>("host");
    let forward_host_header = reader.or("forward_host_header", true);
    let rewrite = match reader.node("rewrite") {
        Some(node) if !node.is_null() => decode_rewrite(node, &path.key("rewrite"), reader.diagnostics()),
        Some(_) | None => Some(Rewrite::default()),
    };
    let choices = ForwardedCredentials::ALL.map(|choice| (choice.as_str(), choice));
    let credentials = reader.optional_with("credentials", |node, path, diagnostics| {
        decode_one_of(node, path, &choices, diagnostics)
    });
    let thumbprint_header = reader.optional_with("thumbprint_header", decode_header_name);
    reader.finish();
    let host = host?;
    if let Err(error) = host::check(&host.value) {
        let is_url = host.value.contains("://") || host.value.contains('/');
        let mut diagnostic =
            Diagnostic::error(Code::BadHost, format!("`{path}.host` can not be read: {error}"), &host.place)
                .found(host.value.clone())
                .expected("a host name or address, and a port if needed: `NAME:PORT`");
        if is_url {
            diagnostic = diagnostic.hint("the scheme belongs into `rewrite.scheme`, a path into `rewrite`");
        }
        diagnostics.push(diagnostic);
        return None;
    }
    Some(ForwardTo {
        host,
        forward_host_header,
        rewrite: rewrite?,
        credentials: credentials.unwrap_or_default(),
        thumbprint_header,
    })
}

fn decode_rewrite(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Rewrite> {
    let mut reader = MapReader::new(node, path, diagnostics)?;
    let scheme = reader.optional_with("scheme", |node, path, diagnostics| {
        decode_scheme(node, path, diagnostics).map(|scheme| Spanned::new(scheme, node.place.clone()))
    });
    let strip_path_prefix = reader.optional::<Spanned<String>>("strip_path_prefix");
    let add_path_prefix = reader.optional::<Spanned<String>>("add_path_prefix");
    let strip_query_parameters = reader.optional("strip_query_parameters").unwrap_or_default();
    reader.finish();
    let strip_path_prefix = check_prefix(strip_path_prefix, path, diagnostics)?;
    let add_path_prefix = check_prefix(add_path_prefix, path, diagnostics)?;
    Some(Rewrite { scheme, strip_path_prefix, add_path_prefix, strip_query_parameters })
}

/// A prefix becomes part of a request line: only what may stand in a path. `None` after an error.
#[expect(clippy::option_option, reason = "an error and a prefix left out are different things to the caller")]
fn check_prefix(
    prefix: Option<Spanned<String>>,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<Option<String>> {
    let Some(Spanned { value, place }) = prefix else { return Some(None) };
    let absolute = format!("/{}", value.strip_prefix('/').unwrap_or(&value));
    if let Err(error) = super::super::normal_path::NormalPath::parse(&absolute) {
        diagnostics.push(
            Diagnostic::error(Code::BadPath, format!("a prefix in `{path}` is no path: {error}"), &place)
                .found(value)
                .expected("a path such as `/v2`, special characters percent-encoded"),
        );
        return None;
    }
    Some(Some(value))
}

/// `http` or `https`, in any case.
pub(super) fn decode_scheme(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Scheme> {
    match node.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("http") => Some(Scheme::Http),
        Some("https") => Some(Scheme::Https),
        Some(_) | None => {
            decode_one_of(node, path, &[("http", Scheme::Http), ("https", Scheme::Https)], diagnostics)
        }
    }
}

fn decode_header_name(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<HeaderName> {
    let text = String::decode(node, path, diagnostics)?;
    let Ok(name) = HeaderName::try_from(text.as_str()) else {
        report_header_name(&text, &node.place, path, "is no header name", diagnostics);
        return None;
    };
    if [http::header::AUTHORIZATION, http::header::HOST].contains(&name) || name == "dpop" {
        report_header_name(&text, &node.place, path, "is a header with a meaning of its own", diagnostics);
        return None;
    }
    Some(name)
}

fn report_header_name(
    text: &str,
    place: &Place,
    path: &KeyPath,
    reason: &str,
    diagnostics: &mut Diagnostics,
) {
    diagnostics.push(
        Diagnostic::error(Code::NotOneOf, format!("`{path}` {reason}"), place)
            .found(text)
            .expected("a header name of your own, such as `X-Proof-Thumbprint`"),
    );
}
