//! The port that makes HTTP clients for endpoints: one for each set of limits and trust.
//!
//! Clients are made when the configuration is loaded, so that a certificate that can not be used is found then. What goes
//! through a client is bounded in time and size by the client itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jose::KeyPair;
use thiserror::Error;

use super::OutboundHttp;

/// Makes clients. Proxies named in the environment are not used: where a call goes is said by the configuration alone.
///
/// ```
/// use std::sync::Arc;
/// use resource_server::{ClientError, ClientSettings, OutboundClients, OutboundHttp};
///
/// fn patient(clients: &dyn OutboundClients) -> Result<Arc<dyn OutboundHttp>, ClientError> {
///     let timeout = std::time::Duration::from_secs(30);
///     clients.client(&ClientSettings { timeout, ..ClientSettings::default() })
/// }
/// ```
pub trait OutboundClients: Send + Sync + fmt::Debug {
    /// A client with these settings.
    ///
    /// # Errors
    ///
    /// A [`ClientError`] when a certificate or key can not be used.
    fn client(&self, settings: &ClientSettings) -> Result<Arc<dyn OutboundHttp>, ClientError>;
}

/// What one endpoint asks of its client.
///
/// ```
/// use std::time::Duration;
/// use resource_server::ClientSettings;
///
/// let settings = ClientSettings { timeout: Duration::from_secs(2), ..ClientSettings::default() };
/// assert_eq!(settings.max_response_bytes, 1 << 20);
/// ```
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Limit of a whole call: retries, redirects and the answer's body included.
    pub timeout: Duration,
    /// The largest body of an answer in bytes.
    pub max_response_bytes: usize,
    /// When to try again; never without.
    pub retry: Option<RetrySettings>,
    /// Certificates, each as DER, that are trusted instead of the system's.
    pub trust_anchors: Option<Vec<Vec<u8>>>,
    /// What the client shows when the server asks for a certificate.
    pub certificate: Option<ClientCertificate>,
}

impl Default for ClientSettings {
    /// 5 seconds, 1 MB, no retries, the system's trust anchors, no certificate.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            max_response_bytes: 1 << 20,
            retry: None,
            trust_anchors: None,
            certificate: None,
        }
    }
}

/// When a failed call is tried again. A request that may have been seen by the server is repeated only if its method is
/// idempotent (RFC 9110 §9.2.2).
///
/// ```
/// use std::time::Duration;
/// use resource_server::{ClientSettings, RetrySettings};
///
/// let retry = RetrySettings { give_up_after: Duration::from_secs(3), max_delay: Duration::from_millis(500) };
/// let settings = ClientSettings { retry: Some(retry), ..ClientSettings::default() };
/// # let _ = settings;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// No further attempt begins after this time.
    pub give_up_after: Duration,
    /// The longest pause between two attempts; pauses grow and vary.
    pub max_delay: Duration,
}

/// A certificate with its private key. `Debug` shows no key.
///
/// ```
/// use std::sync::Arc;
/// use jose::KeyPair;
/// use resource_server::{ClientCertificate, ClientSettings};
///
/// fn settings(leaf: Vec<u8>, key: KeyPair) -> ClientSettings {
///     let certificate = ClientCertificate { chain: vec![leaf], key: Arc::new(key) };
///     ClientSettings { certificate: Some(certificate), ..ClientSettings::default() }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate and those that issued it as DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The leaf's key.
    pub key: Arc<KeyPair>,
}

/// Why there is no client. The texts hold no secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    /// A trust anchor is no usable certificate.
    #[error("a certificate to trust can not be used: {0}")]
    TrustAnchor(String),
    /// Certificate and key do not fit, or can not be used for TLS.
    #[error("the client certificate can not be used: {0}")]
    Certificate(String),
    /// TLS can not be set up at all.
    #[error("TLS can not be set up: {0}")]
    Tls(String),
}

/// Gives everyone the same client, whatever the settings: for tests, and for hosts whose one client has all limits that are
/// wanted.
///
/// ```
/// use std::sync::Arc;
/// use resource_server::{ClientError, ClientSettings, OneClient, OutboundClients, OutboundHttp};
///
/// fn of_the_host(http: Arc<dyn OutboundHttp>) -> Result<Arc<dyn OutboundHttp>, ClientError> {
///     OneClient(http).client(&ClientSettings::default())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct OneClient(pub Arc<dyn OutboundHttp>);

impl OutboundClients for OneClient {
    fn client(&self, _: &ClientSettings) -> Result<Arc<dyn OutboundHttp>, ClientError> {
        Ok(Arc::clone(&self.0))
    }
}
