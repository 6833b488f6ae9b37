//! Every public type of the libraries that a service's author meets has a compiling example in its documentation, or
//! stands here with the reason why it has none.

use syn::{Attribute, Expr, Item, Lit, Meta};

use crate::library;
use crate::source::{What, attributes};

/// Types without an example, by reason.
const WITHOUT: [(&str, &[&str]); 4] = [
    (
        "errors: never made by users, and matched by variants that say what they mean",
        &[
            "CertificateError",
            "ClaimsRejection",
            "ClientError",
            "DiscoveryError",
            "DpopRejection",
            "IntrospectionError",
            "KeySourceError",
            "OutboundError",
            "Problem",
            "Reason",
            "TargetError",
            "TokenError",
        ],
    ),
    (
        "returned by what has an example, and passed on",
        &["RequirementService", "ResponseFuture", "VerifiedToken", "VerifierConfig"],
    ),
    (
        "for programs that ask several verifiers about one request, as the gateway does",
        &["CertificateCheck", "CertifiedKeys", "ClaimedProofs", "JtiHash", "PresentedToken", "ProofTrace"],
    ),
    ("the module around it is its example", &["ClientCertificate", "OneClient", "StoreUnderTest"]),
];

fn has_example(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::NameValue(doc) = &attribute.meta else { return false };
        let Expr::Lit(text) = &doc.value else { return false };
        let Lit::Str(text) = &text.lit else { return false };
        doc.path.is_ident("doc") && text.value().trim() == "```"
    })
}

#[test]
fn every_type_has_an_example_or_a_reason() {
    let mut missing = Vec::new();
    let mut needless = Vec::new();
    for name in ["resource-server", "resource-server-tower", "testkit"] {
        for reached in library(name).reached() {
            let What::Own(item @ (Item::Struct(_) | Item::Enum(_) | Item::Trait(_))) = reached.what else {
                continue;
            };
            let own_name = reached.path.rsplit("::").next().unwrap_or_default();
            let is_excused = WITHOUT.iter().any(|(_, types)| types.contains(&own_name));
            match (has_example(attributes(item)), is_excused) {
                (false, false) => missing.push(reached.path),
                (true, true) => needless.push(reached.path),
                _ => {}
            }
        }
    }
    assert!(missing.is_empty(), "no example in the documentation of {missing:#?}");
    assert!(needless.is_empty(), "excused, but with an example: {needless:#?}");
}
