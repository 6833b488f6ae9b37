//! What the upstream gets.

use gateway_core::decision::{Decision, Permit};
use jose::{PublicJwk, jwt::UnverifiedJwt};
use serde_json::{Map, Value, json};

use super::{
    dpop_table::GUIDE,
    world::{NOW, World, get, proof_for, world},
};

const API: &str = "https://gw.example/api";

fn blog(claims: &str) -> World {
    let finalizers = "  finalizers:
    - id: internal_token
      type: jwt
      config:
        signer: {source: signing_keys}
        ttl: 1m
    - {id: pass, type: noop}
    - {id: user, type: header, config: {headers: {X-User: '{{ .Subject.ID }}', X-Mail: '{{ .Subject.Attributes.email }}'}}}";
    let start = GUIDE.find("  finalizers:").unwrap();
    let end = GUIDE.find("default_rule:").unwrap();
    let config = format!("{}{finalizers}\n{}", &GUIDE[..start], &GUIDE[end..]);
    world(&config.replace("[{authenticator: token}]", &format!("\n      - authenticator: token\n{claims}")))
}

fn ask(world: &World, address: &str, now: i64) -> Decision {
    let token = world.parties.bound_token();
    let proof = proof_for(&world.parties.client, &token, address, |proof| proof);
    let fields = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.decide_at(get(address, &fields), now)
}

#[track_caller]
fn permitted(decision: Decision) -> Permit {
    match decision {
        Decision::Permit(permit) => *permit,
        Decision::Denial(denial) => panic!("refused: {denial:?}"),
    }
}

fn internal_claims(world: &World, permit: &Permit) -> Map<String, Value> {
    let authorization = permit.changes.headers()["authorization"].to_str().unwrap();
    let jwt = UnverifiedJwt::parse(authorization.strip_prefix("Bearer ").unwrap()).unwrap();
    let published = world.gateway.published_keys();
    assert_eq!(published.len(), 1);
    jwt.verify(&PublicJwk::parse(published[0].to_json()).unwrap()).unwrap();
    assert_eq!(jwt.header.kid.as_deref(), Some("signer-1"));
    assert_eq!(jwt.header.typ.as_deref(), Some("JWT"));
    jwt.claims
}

const ARTICLE: &str = "      - finalizer: internal_token
        config:
          claims: |
            {
              \"url\": {{ quote .Request.URL.String }},
              \"service\": \"upstream\",
              \"sub\": \"overwritten\"
            }";

#[test]
fn the_articles_claims_reach_the_upstream() {
    let world = blog(ARTICLE);
    let permit = permitted(ask(&world, &format!("{API}/orders"), NOW));
    let claims = internal_claims(&world, &permit);
    assert_eq!(claims["url"], "https://gw.example/api/orders");
    assert_eq!(claims["service"], "upstream");
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["iss"], "heimdall");
    assert_eq!((claims["iat"].clone(), claims["nbf"].clone()), (json!(NOW), json!(NOW)));
    assert_eq!(claims["exp"], json!(NOW + 60));
    assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
    // The client's credentials end at the gateway.
    let mut headers = permit.request.headers.clone();
    permit.changes.apply_to(&mut headers);
    assert!(!headers.contains_key("dpop"));
    assert_eq!(headers.get_all("authorization").iter().count(), 1);
    assert!(headers["authorization"].to_str().unwrap().starts_with("Bearer "));
}

#[test]
fn a_token_is_reused_until_shortly_before_its_end_and_for_the_same_claims_only() {
    let world = blog(ARTICLE);
    let jti = |address: &str, now: i64| {
        internal_claims(&world, &permitted(ask(&world, address, now)))["jti"].clone()
    };
    let first = jti(API, NOW);
    assert_eq!(jti(API, NOW + 54), first);
    assert_ne!(jti(API, NOW + 55), first);
    assert_ne!(jti(&format!("{API}/other"), NOW), first);
}

#[test]
fn claims_that_are_no_json_object_are_an_internal_error() {
    let world =
        blog("      - {finalizer: internal_token, config: {claims: '{\"url\": {{ .Request.Method }}}'}}");
    let Decision::Denial(denial) = ask(&world, API, NOW) else { panic!("permitted") };
    assert_eq!(denial.status.as_u16(), 500);
    assert!(denial.detail.contains("finalizer `internal_token`"), "{}", denial.detail);
    assert!(denial.body.is_empty());
}

#[test]
fn a_header_is_set_from_a_template_and_its_emptiness_sends_nothing() {
    let world = blog("      - {finalizer: user}");
    let permit = permitted(ask(&world, API, NOW));
    assert_eq!(permit.changes.headers()["x-user"], "alice");
    // heimdall's templates print a missing value as this text.
    assert_eq!(permit.changes.headers()["x-mail"], "<no value>");
    let world =
        blog("      - {finalizer: user, config: {headers: {X-Only: '{{ .Request.Header \"X-None\" }}'}}}");
    let permit = permitted(ask(&world, API, NOW));
    assert!(permit.changes.headers().is_empty());
    // A client that sends the header itself does not fill the gap.
    assert!(permit.changes.removed().iter().any(|name| name == "x-only"));
}

#[test]
fn a_value_that_is_not_there_is_a_notice_for_the_log_once() {
    let world = blog("      - {finalizer: user}");
    let notices = permitted(ask(&world, API, NOW)).notices;
    assert_eq!(notices, ["template of header `x-mail` printed `<no value>` (line 1, column 4)"]);
    assert!(permitted(ask(&world, API, NOW)).notices.is_empty());
}
