//! What the upstream gets of the client's credentials, once the finalizers are through.

use dpop::DPOP;
use http::{HeaderValue, header};
use jose::JwkThumbprint;
use oauth::{CredentialsRef, Scheme};

use crate::{
    decision::UpstreamChanges,
    request::Request,
    rules::{ForwardTo, ForwardedCredentials},
};

/// `Authorization` and `DPoP` go on as sent until a finalizer replaces `Authorization` or the rule says otherwise. A `DPoP`
/// header that does not belong to a DPoP token is always removed, and the header of the proven thumbprint never comes from
/// the client.
///
/// `accepted` is the scheme of the token that an authenticator accepted, `None` if none looked at one.
pub(super) fn settle(
    forward_to: Option<&ForwardTo>,
    request: &Request,
    accepted: Option<Scheme>,
    thumbprint: Option<&JwkThumbprint>,
    changes: &mut UpstreamChanges,
) {
    let presented = || CredentialsRef::from_headers(&request.headers).ok().flatten();
    let is_dpop =
        |presented: Option<CredentialsRef<'_>>| presented.is_some_and(|it| it.scheme == Scheme::Dpop);
    let wanted = forward_to.map_or(ForwardedCredentials::Keep, |forward_to| forward_to.credentials);
    let keeps_proof = if changes.sets(&header::AUTHORIZATION) {
        false
    } else {
        match wanted {
            ForwardedCredentials::Keep => {
                request.headers.contains_key(DPOP) && (accepted == Some(Scheme::Dpop) || is_dpop(presented()))
            }
            ForwardedCredentials::Strip => {
                changes.remove_header(header::AUTHORIZATION);
                false
            }
            ForwardedCredentials::Bearer => {
                let presented = presented();
                let is_dpop = is_dpop(presented);
                forward_as_bearer(presented, accepted, is_dpop, changes);
                false
            }
        }
    };
    if !keeps_proof && !changes.sets(&DPOP) {
        changes.remove_header(DPOP);
    }
    if let Some(name) = forward_to.and_then(|forward_to| forward_to.thumbprint_header.as_ref()) {
        changes.remove_header(name.clone());
        let value = thumbprint.and_then(|thumbprint| HeaderValue::from_str(&thumbprint.to_string()).ok());
        changes.set_header(name, value);
    }
}

/// Only a token that was accepted loses its proof: an unproven one would become usable on the way.
fn forward_as_bearer(
    presented: Option<CredentialsRef<'_>>,
    accepted: Option<Scheme>,
    is_dpop: bool,
    changes: &mut UpstreamChanges,
) {
    let bearer = presented.filter(|_| accepted.is_some()).and_then(|credentials| {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", credentials.token.as_str())).ok()?;
        value.set_sensitive(true);
        Some(value)
    });
    match bearer {
        Some(value) => changes.set_header(&header::AUTHORIZATION, [value]),
        None if is_dpop => changes.remove_header(header::AUTHORIZATION),
        None => {}
    }
}
