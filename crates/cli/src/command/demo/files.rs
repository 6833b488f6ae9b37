//! The files of the demo, in the shape of published heimdall set-ups: what a reader can take home and change.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use dpop_client::key_store;
use jose::{Algorithm, KeyPair, base64url, crypto};

/// Where everything listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) authorization_server: SocketAddr,
    pub(super) upstream: SocketAddr,
    pub(super) gateway: SocketAddr,
    pub(super) management: SocketAddr,
    pub(super) callback: SocketAddr,
}

/// The folder with all files of the demo.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Writes the files into `folder`, with absolute paths inside, so that they work from anywhere.
    pub(super) fn write(folder: &Path, addresses: &Addresses) -> Result<Self> {
        fs::create_dir_all(folder.join("rules")).with_context(|| format!("create {}", folder.display()))?;
        let files = Self { folder: folder.canonicalize().with_context(|| folder.display().to_string())? };
        files.write_file(&files.config(), &config(&files.folder, addresses))?;
        files.write_file(&files.rules(), &rules(addresses))?;
        files.write_file(&files.realm(), &realm(addresses))?;
        // Secrets of this run only: nonces of an earlier one are worth nothing.
        let nonce_key = base64url::encode(crypto::random::<32>());
        files.write_secret("secrets.jwks", &nonce_keys(&nonce_key))?;
        let signer = KeyPair::generate(Algorithm::Es256).context("generate the signing key")?;
        files.write_secret("signer.pem", &signer.to_pkcs8_pem().context("write the signing key")?)?;
        Ok(files)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("heimdall-config.yaml")
    }

    pub(super) fn rules(&self) -> PathBuf {
        self.folder.join("rules/upstream-rules.yaml")
    }

    pub(super) fn realm(&self) -> PathBuf {
        self.folder.join("dpop-realm.json")
    }

    fn write_file(&self, path: &Path, text: &str) -> Result<()> {
        fs::write(path, text).with_context(|| format!("write {}", path.display()))
    }

    fn write_secret(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        key_store::write_private(&path, text.as_bytes()).with_context(|| format!("write {}", path.display()))
    }
}

fn config(folder: &Path, addresses: &Addresses) -> String {
    let Addresses { authorization_server, gateway, management, .. } = addresses;
    let folder = folder.display();
    format!(
        r#"# How tokens are checked, and what the upstream gets instead of them.
log:
  level: warn
  access_log_enabled: false

serve:
  host: {gateway_host}
  port: {gateway_port}
management:
  host: {management_host}
  port: {management_port}

secret_management:
  nonce_keys:
    type: jwks
    config:
      path: "{folder}/secrets.jwks"
  signing_keys:
    type: pem
    config:
      path: "{folder}/signer.pem"

# seals the nonces that clients must put into their proofs
master_key:
  source: nonce_keys
  selector: dpop-nonce-master-key-1

mechanisms:
  authenticators:
    - id: deny_all
      type: unauthorized
    - id: dpop_jwt
      type: jwt
      config:
        jwks_endpoint:
          url: http://{authorization_server}/realms/dpop/protocol/openid-connect/certs
        assertions:
          issuers:
            - http://{authorization_server}/realms/dpop
          allowed_algorithms:
            - RS256
            - ES256
          validity_leeway: 10s
          proof_of_possession:
            type: dpop
            config:
              max_age: 1m
              nonce_required: true
              replay_allowed: false
        error_signaling:
          enabled: true
          include_dpop_algorithms: true
  finalizers:
    - id: internal_token
      type: jwt
      config:
        signer:
          source: signing_keys
        ttl: 1m

# deny whatever no rule names
default_rule:
  execute:
    - authenticator: deny_all
    - finalizer: internal_token

providers:
  file_system:
    src: "{folder}/rules"
    watch: true
"#,
        gateway_host = gateway.ip(),
        gateway_port = gateway.port(),
        management_host = management.ip(),
        management_port = management.port(),
    )
}

fn rules(addresses: &Addresses) -> String {
    format!(
        r#"version: "1beta1"
rules:
  # /api and everything below needs a token that is bound to a key, and a proof of that key
  - id: upstream:api
    match:
      routes:
        - path: /api
        - path: /api/**
    forward_to:
      host: {upstream}
    execute:
      - authenticator: dpop_jwt
      - finalizer: internal_token
        config:
          claims: |
            {{
              "url": {{{{ quote .Request.URL.String }}}},
              "service": "upstream"
            }}
"#,
        upstream = addresses.upstream
    )
}

fn realm(addresses: &Addresses) -> String {
    format!(
        r#"{{
  "realm": "dpop",
  "enabled": true,
  "sslRequired": "none",
  "clients": [
    {{
      "clientId": "heimdall-dpop-client",
      "name": "DPoP client of the demo",
      "enabled": true,
      "protocol": "openid-connect",
      "publicClient": true,
      "standardFlowEnabled": true,
      "redirectUris": ["http://{callback}/callback"],
      "attributes": {{
        "dpop.bound.access.tokens": "true",
        "pkce.code.challenge.method": "S256"
      }}
    }}
  ],
  "users": [
    {{
      "username": "alice",
      "enabled": true,
      "firstName": "Alice",
      "lastName": "DPoP",
      "email": "alice@example.org",
      "credentials": [{{ "type": "password", "value": "alice", "temporary": false }}]
    }}
  ]
}}
"#,
        callback = addresses.callback
    )
}

fn nonce_keys(key: &str) -> String {
    format!(
        r#"{{
  "keys": [
    {{ "kty": "oct", "kid": "dpop-nonce-master-key-1", "k": "{key}" }}
  ]
}}
"#
    )
}
