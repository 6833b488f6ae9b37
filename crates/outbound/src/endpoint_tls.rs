//! TLS of one endpoint: its own trust anchors instead of the system's, and a certificate to show.

use std::sync::Arc;

use resource_server::{ClientCertificate, ClientError};
use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore,
    client::WantsClientCert,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::tls::{Connector, connector_with};

/// A connector with these trust anchors (the system's without) and this certificate.
pub(crate) fn connector(
    trust_anchors: Option<&[Vec<u8>]>,
    certificate: Option<&ClientCertificate>,
) -> Result<Connector, ClientError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = with_trust(trust_anchors, Arc::clone(&provider))?;
    let config = match certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let chain = certificate.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
            builder
                .with_client_auth_cert(chain, private_key(certificate)?)
                .map_err(|error| ClientError::Certificate(error.to_string()))?
        }
    };
    Ok(connector_with(config))
}

fn with_trust(
    trust_anchors: Option<&[Vec<u8>]>,
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, ClientError> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Tls(error.to_string()))?;
    let Some(trust_anchors) = trust_anchors else {
        return builder.with_platform_verifier().map_err(|error| ClientError::Tls(error.to_string()));
    };
    let mut roots = RootCertStore::empty();
    for der in trust_anchors {
        roots
            .add(CertificateDer::from(der.clone()))
            .map_err(|error| ClientError::TrustAnchor(error.to_string()))?;
    }
    Ok(builder.with_root_certificates(roots))
}

/// The key as the TLS library reads it.
fn private_key(certificate: &ClientCertificate) -> Result<PrivateKeyDer<'static>, ClientError> {
    let pem = certificate.key.to_pkcs8_pem().map_err(|error| ClientError::Certificate(error.to_string()))?;
    let block = jose::pem::parse(&pem).ok().and_then(|blocks| blocks.into_iter().next());
    let der = block.map(|block| block.der.to_vec()).unwrap_or_default();
    Ok(PrivatePkcs8KeyDer::from(der).into())
}
