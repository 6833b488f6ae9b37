//! heimdall's `networks`: `"10.1.2.3" in networks("10.0.0.0/8")`, `Request.ClientIPAddresses in networks([…])`.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;

use super::{Function, Shape, Style, mismatch, to};
use crate::expression::{
    budget::Budget,
    error::ExpressionErrorCause as Cause,
    value::{List, Value},
};
use Shape::{List as ListOf, Networks, String};

pub(super) const FUNCTIONS: &[Function] = &[Function {
    name: "networks",
    style: Style::Global,
    overloads: &[to(Networks, &[String]), to(Networks, &[ListOf(&String)])],
    run: networks,
}];

fn networks<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Cause> {
    let written: List<'a> = match arguments {
        [Value::String(one)] => Value::list([Value::String(one.clone())]),
        [Value::List(list)] => list.clone(),
        _ => return Err(mismatch("networks", arguments)),
    };
    budget.charge(written.len())?;
    let parsed: Result<Arc<[IpNet]>, Cause> = written
        .iter()
        .map(|item| match item {
            Value::String(text) => network(&text).ok_or(Cause::Unreadable { wanted: "address or network" }),
            other => Err(mismatch("networks", &[other])),
        })
        .collect();
    parsed.map(Value::Networks)
}

/// A network, or an address for the network that holds nothing else.
fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `value in networks`: an address, or a list of which every address is in one of them, and there is at least one.
pub(in crate::expression) fn contains(
    networks: &[IpNet],
    value: &Value<'_>,
    budget: &mut Budget,
) -> Result<bool, Cause> {
    let holds = |item: &Value<'_>, budget: &mut Budget| -> Result<bool, Cause> {
        let Value::String(text) = item else { return Err(mismatch("in", std::slice::from_ref(item))) };
        budget.charge(networks.len())?;
        let address: IpAddr = text.parse().map_err(|_| Cause::Unreadable { wanted: "address" })?;
        let address = address.to_canonical();
        Ok(networks.iter().any(|network| network.contains(&address)))
    };
    match value {
        Value::String(_) => holds(value, budget),
        Value::List(list) => {
            for item in list.iter() {
                if !holds(&item, budget)? {
                    return Ok(false);
                }
            }
            Ok(list.len() > 0)
        }
        _ => Err(mismatch("in", std::slice::from_ref(value))),
    }
}
