//! The rows about credentials once more, in decision mode: what is asked directly is judged as in front of an upstream.

use gateway::Mode;

use super::{
    gateway_site::GatewaySite,
    rows::{b_container, c_header, d_key, e_signature, f_claims, l_binding, l_token, site::Site},
};

#[tokio::test]
async fn decisions_are_those_of_the_proxy() {
    let site = GatewaySite::start_in(Mode::Decision).await;
    for rows in [
        b_container::rows(),
        c_header::rows(),
        d_key::rows(),
        e_signature::rows(),
        f_claims::rows().into_iter().filter(|case| case.also.is_none()).collect(),
        l_binding::binding(),
        l_binding::tokens(),
        l_token::tokens(),
    ] {
        site.run(rows).await;
    }
}
