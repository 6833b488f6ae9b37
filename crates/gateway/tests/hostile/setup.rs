//! The configuration of the gateway that the rows run against.

use gateway::Mode;

use super::endpoints::Endpoint;

/// What a site has beside the routes that every one has.
pub struct Setup {
    pub mode: Mode,
    /// Endpoints of the issuer, each with an authenticator and a route.
    pub endpoints: Vec<Endpoint>,
    /// More of `serve`.
    pub serve: &'static str,
    /// More keys of the configuration, in lines.
    pub more: &'static str,
    /// Whether the log goes where it goes in production: then nothing listens to it.
    pub installs_log: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { mode: Mode::Proxy, endpoints: Vec::new(), serve: "", more: "", installs_log: false }
    }
}

impl Setup {
    /// The configuration, with places for what is known when everything runs.
    pub fn configuration(&self) -> String {
        let authenticators: String = self.endpoints.iter().map(Endpoint::authenticator).collect();
        CONFIGURATION
            .replace("ENDPOINTS\n", &authenticators)
            .replace("SERVE", self.serve)
            .replace("MORE\n", self.more)
            .replace("ALGORITHMS", "allowed_algorithms: [RS256, PS256, ES256, ES384, ES512, EdDSA]")
            .replace(
                "SIGNALING",
                "error_signaling: {enabled: true, include_error_description: true, include_dpop_algorithms: true, include_required_scope: true}",
            )
    }

    /// The rules, with such places as well.
    pub fn rules(&self) -> String {
        let rules: String = self.endpoints.iter().map(Endpoint::rule).collect();
        format!("{RULES}{rules}")
    }
}

const CONFIGURATION: &str = r#"
serve: {host: 127.0.0.1, trusted_proxies: [127.0.0.2/32], SERVE}
secret_management:
  nonce_keys: {type: jwks, config: {path: HERE/secrets.jwks}}
  signing_keys: {type: pem, config: {path: HERE/signer.pem}}
master_key: {source: nonce_keys, selector: nonce-key-1}
mechanisms:
  authenticators:
    - {id: deny_all, type: unauthorized}
    - id: dpop
      type: jwt
      config:
        jwks_endpoint: {url: ISSUER/certs}
        assertions:
          issuers: [ISSUER]
          ALGORITHMS
          validity_leeway: 10s
          proof_of_possession: {type: dpop, config: {max_age: 1m}}
        SIGNALING
    - id: mixed
      type: jwt
      config:
        jwks_endpoint: {url: ISSUER/certs}
        assertions:
          issuers: [ISSUER]
          ALGORITHMS
        SIGNALING
ENDPOINTS
  finalizers:
    - {id: as_is, type: noop}
    - {id: user, type: header, config: {headers: {X-User: "{{ .Subject.ID }}"}}}
    - {id: cookie, type: cookie, config: {cookies: {x_user: "{{ .Subject.ID }}"}}}
    - {id: internal, type: jwt, config: {signer: {source: signing_keys}, ttl: 1m}}
  error_handlers: [{id: default, type: default}]
default_rule:
  execute: [{authenticator: deny_all}, {finalizer: as_is}]
  on_error: [{error_handler: default}]
providers: {file_system: {src: HERE/rules}}
MORE
"#;

const RULES: &str = r#"
version: "1beta1"
rules:
  - id: plain
    match: {routes: [{path: /}, {path: /plain/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}]
  - id: locked
    match: {routes: [{path: /plain-locked/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: deny_all}]
  - id: nonce
    match: {routes: [{path: /nonce/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {proof_of_possession: {type: dpop, config: {nonce_required: true}}}}}]
  - id: short
    match: {routes: [{path: /short/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {validity_leeway: 1s, proof_of_possession: {type: dpop, config: {max_age: 2s}}}}}]
  - id: short-nonce
    match: {routes: [{path: /short-nonce/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {validity_leeway: 1s, proof_of_possession: {type: dpop, config: {max_age: 3s, nonce_required: true}}}}}]
  - id: dropping
    match: {routes: [{path: /dropping/**}]}
    forward_to: {host: "DROPPING"}
    execute: [{authenticator: dpop}]
  - id: mixed
    match: {routes: [{path: /mixed/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: mixed}]
  - id: es256
    match: {routes: [{path: /es256/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {allowed_algorithms: [ES256]}}}]
  - id: audience
    match: {routes: [{path: /audience/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {audience: ["https://api.example"]}}}]
  - id: scope
    match: {routes: [{path: /scope/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop, config: {assertions: {scopes: ["api:read"]}}}]
  - id: user
    match: {routes: [{path: /user/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}, {finalizer: user}]
  - id: cookie
    match: {routes: [{path: /cookie/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}, {finalizer: cookie}]
  - id: internal
    match: {routes: [{path: /internal/**}]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}, {finalizer: internal}]
  - id: public
    match: {routes: [{path: /public/**}]}
    forward_to: {host: "UPSTREAM", rewrite: {scheme: http}}
    execute: [{authenticator: dpop}]
  - id: strip
    match: {routes: [{path: /strip/**}]}
    forward_to: {host: "UPSTREAM", rewrite: {strip_path_prefix: /strip}}
    execute: [{authenticator: dpop}]
  - id: encoded
    match: {routes: [{path: /enc/**}]}
    allow_encoded_slashes: no_decode
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}]
  - id: tenant-a
    match: {routes: [{path: /tenant/**}], hosts: [tenant-a.example]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: dpop}]
  - id: tenant-b
    match: {routes: [{path: /tenant/**}], hosts: [tenant-b.example]}
    forward_to: {host: "UPSTREAM"}
    execute: [{authenticator: deny_all}]
"#;
