//! `http_message_signatures`: requests signed as RFC 9421 says.
//!
//! Covered are the configured components, in their order. `content-digest` is made from the body (RFC 9530, SHA-256) when
//! it is listed. The signature carries `created`, `expires`, a random `nonce`, `alg`, `keyid`, and the signer's name as
//! `tag`.

mod component;

use std::{fmt::Write as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use jose::{Algorithm, UnixTime, base64url, crypto};
use resource_server::OutboundError;

use self::component::Component;
use super::super::EndpointContext;
use crate::{
    cache::{CacheKey, CacheKeyBuilder},
    document::{Code, Diagnostic, Diagnostics, KeyPath, SecretReference, Spanned},
    published_keys::PublishedKey,
    secrets::SigningKey,
};

const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
/// heimdall's default for `signer.name`.
const DEFAULT_SIGNER: &str = "heimdall";

/// Signs requests.
#[derive(Debug)]
pub(in crate::endpoint) struct MessageSignatures {
    key: SigningKey,
    algorithm: SignatureAlgorithm,
    published: Vec<PublishedKey>,
    components: Vec<Component>,
    ttl: Duration,
    label: String,
    tag: String,
}

/// An algorithm of RFC 9421 §6.2.2 and the same one in JOSE's words.
#[derive(Debug, Clone, Copy)]
struct SignatureAlgorithm {
    name: &'static str,
    jose: Algorithm,
}

impl SignatureAlgorithm {
    /// The one registered algorithm for a key; there is none for P-521.
    fn of(key: &jose::KeyPair) -> Option<Self> {
        let registered = [
            ("ecdsa-p256-sha256", Algorithm::Es256),
            ("ecdsa-p384-sha384", Algorithm::Es384),
            ("ed25519", Algorithm::Ed25519),
            ("rsa-pss-sha512", Algorithm::Ps512),
        ];
        let fitting = registered.into_iter().find(|(_, algorithm)| key.supports(*algorithm));
        fitting.map(|(name, jose)| Self { name, jose })
    }
}

impl MessageSignatures {
    #[expect(clippy::too_many_arguments, reason = "the keys of the configuration, each once")]
    pub(super) fn build(
        signer_name: Option<&str>,
        secret: &SecretReference,
        components: &[Spanned<String>],
        ttl: Duration,
        label: &str,
        path: &KeyPath,
        context: &EndpointContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let user = path.key("signer").key("secret").to_string();
        let key = context
            .secrets
            .signing_key(&secret.source.value, secret.selector())
            .map_err(|error| error.report(secret, &user, diagnostics))
            .ok();
        let algorithm = key.as_ref().and_then(|key| SignatureAlgorithm::of(&key.key));
        if key.is_some() && algorithm.is_none() {
            diagnostics.push(
                Diagnostic::error(
                    Code::WrongSecretKind,
                    format!("`{user}` is a key for which HTTP message signatures have no algorithm"),
                    &secret.place,
                )
                .expected("a key of type P-256, P-384, Ed25519 or RSA"),
            );
        }
        let components_path = path.key("components");
        let components: Vec<Option<Component>> = components
            .iter()
            .enumerate()
            .map(|(position, text)| Component::read(text, &components_path.index(position), diagnostics))
            .collect();
        let components: Option<Vec<Component>> = components.into_iter().collect();
        let tag = signer_name.unwrap_or(DEFAULT_SIGNER);
        let mut is_well_formed = true;
        let mut report = |key: &str, expected: &str| {
            is_well_formed = false;
            diagnostics.push(
                Diagnostic::error(
                    Code::OutOfRange,
                    format!("`{}` can not be used in a signature", path.key(key)),
                    &secret.place,
                )
                .expected(expected),
            );
        };
        if !is_key(label) {
            report("label", "lower-case letters, digits, `_`, `-`, `.` and `*`, a letter or `*` first");
        }
        if !is_string(tag) || !key.as_ref().is_none_or(|key| is_string(&key.id)) {
            report("signer", "a name and a key id of printable ASCII characters");
        }
        if ttl < Duration::from_secs(1) {
            report("ttl", "1s or more");
        }
        if components.as_ref().is_some_and(|components| has_twice(components)) {
            report("components", "each component once");
        }
        // A signer that is not there was reported; its source then has nothing to publish.
        let published = context.secrets.signing_keys(&secret.source.value).unwrap_or_default();
        Some(Self {
            key: key?,
            algorithm: algorithm?,
            published: published.iter().map(PublishedKey::of).collect(),
            components: components?,
            ttl,
            label: label.to_owned(),
            tag: tag.to_owned(),
        })
        .filter(|_| is_well_formed)
    }

    pub(super) fn apply(&self, request: &mut Request<Bytes>, now: UnixTime) -> Result<(), OutboundError> {
        if self.components.iter().any(Component::is_content_digest) {
            let digest = format!("sha-256=:{}:", STANDARD.encode(crypto::sha256(request.body())));
            let digest = HeaderValue::from_str(&digest).map_err(|_| unsigned("the digest"))?;
            request.headers_mut().insert(CONTENT_DIGEST, digest);
        }
        let parameters = self.parameters(now, &base64url::encode(crypto::random::<16>()));
        let base = self.signature_base(request, &parameters)?;
        let signature = self
            .key
            .key
            .sign_with(self.algorithm.jose, base.as_bytes())
            .map_err(|error| unsigned(&error.to_string()))?;
        let value = |text: String| HeaderValue::from_str(&text).map_err(|_| unsigned("the signature"));
        let input = value(format!("{}={parameters}", self.label))?;
        let signature = value(format!("{}=:{}:", self.label, STANDARD.encode(signature)))?;
        request.headers_mut().insert(SIGNATURE_INPUT, input);
        request.headers_mut().insert(SIGNATURE, signature);
        Ok(())
    }

    /// The signature parameters (§2.3), as they stand in `Signature-Input` behind the label.
    fn parameters(&self, now: UnixTime, nonce: &str) -> String {
        let identifiers: Vec<String> = self.components.iter().map(Component::identifier).collect();
        format!(
            "({});created={};expires={};nonce=\"{nonce}\";alg=\"{}\";keyid={};tag={}",
            identifiers.join(" "),
            now.as_seconds(),
            now.saturating_add(self.ttl).as_seconds(),
            self.algorithm.name,
            quoted(&self.key.id),
            quoted(&self.tag),
        )
    }

    /// The text that is signed (§2.5).
    fn signature_base(&self, request: &Request<Bytes>, parameters: &str) -> Result<String, OutboundError> {
        let mut base = String::new();
        for component in &self.components {
            let value = component.value(request).map_err(|why| unsigned(&why))?;
            // Writing to a string does not fail.
            let _ = writeln!(base, "{}: {value}", component.identifier());
        }
        let _ = write!(base, "\"@signature-params\": {parameters}");
        Ok(base)
    }

    pub(super) fn identity(&self) -> CacheKey {
        CacheKeyBuilder::new("http_message_signatures")
            .part(&self.key.id)
            .part(self.key.key.thumbprint().to_string())
            .part(&self.tag)
            .finish()
    }

    pub(super) fn published_keys(&self) -> &[PublishedKey] {
        &self.published
    }
}

fn unsigned(why: &str) -> OutboundError {
    OutboundError::NoCredentials(format!("the request can not be signed: {why}"))
}

/// A key of a structured field (RFC 8941 §3.1.2).
fn is_key(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase() || first == '*')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte))
}

/// What a string of a structured field can hold (RFC 8941 §3.3.3).
fn is_string(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn has_twice(components: &[Component]) -> bool {
    components
        .iter()
        .enumerate()
        .any(|(position, one)| components.iter().skip(position + 1).any(|other| one == other))
}

#[cfg(test)]
mod tests;
