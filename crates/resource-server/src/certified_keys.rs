//! Keys whose certificates somebody vouches for (RFC 7517 §4.7).

use std::fmt;
use std::sync::Arc;

use jose::{IssuerKey, JwkSet, UnixTime};
use parking_lot::Mutex;

use crate::jwks::{KeySource, KeySourceError, KeysFuture};

/// Decides about the certificates that an issuer publishes with a key.
///
/// ```
/// use jose::{IssuerKey, UnixTime};
/// use resource_server::{CertificateCheck, CertificateError};
///
/// /// Keys with certificates are good for an hour at a time, if they have a name.
/// #[derive(Debug)]
/// struct Named;
///
/// impl CertificateCheck for Named {
///     fn check(&self, key: &IssuerKey, now: UnixTime) -> Result<UnixTime, CertificateError> {
///         match key.kid {
///             Some(_) => Ok(now.saturating_add(std::time::Duration::from_secs(3600))),
///             None => Err(CertificateError("a key without a name".to_owned())),
///         }
///     }
/// }
/// ```
pub trait CertificateCheck: Send + Sync + fmt::Debug {
    /// Whether the chain in `key.x5c`, which is not empty, is trusted now and belongs to the key; until when that holds
    /// at most.
    ///
    /// # Errors
    ///
    /// A [`CertificateError`] that tells the operator what to do.
    fn check(&self, key: &IssuerKey, now: UnixTime) -> Result<UnixTime, CertificateError>;
}

/// Why a key's certificates are not accepted; the text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CertificateError(pub String);

/// The keys of another source, without those whose certificates are not accepted. Keys without certificates stay.
///
/// The verdict on a set is kept until another set comes or the first certificate ends.
///
/// ```
/// use std::sync::Arc;
/// use resource_server::{CertificateCheck, CertifiedKeys, JwksCache, TokenPolicy, TrustedIssuer};
///
/// fn issuer(keys: JwksCache, check: Arc<dyn CertificateCheck>, policy: TokenPolicy) -> TrustedIssuer {
///     let keys = CertifiedKeys::new(Arc::new(keys), check);
///     TrustedIssuer::new("https://issuer.example", Arc::new(keys), policy)
/// }
/// ```
#[derive(Debug)]
pub struct CertifiedKeys {
    source: Arc<dyn KeySource>,
    check: Arc<dyn CertificateCheck>,
    judged: Mutex<Option<Judged>>,
}

#[derive(Debug, Clone)]
struct Judged {
    published: Arc<JwkSet>,
    accepted: Arc<JwkSet>,
    refused: Vec<(Option<String>, CertificateError)>,
    /// The first certificate's end, among those that are accepted.
    until: Option<UnixTime>,
}

impl CertifiedKeys {
    /// The keys of `source` that `check` accepts.
    #[must_use]
    pub fn new(source: Arc<dyn KeySource>, check: Arc<dyn CertificateCheck>) -> Self {
        Self { source, check, judged: Mutex::default() }
    }

    async fn find(&self, kid: Option<&str>, now: UnixTime) -> Result<Arc<JwkSet>, KeySourceError> {
        let published = self.source.keys(kid, now).await?;
        let mut judged = self.judged.lock();
        match &*judged {
            Some(known)
                if Arc::ptr_eq(&known.published, &published)
                    && known.until.is_none_or(|until| now < until) =>
            {
                Ok(Arc::clone(&known.accepted))
            }
            _ => {
                let verdict = self.judge(published, now);
                let accepted = Arc::clone(&verdict.accepted);
                *judged = Some(verdict);
                Ok(accepted)
            }
        }
    }

    fn judge(&self, published: Arc<JwkSet>, now: UnixTime) -> Judged {
        let mut refused = Vec::new();
        let mut until: Option<UnixTime> = None;
        let accepted = published.filter(|key| {
            if key.x5c.is_empty() {
                return true;
            }
            match self.check.check(key, now) {
                Ok(end) => {
                    until = Some(until.map_or(end, |until| until.min(end)));
                    true
                }
                Err(error) => {
                    refused.push((key.kid.clone(), error));
                    false
                }
            }
        });
        // Without a refusal nothing changes, and what is remembered about tokens stays.
        let accepted = if refused.is_empty() { Arc::clone(&published) } else { Arc::new(accepted) };
        Judged { published, accepted, refused, until }
    }
}

impl KeySource for CertifiedKeys {
    fn keys<'a>(&'a self, kid: Option<&'a str>, now: UnixTime) -> KeysFuture<'a> {
        Box::pin(self.find(kid, now))
    }

    fn refusal(&self, kid: Option<&str>) -> Option<CertificateError> {
        let judged = self.judged.lock();
        let refused = judged.as_ref()?.refused.iter();
        let mut fitting = refused.filter(|(own, _)| kid.is_none() || own.as_deref() == kid);
        fitting.next().map(|(_, error)| error.clone())
    }
}
