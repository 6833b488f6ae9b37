//! The rows once more in decision mode: what is asked directly is judged as in front of an upstream.

use gateway::Mode;

use super::{
    gateway_site::GatewaySite,
    rows::{
        ECHOED, a_transport, b_container, c_header, d_key, e_signature, f_claims, i_target, ids::ids,
        j_replay, l_binding, l_token, p_framing, site::Site,
    },
};

/// Rows, as ranges of ids, that are not for this mode, and why. What finalizers set is an answer to the proxy here.
const NOT_HERE: &[(&str, &str)] = &[
    ("J26 O12", "an upstream that closes the connection"),
    ("P10-11", "the body stays with the proxy in front"),
];

#[tokio::test]
async fn decisions_are_those_of_the_proxy() {
    let site = GatewaySite::start_in(Mode::Decision).await;
    let tables = [
        a_transport::rows(),
        b_container::rows(),
        c_header::rows(),
        d_key::rows(),
        e_signature::rows(),
        f_claims::rows(),
        i_target::proofs(),
        i_target::requests(),
        i_target::identities(),
        j_replay::replays(),
        j_replay::nonces(),
        j_replay::spoiled(),
        l_binding::binding(),
        l_binding::tokens(),
        l_token::tokens(),
        l_token::proofs(),
        p_framing::rows(),
    ];
    let elsewhere: Vec<String> = NOT_HERE.iter().chain(ECHOED).flat_map(|(ranges, _)| ids(ranges)).collect();
    let cases = tables.into_iter().flatten().filter(|case| !elsewhere.iter().any(|id| id == case.id));
    site.run(cases.collect()).await;
}
