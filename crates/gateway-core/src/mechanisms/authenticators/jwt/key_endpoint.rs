//! `jwks_endpoint`: where the issuer's keys are fetched, and what can not be done with an endpoint yet.

use std::time::Duration;

use http::Uri;

use crate::{
    document::{Code, Diagnostic, Diagnostics, Endpoint, EndpointFeature, KeyPath, Place},
    mechanisms::BuildContext,
};

/// The address of the keys; `None` after reporting what can not be done with the endpoint.
pub(super) fn key_endpoint(
    endpoint: &Endpoint,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Uri> {
    let path = context.path.key("jwks_endpoint");
    endpoint.refuse_all_but(&[EndpointFeature::Method], &path, diagnostics);
    if let Some(method) = endpoint.method.as_ref().filter(|method| method.value != "GET") {
        report_unsupported(&path.key("method"), &method.place, "keys are fetched with GET", diagnostics);
    }
    if endpoint.timeout != Duration::from_secs(5) || endpoint.max_response_size != 1 << 20 {
        let hint = "every call is limited to 5 s and 1 MB; remove `timeout` and `max_response_size`";
        report_unsupported(&path, &endpoint.place, hint, diagnostics);
    }
    if !context.dependencies.plain_http_endpoints
        && endpoint.url.value.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("http:"))
    {
        diagnostics.push(
            Diagnostic::error(
                Code::PlainHttpEndpoint,
                format!("`{path}` is called over plain http"),
                &endpoint.url.place,
            )
            .found(endpoint.url.value.as_str())
            .expected("https")
            .hint("for local tests only: `--insecure-skip-egress-tls-enforcement`"),
        );
    }
    match endpoint.url.value.parse::<Uri>() {
        Ok(uri) => Some(uri),
        // A template in the URL was reported above.
        Err(_) if endpoint.url.value.contains("{{") => None,
        Err(_) => {
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongType,
                    format!("`{}` is not a URL", path.key("url")),
                    &endpoint.url.place,
                )
                .found(endpoint.url.value.as_str())
                .expected("an absolute URL"),
            );
            None
        }
    }
}

fn report_unsupported(path: &KeyPath, place: &Place, hint: &str, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(Code::NotSupportedYet, format!("`{path}` is known but not supported yet"), place)
            .hint(hint),
    );
}
