//! Stages of the default rule, and steps that change single fields of the catalogue.

use gateway_core::decision::Decision;

use super::{
    dpop_table::GUIDE,
    world::{World, answer, get, proof_for, world},
};

const API: &str = "https://gw.example/api";

fn ask(world: &World) -> Decision {
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let fields = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.decide(get(API, &fields))
}

#[test]
fn a_stage_that_a_rule_does_not_have_comes_from_the_default_rule() {
    let config = GUIDE
        .replace("  finalizers:\n", "  authorizers: [{id: closed, type: deny}]\n  finalizers:\n")
        .replace(
            "[{authenticator: nobody}, {finalizer: pass}]",
            "[{authenticator: nobody}, {authorizer: closed}]",
        );
    assert_eq!(answer(&ask(&world(&config))), "403");
    let own = config
        .replace("{id: closed, type: deny}", "{id: closed, type: deny}, {id: open, type: allow}")
        .replace("[{authenticator: token}]", "[{authenticator: token}, {authorizer: open}]");
    assert_eq!(answer(&ask(&world(&own))), "200");
    let authenticators = GUIDE.replace("[{authenticator: token}]", "[{finalizer: pass}]");
    assert_eq!(answer(&ask(&world(&authenticators))), "401 DPoP algs=\"ES256\"");
}

#[test]
fn a_step_changes_one_field_and_keeps_the_others() {
    let step = |config: &str| {
        world(&GUIDE.replace(
            "[{authenticator: token}]",
            &format!("[{{authenticator: token, config: {{assertions: {config}}}}}]"),
        ))
    };
    // The catalogue demands proofs, and goes on doing so.
    let narrower = step("{audience: [other]}");
    assert_eq!(answer(&ask(&narrower)), "401 DPoP error=\"invalid_token\", algs=\"ES256\"");
    let same = step("{audience: [shop]}");
    assert_eq!(answer(&ask(&same)), "200");
    let unbound = same.parties.token(serde_json::json!({}));
    let bearer = format!("Bearer {unbound}");
    assert_eq!(
        answer(&same.decide(get(API, &[("authorization", &bearer)]))),
        "401 DPoP error=\"invalid_token\", algs=\"ES256\""
    );
    // One field of proof_of_possession, without its type.
    let nonces = step("{proof_of_possession: {config: {nonce_required: true}}}");
    assert_eq!(answer(&ask(&nonces)), "401 DPoP error=\"use_dpop_nonce\", algs=\"ES256\" + DPoP-Nonce");
    let permissive = step("{proof_of_possession: {config: {mode: permit}}}");
    let unbound = permissive.parties.token(serde_json::json!({}));
    let bearer = format!("Bearer {unbound}");
    assert_eq!(answer(&permissive.decide(get(API, &[("authorization", &bearer)]))), "200");
}

#[test]
fn new_rules_keep_the_old_ones_proofs_in_mind() {
    let world = world(GUIDE);
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, API, |proof| proof);
    let fields = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(answer(&world.decide(get(API, &fields))), "200");
    let reloaded = world.gateway.with_rules(&[], &mut gateway_core::document::Diagnostics::new()).unwrap();
    assert_eq!(reloaded.rule_count(), 0);
    let reloaded = World { gateway: reloaded, parties: world.parties };
    assert_eq!(answer(&reloaded.decide(get(API, &fields))), "401 DPoP algs=\"ES256\"");
}
