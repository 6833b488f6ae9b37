//! Addresses and networks: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use crate::document::decode::Decode;
use crate::document::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::document::key_path::KeyPath;
use crate::document::node::Node;

/// An address or a network in CIDR notation; an address is the network that holds only itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl Network {
    /// Whether `address` lies in the network. An IPv4 address mapped into IPv6 counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl Decode for Network {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let text = String::decode(node, path, diagnostics)?;
        let network = parse(&text);
        if network.is_none() {
            diagnostics.push(
                Diagnostic::error(
                    Code::BadNetwork,
                    format!("`{path}` is neither an address nor a network"),
                    &node.place,
                )
                .found(text)
                .expected("an address such as 10.0.0.7, or a network such as 10.0.0.0/8 or fd00::/8"),
            );
        }
        network
    }
}

fn parse(text: &str) -> Option<Network> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(Network(unmapped(network)))
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`: peers are compared in that form.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let Some(v4) = v6.addr().to_ipv4_mapped() else { return network };
    match v6.prefix_len().checked_sub(96).map(|length| ipnet::Ipv4Net::new(v4, length)) {
        Some(Ok(net)) => IpNet::V4(net),
        Some(Err(_)) | None => network,
    }
}

/// Whether the networks together hold every IPv4 or every IPv6 address, however they are spelt (`0.0.0.0/1` and
/// `128.0.0.0/1` do).
#[must_use]
pub fn covers_every_address<'a>(networks: impl IntoIterator<Item = &'a Network>) -> bool {
    let networks: Vec<IpNet> = networks.into_iter().map(|network| network.0.trunc()).collect();
    let mapped = Ipv6Net::new(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96).ok();
    IpNet::aggregate(&networks).iter().any(|network| match network {
        IpNet::V4(v4) => v4.prefix_len() == 0,
        IpNet::V6(v6) => v6.prefix_len() == 0 || mapped.is_some_and(|mapped| v6.contains(&mapped)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_networks() {
        let network = parse("10.1.2.3/8").unwrap();
        assert!(network.contains("10.9.9.9".parse().unwrap()));
        assert!(network.contains("::ffff:10.9.9.9".parse().unwrap()));
        assert!(!network.contains("11.0.0.1".parse().unwrap()));
        assert!(parse("192.168.1.7").unwrap().contains("192.168.1.7".parse().unwrap()));
        assert!(parse("::ffff:10.0.0.0/104").unwrap().contains("10.2.3.4".parse().unwrap()));
        for text in ["", "10.0.0", "10.0.0.0/33", "example.com", "10.0.0.0/8 ", "010.0.0.1"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_whole_internet_is_recognised_in_any_spelling() {
        let covers = |texts: &[&str]| {
            let networks: Vec<Network> = texts.iter().map(|text| parse(text).unwrap()).collect();
            covers_every_address(&networks)
        };
        assert!(covers(&["0.0.0.0/0"]));
        assert!(covers(&["1.2.3.4/0"]));
        assert!(covers(&["::/0"]));
        assert!(covers(&["0::0/0"]));
        assert!(covers(&["::ffff:0:0/96"]));
        assert!(covers(&["0.0.0.0/1", "128.0.0.0/1"]));
        assert!(!covers(&["10.0.0.0/8", "fd00::/8"]));
        assert!(!covers(&[]));
    }
}
