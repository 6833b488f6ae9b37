//! The keys of the issuers: one source for all of them, or one for each where the address depends on the issuer.

use std::{sync::Arc, time::Duration};

use resource_server::{
    CertificateCheck, CertifiedKeys, Discovery, IssuerNames, JwksCache, KeySource, TokenPolicy, TrustedIssuer,
};

use crate::{
    document::Diagnostics, mechanisms::authenticators::access_token::issuer_endpoint::IssuerEndpoint,
};

/// How keys are fetched and judged.
#[derive(Debug, Clone)]
pub(super) struct KeySettings {
    pub(super) endpoint: IssuerEndpoint,
    pub(super) lifetime: Duration,
    pub(super) certificates: Option<Arc<dyn CertificateCheck>>,
}

/// Sources of keys with what they remember.
#[derive(Debug, Clone)]
pub(super) struct IssuerKeys {
    settings: KeySettings,
    sources: Vec<Source>,
}

#[derive(Debug, Clone)]
struct Source {
    /// The issuer it is for; `None` where one is for all.
    issuer: Option<String>,
    keys: Arc<dyn KeySource>,
    discovery: Option<Arc<Discovery>>,
}

impl IssuerKeys {
    /// Sources for these issuers; `None` after an error was added to `diagnostics`.
    pub(super) fn connect(
        settings: KeySettings,
        issuers: &[String],
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        Self { settings, sources: Vec::new() }.for_issuers(issuers, diagnostics)
    }

    /// The same for other issuers; what is known about an issuer's keys stays.
    pub(super) fn for_issuers(self, issuers: &[String], diagnostics: &mut Diagnostics) -> Option<Self> {
        let wanted: Vec<Option<&String>> = match self.settings.endpoint.is_per_issuer() {
            true => issuers.iter().map(Some).collect(),
            false => vec![None],
        };
        if wanted.is_empty() {
            self.settings.endpoint.report_no_issuers(diagnostics);
            return None;
        }
        let sources: Vec<Option<Source>> = wanted
            .into_iter()
            .map(|issuer| match self.sources.iter().find(|source| source.issuer.as_ref() == issuer) {
                Some(known) => Some(known.clone()),
                None => self.settings.source(issuer, diagnostics),
            })
            .collect();
        Some(Self { sources: sources.into_iter().collect::<Option<_>>()?, settings: self.settings })
    }

    /// The same with another life of the keys, and nothing remembered.
    pub(super) fn with_lifetime(self, lifetime: Duration) -> Self {
        if lifetime == self.settings.lifetime {
            return self;
        }
        Self { settings: KeySettings { lifetime, ..self.settings }, sources: Vec::new() }
    }

    /// The issuers whose tokens are accepted. Without any configured it is the one that the metadata name.
    pub(super) fn trusted_issuers(&self, issuers: &[String], policy: &TokenPolicy) -> Vec<TrustedIssuer> {
        let trusted = |source: &Source| TrustedIssuer {
            names: match (&source.issuer, &source.discovery) {
                (Some(issuer), _) => IssuerNames::Listed(vec![issuer.clone()]),
                (None, Some(discovery)) if issuers.is_empty() => {
                    IssuerNames::Discovered(Arc::clone(discovery))
                }
                (None, _) => IssuerNames::Listed(issuers.to_vec()),
            },
            keys: Arc::clone(&source.keys),
            policy: policy.clone(),
        };
        self.sources.iter().map(trusted).collect()
    }

    /// The only source of keys, if there is one only: readiness waits for it.
    pub(super) fn only(&self) -> Option<Arc<dyn KeySource>> {
        match self.sources.as_slice() {
            [source] => Some(Arc::clone(&source.keys)),
            _ => None,
        }
    }
}

impl KeySettings {
    fn source(&self, issuer: Option<&String>, diagnostics: &mut Diagnostics) -> Option<Source> {
        let connection = self.endpoint.connect(issuer.map(String::as_str), diagnostics)?;
        let cache = Arc::new(JwksCache::new(connection.location, connection.http, self.lifetime));
        let keys: Arc<dyn KeySource> = match &self.certificates {
            Some(check) => Arc::new(CertifiedKeys::new(cache, Arc::clone(check))),
            None => cache,
        };
        Some(Source { issuer: issuer.cloned(), keys, discovery: connection.discovery })
    }
}
