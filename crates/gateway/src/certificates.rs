//! Certificates that issuers publish with their keys (`x5c`): chains are built by the TLS stack, against the certificates
//! that the configuration names or those that the system trusts.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use gateway_core::certificates::{CertificateTrust, TrustAnchorError};
use jose::{IssuerKey, PublicJwk, UnixTime, base64url};
use resource_server::{CertificateCheck, CertificateError};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{self, CertificateDer, TrustAnchor},
};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};
use x509_parser::{
    certificate::X509Certificate, oid_registry::OID_SIG_ED25519, parse_x509_certificate,
    public_key::PublicKey,
};

/// The longest chain that is looked at.
const MAX_CERTIFICATES: usize = 10;

/// Checks chains against given certificates or the system's, which are read when the first chain is to be checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsTrust {
    system: Arc<OnceLock<Anchors>>,
}

/// Certificates that are trusted.
#[derive(Default)]
struct Anchors {
    certificates: Vec<Vec<u8>>,
    anchors: Vec<TrustAnchor<'static>>,
}

/// One configuration's check.
#[derive(Debug)]
enum ChainCheck {
    Configured(Anchors),
    System(Arc<OnceLock<Anchors>>),
}

impl CertificateTrust for TlsTrust {
    fn check(
        &self,
        trust_anchors: Option<&[Vec<u8>]>,
    ) -> Result<Arc<dyn CertificateCheck>, TrustAnchorError> {
        Ok(Arc::new(match trust_anchors {
            None => ChainCheck::System(Arc::clone(&self.system)),
            Some(certificates) => {
                let mut anchors = Anchors::default();
                for certificate in certificates {
                    anchors.add(certificate).map_err(|error| TrustAnchorError(error.to_string()))?;
                }
                ChainCheck::Configured(anchors)
            }
        }))
    }
}

impl Anchors {
    fn add(&mut self, certificate: &[u8]) -> Result<(), webpki::Error> {
        let anchor = webpki::anchor_from_trusted_cert(&CertificateDer::from_slice(certificate))?.to_owned();
        self.anchors.push(anchor);
        self.certificates.push(certificate.to_vec());
        Ok(())
    }

    /// What the system trusts; certificates that are none are left out.
    fn of_system() -> Self {
        let mut anchors = Self::default();
        let found = rustls_native_certs::load_native_certs();
        for certificate in &found.certs {
            let _ = anchors.add(certificate);
        }
        if anchors.anchors.is_empty() {
            tracing::warn!("no trust anchors on this system, keys with certificates will not be used");
        }
        anchors
    }
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Anchors").field("certificates", &self.certificates.len()).finish()
    }
}

impl CertificateCheck for ChainCheck {
    fn check(&self, key: &IssuerKey, now: UnixTime) -> Result<UnixTime, CertificateError> {
        let anchors = match self {
            Self::Configured(anchors) => anchors,
            Self::System(system) => system.get_or_init(Anchors::of_system),
        };
        check(&key.key, &key.x5c, anchors, now).map_err(CertificateError)
    }
}

/// The chain's end, or what is wrong with it in words for the operator.
fn check(key: &PublicJwk, chain: &[Vec<u8>], anchors: &Anchors, now: UnixTime) -> Result<UnixTime, String> {
    let Some((leaf, intermediates)) = chain.split_first() else { return Err("there is none".to_owned()) };
    if chain.len() > MAX_CERTIFICATES {
        return Err(format!("the chain has more than {MAX_CERTIFICATES} certificates"));
    }
    let certificate = parse(leaf)?;
    if !belongs_to(&certificate, key) {
        return Err("it is made out for another key".to_owned());
    }
    let until = valid_until(&certificate, now)?;
    let usage = certificate.key_usage().map_err(|error| format!("its key usage can not be read: {error}"))?;
    let may_sign = usage.map(|usage| usage.value.digital_signature());
    if anchors.certificates.iter().any(|trusted| trusted == leaf) {
        // Listed itself: what it does not say is not demanded, what it says counts.
        return match may_sign {
            None | Some(true) => Ok(until),
            Some(false) => Err("its key usage does not allow digital signatures".to_owned()),
        };
    }
    if certificate.issuer() == certificate.subject() && intermediates.is_empty() {
        return Err("it is self-signed and not trusted. Keycloak publishes such certificates: set `validate_jwk: false`, \
                    or list the certificate in `trust_anchors`"
            .to_owned());
    }
    if may_sign != Some(true) {
        return Err("its key usage does not allow digital signatures".to_owned());
    }
    // A chain ends with the first of its certificates; one that the path does not need only makes it end earlier.
    let until = intermediates
        .iter()
        .try_fold(until, |until, der| Ok::<_, String>(until.min(valid_until(&parse(der)?, now)?)))?;
    let chained = intermediates.iter().map(|der| CertificateDer::from_slice(der)).collect::<Vec<_>>();
    build_chain(leaf, &chained, anchors, now)?;
    Ok(until)
}

fn build_chain(
    leaf: &[u8],
    intermediates: &[CertificateDer<'_>],
    anchors: &Anchors,
    now: UnixTime,
) -> Result<(), String> {
    let leaf = CertificateDer::from_slice(leaf);
    let leaf = EndEntityCert::try_from(&leaf).map_err(|error| format!("it can not be read: {error}"))?;
    let seconds = u64::try_from(now.as_seconds()).map_err(|_| "the clock is out of range".to_owned())?;
    let now = pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms.all;
    leaf.verify_for_usage(algorithms, &anchors.anchors, intermediates, now, AnyExtendedUsage, None, None)
        .map(|_| ())
        .map_err(|error| format!("its chain leads to no trusted certificate: {error}"))
}

/// Extended key usages are about TLS, mail and code, not about tokens.
struct AnyExtendedUsage;

impl ExtendedKeyUsageValidator for AnyExtendedUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    match parse_x509_certificate(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err("it has bytes behind its end".to_owned()),
        Err(error) => Err(format!("it can not be read: {error}")),
    }
}

fn valid_until(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<UnixTime, String> {
    let validity = certificate.validity();
    // The last second is still good; a time given out is the first that is not.
    let until = UnixTime::from_seconds(validity.not_after.timestamp().saturating_add(1));
    if now < UnixTime::from_seconds(validity.not_before.timestamp()) {
        return Err(format!("it is not valid before {}", validity.not_before));
    }
    if now >= until {
        return Err(format!("it has expired at {}", validity.not_after));
    }
    Ok(until)
}

/// Whether the certificate's public key is the JWK.
fn belongs_to(certificate: &X509Certificate<'_>, key: &PublicJwk) -> bool {
    let members = key.to_json();
    let member = |name: &str| base64url::decode(members.get(name)?.as_str()?).ok();
    let info = certificate.public_key();
    match (info.parsed(), members.get("kty").and_then(serde_json::Value::as_str)) {
        (Ok(PublicKey::RSA(rsa)), Some("RSA")) => {
            member("n").is_some_and(|n| without_zeros(rsa.modulus) == n)
                && member("e").is_some_and(|e| without_zeros(rsa.exponent) == e)
        }
        (Ok(PublicKey::EC(point)), Some("EC")) => match (member("x"), member("y")) {
            (Some(x), Some(y)) => point.data() == [&[4], &*x, &*y].concat(),
            _ => false,
        },
        (_, Some("OKP")) => {
            info.algorithm.algorithm == OID_SIG_ED25519
                && member("x").is_some_and(|x| *info.subject_public_key.data == *x)
        }
        _ => false,
    }
}

/// DER writes a zero in front of what would be negative.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
