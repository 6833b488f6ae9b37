//! Extras in challenges, and the challenge of gateways that speak no DPoP.

use super::{
    dpop_table::GUIDE,
    world::{answer, get, world},
};

#[test]
fn error_signaling_adds_extras_and_takes_nothing_away() {
    let check = |signaling: &str, expected: &str| {
        let config = GUIDE.replace(
            "        assertions:",
            &format!("        error_signaling: {signaling}\n        assertions:"),
        );
        let world = world(&config);
        let token = world.parties.bound_token();
        let request = get("https://gw.example/api", &[("authorization", &format!("DPoP {token}"))]);
        assert_eq!(answer(&world.decide(request)), expected, "{signaling}");
    };
    check("{enabled: false, realm: shop}", "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"");
    check(
        "{enabled: true, realm: shop, error_uri: 'https://docs.example/e', include_error_description: true}",
        "401 DPoP realm=\"shop\", error=\"invalid_dpop_proof\", error_uri=\"https://docs.example/e\", \
         error_description=\"DPoP proof is missing\", algs=\"ES256\"",
    );
    check(
        "{enabled: true, include_dpop_algorithms: false}",
        "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"",
    );
}

#[test]
fn a_gateway_without_dpop_challenges_for_bearer() {
    let world = world(
        "
mechanisms: {authenticators: [{id: nobody, type: unauthorized}]}
default_rule: {execute: [{authenticator: nobody}]}
",
    );
    assert_eq!(answer(&world.decide(get("https://gw.example/", &[]))), "401 Bearer");
}

#[test]
fn the_proof_names_the_public_origin_of_the_rule() {
    let config =
        GUIDE.replace("    forward_to:", "    public_origin: https://api.example.com\n    forward_to:");
    let world = world(&config);
    let token = world.parties.bound_token();
    let check = |htu: &str, expected: &str| {
        let proof = super::world::proof_for(&world.parties.client, &token, htu, |proof| proof);
        let fields = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(answer(&world.decide(get("http://10.0.0.1:4455/api", &fields))), expected, "{htu}");
    };
    check("https://api.example.com/api", "200");
    check("http://10.0.0.1:4455/api", "401 DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"");
}
