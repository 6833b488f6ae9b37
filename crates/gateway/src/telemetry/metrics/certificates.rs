//! How long the certificates of the gateway are good for: those that belong to a private key in `secret_management`.

use gateway_core::secrets::{SecretContent, SecretStore};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer as _, X509Certificate},
};

/// A certificate as its metric names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(super) issuer: String,
    pub(super) serial_number: String,
    pub(super) subject: String,
    /// The names of hosts, with commas between.
    pub(super) dns_names: String,
    /// In seconds since the Unix epoch.
    pub(super) not_after: i64,
}

/// The certificate of each private key, each once. Those further up the chains are other people's.
pub(crate) fn of(secrets: &SecretStore) -> Vec<Certificate> {
    let mut found = Vec::new();
    for source in secrets.names().filter_map(|name| secrets.source(name)) {
        let SecretContent::Keys { signing, .. } = &source.content else { continue };
        let leaves = signing.iter().filter_map(|key| key.certificates.first());
        for certificate in leaves.filter_map(|der| read(der)) {
            if !found.contains(&certificate) {
                found.push(certificate);
            }
        }
    }
    found
}

fn read(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let dns_names: Vec<&str> = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        })
        .collect();
    Some(Certificate {
        issuer: certificate.issuer().to_string(),
        serial_number: certificate.raw_serial_as_string(),
        subject: certificate.subject().to_string(),
        dns_names: dns_names.join(","),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gateway_core::secrets::{SecretSource, SigningKey};
    use jose::{Algorithm, KeyPair};

    use super::*;
    use crate::{clock, telemetry::metrics::Metrics};

    #[test]
    fn tells_the_seconds_that_are_left_and_forgets_what_was_renewed() {
        let certificate = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            parameters.not_after = rcgen::date_time_ymd(2999, 1, 1);
            parameters.self_signed(&key).unwrap().der().to_vec()
        };
        let store = |der: Vec<u8>| {
            let key = Arc::new(KeyPair::generate(Algorithm::Es256).unwrap());
            let signing = vec![SigningKey { id: "k".to_owned(), key, certificates: vec![der] }];
            let content = SecretContent::Keys { symmetric: Vec::new(), signing };
            let mut store = SecretStore::new();
            store.insert("tls", SecretSource { allow_in_rules: false, content });
            store
        };
        let metrics = Metrics::new().unwrap();
        metrics.certificates(of(&store(certificate("old.example"))));
        metrics.certificates(of(&store(certificate("new.example"))));
        let text = metrics.to_text().unwrap();
        let line = text.lines().find(|line| line.starts_with("certificate_expiry_seconds{")).unwrap();
        assert!(line.contains("dns_names=\"new.example\"") && !text.contains("old.example"), "{text}");
        let left: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        let end = 32_472_144_000_i64;
        let expected = end - clock::now().as_seconds();
        assert!((left - expected as f64).abs() < 5.0, "{left} {expected}");
    }
}
