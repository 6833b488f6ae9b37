//! `cargo xtask bench growth`: how cost grows with keys, rules, connections, size of tokens, and by HTTP version.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use jose::Algorithm;
use serde_json::{Value, json};

use super::load::Load;
use super::site::{PROTECTED, Running, Site, Variant};
use super::{Effort, process};
use crate::run::root;

/// What can be grown, by name.
const KINDS: [&str; 5] = ["keys", "rules", "connections", "tokens", "http"];

/// One measured point.
struct Point {
    what: &'static str,
    size: u64,
    cpu_us: f64,
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    resident_mib: f64,
}

/// Measures, prints the tables, and writes them as JSON. Each point has a gateway of its own.
pub(crate) fn run(keybound: PathBuf, effort: Effort, kinds: &[String]) -> Result<()> {
    if let Some(other) = kinds.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
        bail!("unknown kind `{other}`; there are {}", KINDS.join(", "));
    }
    let is_wanted = |kind: &str| kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind);
    let site = Site::start(keybound, "growth")?;
    let key = site.issuer_key(Algorithm::Es256);
    let sizes = |kind: &str, sizes: &[u64]| -> Vec<u64> {
        let largest = if effort.is_quick { 1_000 } else { u64::MAX };
        sizes.iter().copied().filter(|size| is_wanted(kind) && *size <= largest).collect()
    };
    let mut points = Vec::new();
    for keys in sizes("keys", &[1, 100, 10_000, 1_000_000]) {
        let gateway = site.gateway(&Variant::default())?;
        // Every key calls at least once.
        let load = Load::new(gateway.url(PROTECTED), effort.requests.max(keys));
        points.push(measure(&site, &key, &gateway, "keys", keys, Load { keys, ..load })?);
    }
    for rules in sizes("rules", &[1, 100, 1_000, 10_000]) {
        let gateway = site.gateway(&Variant { rules: rules as usize, ..Variant::default() })?;
        let load = Load::new(gateway.url(&format!("/rules/{}", rules - 1)), effort.requests);
        points.push(measure(&site, &key, &gateway, "rules", rules, load)?);
    }
    for connections in sizes("connections", &[1, 100, 1_000, 10_000]) {
        let gateway = site.gateway(&Variant::default())?;
        let load = Load::new(gateway.url(PROTECTED), effort.requests.max(4 * connections));
        let load = Load { connections, ..load };
        points.push(measure(&site, &key, &gateway, "connections", connections, load)?);
    }
    for kib in sizes("tokens", &[1, 4, 8, 12]) {
        let bytes = kib * 1_024;
        let gateway = site.gateway(&Variant::default())?;
        let long = ["--token-bytes", &bytes.to_string()];
        let load = Load::new(gateway.url(PROTECTED), effort.requests / 2).with(&long);
        points.push(measure(&site, &key, &gateway, "bytes of the token", bytes, load)?);
    }
    for (what, tls, connections, words) in [
        ("HTTP/1.1, plain", false, 64, &[][..]),
        ("HTTP/1.1, TLS", true, 64, &[]),
        ("HTTP/2, TLS, 8 streams each", true, 8, &["--http2", "--streams", "8"]),
        ("HTTP/2, TLS, 64 streams", true, 1, &["--http2", "--streams", "64"]),
    ] {
        if !is_wanted("http") {
            break;
        }
        let gateway = site.gateway(&Variant { tls, ..Variant::default() })?;
        let load = Load::new(gateway.url(PROTECTED), effort.requests).with(words);
        points.push(measure(&site, &key, &gateway, what, connections, Load { connections, ..load })?);
    }
    let json = json!({ "upstream": site.upstream_name, "points": points.iter().map(Point::to_json).collect::<Vec<_>>() });
    let file = root().join("target/bench/growth.json");
    std::fs::write(&file, format!("{json:#}\n"))?;
    println!("\nwritten to {}", file.display());
    Ok(())
}

fn measure(
    site: &Site,
    issuer_key: &Path,
    gateway: &Running,
    what: &'static str,
    size: u64,
    load: Load,
) -> Result<Point> {
    let warm_up = Load { requests: load.requests / 20, keys: load.keys.min(100), ..load.clone() };
    warm_up.send(&site.keybound, issuer_key, gateway.id())?.clean(what)?;
    let outcome = load.send(&site.keybound, issuer_key, gateway.id())?.clean(what)?;
    let point = Point {
        what,
        size,
        cpu_us: outcome.cpu_us,
        per_second: outcome.number("/per_second"),
        p50_us: outcome.number("/latency_us/p50"),
        p99_us: outcome.number("/latency_us/p99"),
        resident_mib: process::resident_mib(gateway.id())?,
    };
    println!(
        "{:<38} {:>8}  {:>7.1} µs CPU {:>8.0}/s  p50 {:>7.0} µs  p99 {:>7.0} µs  {:>7.1} MiB",
        point.what,
        point.size,
        point.cpu_us,
        point.per_second,
        point.p50_us,
        point.p99_us,
        point.resident_mib
    );
    Ok(point)
}

impl Point {
    fn to_json(&self) -> Value {
        json!({
            "what": self.what,
            "size": self.size,
            "cpu_us": self.cpu_us,
            "per_second": self.per_second,
            "p50_us": self.p50_us,
            "p99_us": self.p99_us,
            "resident_mib": self.resident_mib,
        })
    }
}
