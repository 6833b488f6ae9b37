//! The rows once more in decision mode: what is asked directly is judged as in front of an upstream.

use gateway::Mode;

use super::{
    gateway_site::GatewaySite,
    rows::{ECHOED, ids::ids, p_framing, site::Site, tables},
};

/// Rows, as ranges of ids, that are not for this mode, and why. What finalizers set is an answer to the proxy here.
const NOT_HERE: &[(&str, &str)] = &[
    ("J26 O12", "an upstream that closes the connection"),
    ("P10-11", "the body stays with the proxy in front"),
];

#[tokio::test]
async fn decisions_are_those_of_the_proxy() {
    let site = GatewaySite::start_in(Mode::Decision).await;
    let elsewhere: Vec<String> = NOT_HERE.iter().chain(ECHOED).flat_map(|(ranges, _)| ids(ranges)).collect();
    let cases = tables::at_once()
        .into_iter()
        .chain(p_framing::rows())
        .filter(|case| !elsewhere.iter().any(|id| id == case.id));
    site.run(cases.collect()).await;
}
