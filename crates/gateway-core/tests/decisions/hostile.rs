//! Whatever a client sends: no panic, no fault, no pass.

use gateway_core::decision::Decision;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{
    dpop_table::GUIDE,
    world::{World, get, proof_for, world},
};

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(prop_oneof![Just(b'\t'), 0x20_u8..=0x7e, 0x80_u8..=0xff], 0..80),
        "(DPoP|dpop|Bearer|Basic)[ \t]{0,2}[A-Za-z0-9._~+/=-]{0,60}".prop_map(String::into_bytes),
        "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}".prop_map(String::into_bytes),
    ]
}

fn assert_refused(
    world: &World,
    fields: &[(&'static str, Vec<u8>)],
    path: &str,
) -> Result<(), TestCaseError> {
    let mut request = get(&format!("https://gw.example/{path}"), &[]);
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request.headers.append(HeaderName::from_static(name), value);
        }
    }
    match world.decide(request) {
        Decision::Permit(_) => prop_assert!(false, "permitted"),
        Decision::Denial(denial) => {
            prop_assert!(denial.status.is_client_error(), "{:?}", denial);
            prop_assert_eq!(&denial.headers["cache-control"], "no-store");
            let is_401 = denial.status.as_u16() == 401;
            prop_assert!(!is_401 || denial.headers.contains_key("www-authenticate"));
        }
    }
    Ok(())
}

#[test]
fn made_up_credentials_are_refused_without_fault() {
    let world = world(&GUIDE.replace("nonce_required: false", "nonce_required: true"));
    let names = prop_oneof![Just("authorization"), Just("dpop"), Just("cookie"), Just("accept")];
    proptest!(ProptestConfig::with_cases(300), |(
        fields in proptest::collection::vec((names, header_value()), 0..5),
        path in "(api|api/)?[!-~]{0,20}",
    )| {
        assert_refused(&world, &fields, &path)?;
    });
}

#[test]
fn a_good_token_and_proof_with_one_changed_byte_are_refused_without_fault() {
    let world = world(GUIDE);
    let token = world.parties.bound_token();
    proptest!(ProptestConfig::with_cases(200), |(position in 0_usize..2_000, replacement in 0x21_u8..=0x7e)| {
        let proof = proof_for(&world.parties.client, &token, "https://gw.example/api", |proof| proof);
        let credentials = format!("DPoP {token}").into_bytes();
        let mut both = [credentials.clone(), proof.clone().into_bytes()].concat();
        let position = 5 + position % (both.len() - 5);
        prop_assume!(both[position] != replacement);
        both[position] = replacement;
        let (authorization, proof) = both.split_at(credentials.len());
        let fields = [("authorization", authorization.to_vec()), ("dpop", proof.to_vec())];
        assert_refused(&world, &fields, "api")?;
    });
}
