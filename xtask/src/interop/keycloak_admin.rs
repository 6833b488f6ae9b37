//! Our client lists the users of a realm of a real Keycloak, as the document about its Admin API has it: client
//! credentials, a client with the DPoP switch, `users?first=0&max=5`.

use std::path::Path;

use anyhow::Result;

use super::keycloak;
use super::our_client::OurClient;
use crate::run::{free_address, root};

/// Starts Keycloak with the realm `acme` and calls.
pub(crate) fn run(keybound: &Path, version: &'static str) -> Result<()> {
    let address = free_address()?;
    let _keycloak = keycloak::start(version, address, &root().join("interop/admin-api/acme-realm.json"))?;
    let users = format!("http://{address}/admin/realms/acme/users?first=0&max=5");
    let client = OurClient::new(keybound, root().join("target/interop/keycloak-admin"))?
        .with("ISSUER", format!("http://{address}/realms/acme"))
        .with("CLIENT_ID", "kc-admin-client")
        .with("CLIENT_SECRET", "acme-admin-secret")
        .with("PROTECTED_API", &users);
    client.expect(&["keygen"], 0, &["JWK thumbprint: "])?;
    client.expect(&["login", "--client-credentials"], 0, &["token_type: DPoP", "\"jkt\""])?;
    client.expect(&["token"], 0, &["bound to: the key of this client"])?;
    let listed = ["HTTP 200", "\"username\": \"anna\"", "\"username\": \"bert\"", "\"username\": \"cleo\""];
    client.expect(&["call", &users], 0, &listed)?;
    client.expect(&["call", "--json"], 0, &["\"status\": 200"])?;
    // Bearer to a client with the switch, and everything else that is wrong: 401.
    for wrong in [
        &["call", "--scheme", "Bearer", "--no-proof"][..],
        &["call", "--scheme", "Bearer"],
        &["call", "--no-proof"],
        &["call", "--wrong-key"],
        &["call", "--wrong-ath"],
        &["call", "--wrong-htu"],
        &["call", "--wrong-htm"],
        &["call", "--stale"],
        &["call", "--replay"],
    ] {
        client.expect(wrong, 6, &["HTTP 401"])?;
    }
    // The role view-users is not enough to change one.
    let create = ["call", "-d", "{\"username\":\"dora\"}", "-H", "Content-Type: application/json", &users];
    client.expect(&create, 7, &["HTTP 403"])?;
    client.expect(&["call"], 0, &["HTTP 200"])?;
    client.expect(&["logout"], 0, &[])?;
    client.expect(&["call"], 4, &["No access token found"])?;
    Ok(())
}
