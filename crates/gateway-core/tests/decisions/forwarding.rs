//! What the upstream gets of the client's credentials when no finalizer replaces them.

use http::HeaderMap;
use serde_json::json;

use super::{
    dpop_table::GUIDE,
    world::{World, get, proof_for, world},
};

const API: &str = "https://gw.example/api";

fn forwarded(world: &World, fields: &[(&str, &str)]) -> HeaderMap {
    let permit = world.permit(get(API, fields));
    let mut headers = permit.request.headers.clone();
    permit.changes.apply_to(&mut headers);
    headers
}

fn with_credentials(mode: &str) -> World {
    world(&GUIDE.replace(
        "{host: upstream:8081}",
        &format!("{{host: upstream:8081, credentials: {mode}, thumbprint_header: X-Jkt}}"),
    ))
}

fn proven(world: &World) -> (String, HeaderMap) {
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let authorization = format!("DPoP {token}");
    let fields = [("authorization", authorization.as_str()), ("dpop", &proof), ("x-jkt", "forged")];
    (token.clone(), forwarded(world, &fields))
}

#[test]
fn credentials_are_kept_stripped_or_made_bearer() {
    let world = with_credentials("keep");
    let (token, headers) = proven(&world);
    assert_eq!(headers["authorization"], format!("DPoP {token}"));
    assert!(headers.contains_key("dpop"));

    let (_, headers) = proven(&with_credentials("strip"));
    assert!(!headers.contains_key("authorization") && !headers.contains_key("dpop"));

    let (token, headers) = proven(&with_credentials("bearer"));
    assert_eq!(headers["authorization"], format!("Bearer {token}"));
    assert!(!headers.contains_key("dpop"));
}

#[test]
fn the_thumbprint_header_never_comes_from_the_client() {
    let world = with_credentials("keep");
    let thumbprint = world.parties.client.thumbprint().to_string();
    assert_eq!(proven(&world).1["x-jkt"], thumbprint);
}

#[test]
fn a_proof_beside_a_bearer_token_does_not_go_on() {
    let start = GUIDE.find("          proof_of_possession").unwrap();
    let end = GUIDE.find("  finalizers:").unwrap();
    let world = world(&format!("{}{}", &GUIDE[..start], &GUIDE[end..]));
    let token = world.parties.token(json!({}));
    let headers = forwarded(&world, &[("authorization", &format!("Bearer {token}")), ("dpop", "stray")]);
    assert!(headers.contains_key("authorization") && !headers.contains_key("dpop"));
}

#[test]
fn a_token_that_nobody_proved_is_never_made_bearer() {
    let world = world(
        &GUIDE
            .replace("  finalizers:", "    - {id: guest, type: anonymous}\n  finalizers:")
            .replace("[{authenticator: token}]", "[{authenticator: guest}]")
            .replace("{host: upstream:8081}", "{host: upstream:8081, credentials: bearer}"),
    );
    let token = world.parties.bound_token();
    let headers = forwarded(&world, &[("authorization", &format!("DPoP {token}"))]);
    assert!(!headers.contains_key("authorization"));
}

#[test]
fn the_upstream_is_that_of_the_rule() {
    let world = world(&GUIDE.replace(
        "{host: upstream:8081}",
        "{host: upstream:8081, forward_host_header: false, rewrite: {strip_path_prefix: /api, add_path_prefix: /v2}}",
    ));
    let token = world.parties.bound_token();
    let address = format!("{API}/orders?x=1");
    let proof = proof_for(&world.parties.client, &token, &address, |proof| proof);
    let authorization = format!("DPoP {token}");
    let permit = world.permit(get(&address, &[("authorization", &authorization), ("dpop", &proof)]));
    let upstream = permit.upstream.unwrap();
    assert_eq!(
        (upstream.scheme.as_str(), upstream.authority.as_str(), upstream.path_and_query.as_str()),
        ("https", "upstream:8081", "/v2/orders?x=1")
    );
    assert_eq!(upstream.host_header, "upstream:8081");
    assert_eq!(&*permit.rule_id, "api");
}
