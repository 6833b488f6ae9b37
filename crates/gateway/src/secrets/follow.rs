//! Secrets that follow their files (`watch: true`).
//!
//! Each source is followed on its own. A new content replaces the old one only if everything that uses the source can use
//! it: mechanisms, rules, the master key, listeners, the connection to Redis. Otherwise, and when the file is gone, the last good one stays and the
//! log says why, once.

use std::sync::Arc;

use gateway_core::{
    document::Diagnostics,
    secrets::{SecretContent, SecretSource, SecretStore},
};
use jose::crypto;
use parking_lot::Mutex;

use super::{Fingerprint, Fingerprints, parse_file, read_bytes};
use crate::{
    clock,
    config::{Sources, settings::SecretSourceSettings},
    file_watch::Watch,
    management::CurrentKeys,
    redis::RedisLink,
    reload::Engine,
    telemetry::metrics::Reload,
    tls::listener::ListenerTls,
};

/// Everything that uses secrets, and the secrets of the moment.
pub(crate) struct SecretUsers {
    secrets: Mutex<SecretStore>,
    engine: Arc<Engine>,
    published: CurrentKeys,
    listeners: Vec<ListenerTls>,
    redis: Option<RedisLink>,
}

impl SecretUsers {
    /// Users of these secrets.
    pub(crate) fn new(
        secrets: SecretStore,
        engine: Arc<Engine>,
        published: CurrentKeys,
        listeners: Vec<ListenerTls>,
        redis: Option<RedisLink>,
    ) -> Self {
        Self { secrets: Mutex::new(secrets), engine, published, listeners, redis }
    }

    /// Gives all users the new content of a source, or none of them. Tells whether they took it.
    fn take(&self, name: &str, content: SecretContent) -> bool {
        let mut secrets = self.secrets.lock();
        let Some(source) = secrets.source(name) else { return false };
        let mut candidate = secrets.clone();
        candidate.insert(name, SecretSource { allow_in_rules: source.allow_in_rules, content });
        let concerned: Vec<&ListenerTls> = self.listeners.iter().filter(|tls| tls.uses(name)).collect();
        let renewals: Result<Vec<_>, _> =
            concerned.iter().map(|tls| tls.renewal(&candidate, clock::now())).collect();
        let renewals = match renewals {
            Ok(renewals) => renewals,
            Err(error) => {
                tracing::error!(secret = name, %error, "the TLS of a listener can not use the new secret");
                return false;
            }
        };
        let redis = self.redis.as_ref().filter(|redis| redis.uses(name));
        let login = match redis.map(|redis| redis.renewal(&candidate)).transpose() {
            Ok(login) => login,
            Err(error) => {
                tracing::error!(secret = name, %error, "the connection to Redis can not use the new secret");
                return false;
            }
        };
        let mut diagnostics = Diagnostics::new();
        if !self.engine.replace_secrets(name, candidate.clone(), &mut diagnostics) {
            for diagnostic in diagnostics.errors() {
                let code = diagnostic.code.as_str();
                tracing::error!(secret = name, code, "new secret not usable: {}", diagnostic.headline);
            }
            return false;
        }
        for (tls, renewal) in concerned.into_iter().zip(renewals) {
            tls.show(renewal);
        }
        if let Some((redis, login)) = redis.zip(login) {
            redis.log_in_as(login);
        }
        self.published.replace(&self.engine.published_keys());
        *secrets = candidate;
        true
    }
}

/// A source in a file that is followed.
pub(crate) struct FollowedSecret {
    settings: SecretSourceSettings,
    path: String,
    /// The content that was looked at last.
    seen: Option<Fingerprint>,
    last_error: Option<String>,
}

impl FollowedSecret {
    /// The sources that are to be followed. `fingerprints` are those of the contents that the secrets were made from.
    pub(crate) fn among(settings: &[SecretSourceSettings], fingerprints: &Fingerprints) -> Vec<Self> {
        let watched = |source: &SecretSourceSettings| {
            let file = source.kind.file().filter(|file| file.watch)?;
            let seen = fingerprints.0.get(&source.name.value).copied();
            let path = file.path.value.clone();
            Some(Self { settings: source.clone(), path, seen, last_error: None })
        };
        settings.iter().filter_map(watched).collect()
    }

    /// Follows the file for as long as the gateway runs. What changed before the watch began is seen at once.
    pub(crate) async fn follow(mut self, users: Arc<SecretUsers>) {
        let watch = Watch::start(self.path.as_ref());
        loop {
            self.look(&users);
            watch.changed().await;
        }
    }

    fn look(&mut self, users: &SecretUsers) {
        let name = self.settings.name.value.as_str();
        let bytes = match read_bytes(&self.path) {
            Ok(bytes) => bytes,
            Err(error) => {
                // The poll finds the same error again and again; once is enough.
                if self.last_error.as_ref() != Some(&error) {
                    let path = self.path.as_str();
                    tracing::error!(secret = name, path, error, "secret not read, the old one stays");
                    users.engine.secret_reloaded(Reload::Unreadable);
                }
                self.last_error = Some(error);
                return;
            }
        };
        self.last_error = None;
        let fingerprint = crypto::sha256(&bytes);
        if self.seen.replace(fingerprint) == Some(fingerprint) {
            return;
        }
        let mut diagnostics = Diagnostics::new();
        let content = parse_file(&self.settings, &bytes, &mut Sources::new(), &mut diagnostics);
        for diagnostic in diagnostics.errors() {
            tracing::error!(secret = name, code = diagnostic.code.as_str(), "{}", diagnostic.headline);
        }
        if content.is_some_and(|content| users.take(name, content)) {
            tracing::info!(secret = name, "secret renewed");
            users.engine.secret_reloaded(Reload::Loaded);
        } else {
            tracing::error!(secret = name, "new secret not taken, the old one stays");
            users.engine.secret_reloaded(Reload::Refused);
        }
    }
}
