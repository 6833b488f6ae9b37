//! The connection to Redis, when `cache` is of such a type: made from settings and secrets, connected when serving starts.

use std::sync::Arc;

use dpop_redis::{Credentials, Link, RedisConfig, Tls, Topology};
use gateway_core::{
    document::{Code, Diagnostic, Diagnostics, SecretReference},
    secrets::{SecretError, SecretStore},
};
use rustls::{ClientConfig, sign::SingleCertAndKey};
use rustls_platform_verifier::BuilderVerifierExt as _;
use zeroize::Zeroizing;

use crate::{
    clock,
    config::settings::{RedisSettings, RedisTlsSettings},
    tls::{
        certificate::certified_key,
        versions::{provider, versions},
    },
};

/// A connection and where its credentials come from.
#[derive(Clone)]
pub(crate) struct RedisLink {
    pub(crate) link: Arc<Link>,
    credentials: Option<SecretReference>,
}

impl RedisLink {
    /// Resolves the secrets; what is wrong with them is added to `diagnostics`. Nothing is connected yet.
    pub(crate) fn new(
        settings: &RedisSettings,
        secrets: &SecretStore,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let user = match &settings.credentials {
            Some(reference) => credentials(reference, secrets)
                .map_err(|error| error.report(reference, "`cache`", diagnostics))
                .ok()
                .map(Some),
            None => Some(None),
        };
        let tls = match &settings.tls {
            Some(tls) => client_config(tls, settings, secrets, diagnostics).map(|tls| Tls::On(Arc::new(tls))),
            None => Some(Tls::Off),
        };
        let config = RedisConfig {
            topology: settings.topology.clone(),
            credentials: user?,
            tls: tls?,
            connect_timeout: settings.connect_timeout,
        };
        Some(Self { link: Arc::new(Link::new(config)), credentials: settings.credentials.clone() })
    }

    /// Whether user and password come from this source.
    pub(crate) fn uses(&self, source: &str) -> bool {
        self.credentials.as_ref().is_some_and(|reference| reference.source.value == source)
    }

    /// The credentials in these secrets, for [`RedisLink::log_in_as`].
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn renewal(&self, secrets: &SecretStore) -> Result<Option<Credentials>, SecretError> {
        self.credentials.as_ref().map(|reference| credentials(reference, secrets)).transpose()
    }

    /// Connects anew with these credentials.
    pub(crate) fn log_in_as(&self, credentials: Option<Credentials>) {
        self.link.set_credentials(credentials);
    }
}

fn credentials(reference: &SecretReference, secrets: &SecretStore) -> Result<Credentials, SecretError> {
    let [username, password] =
        secrets.credentials(&reference.source.value, reference.selector(), ["username", "password"])?;
    Ok(Credentials { username: Some(username.to_string()), password: Zeroizing::new(password.to_string()) })
}

fn client_config(
    tls: &RedisTlsSettings,
    settings: &RedisSettings,
    secrets: &SecretStore,
    diagnostics: &mut Diagnostics,
) -> Option<ClientConfig> {
    let mut unusable = |reason: &dyn std::fmt::Display| {
        let headline = format!("TLS to Redis can not be set up: {reason}");
        diagnostics.push(Diagnostic::error(Code::MissingTls, headline, &settings.place));
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(provider(&tls.cipher_suites)))
        .with_protocol_versions(versions(tls.min_version))
        .and_then(|builder| match settings.topology {
            // The library that speaks to clusters has trust anchors of its own.
            Topology::Cluster { .. } => Ok(builder.with_root_certificates(rustls::RootCertStore::empty())),
            Topology::Single { .. } | Topology::Sentinel { .. } => builder.with_platform_verifier(),
        })
        .map_err(|error| unusable(&error))
        .ok()?;
    let Some(secret) = &tls.secret else { return Some(builder.with_no_client_auth()) };
    match certified_key(secrets, secret, clock::now()) {
        Ok(certified) => Some(builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))),
        Err(error) => {
            error.report(secret, "`cache`", diagnostics);
            None
        }
    }
}
