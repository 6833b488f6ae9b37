//! Where the time of a request goes: a profile of the gateway as it is shipped. It also tells what everything but the
//! signature costs: a gateway that skips the check is nowhere built, not even for benchmarks.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use jose::Algorithm;
use serde_json::{Map, Value, json};

use super::Effort;
use super::load::Load;
use super::site::{PLAIN, PROTECTED, Site, Variant};

/// Samples a second: a prime, so that nothing periodic hides.
const FREQUENCY: &str = "1999";

/// How the functions of elliptic curves and long numbers begin in the cryptographic library, behind underscores and the
/// version that it puts before its names. Hashes are not among them: what is hashed for the signature, half a microsecond,
/// counts as the rest.
const CURVE_FUNCTIONS: [&str; 10] =
    ["ecp_", "ec_", "EC_", "ecdsa_", "ECDSA_", "bn_", "BN_", "beeu_", "p256_", "bignum_"];

/// And of keys that return.
const OWN_CURVE: &str = "jose::p256::";

const CURVES: &str = "P-256";
const KERNEL: &str = "kernel: sockets, scheduling";

/// What a function belongs to, by the first of these words in its name.
const PARTS: [(&str, &str); 32] = [
    ("aws_lc_", "hashes, ciphers, random bytes"),
    ("aws_lc_rs", "hashes, ciphers, random bytes"),
    ("mi_", "allocator"),
    ("malloc", "allocator"),
    ("memmove", "copying and comparing bytes"),
    ("memcpy", "copying and comparing bytes"),
    ("memset", "copying and comparing bytes"),
    ("memcmp", "copying and comparing bytes"),
    ("gateway_core::", "rules and pipeline"),
    ("go_template::", "rules and pipeline"),
    ("gateway::telemetry", "metrics, log, traces"),
    ("prometheus::", "metrics, log, traces"),
    ("opentelemetry::", "metrics, log, traces"),
    ("tracing", "metrics, log, traces"),
    ("gateway::", "listener, forwarding, pool"),
    ("resource_server::", "the verifier"),
    ("dpop::", "the verifier"),
    ("oauth::", "the verifier"),
    ("jose::", "the verifier"),
    ("serde", "JSON and base64"),
    ("base64::", "JSON and base64"),
    ("hyper", "HTTP"),
    ("http::", "HTTP"),
    ("httparse::", "HTTP"),
    ("http_body", "HTTP"),
    ("bytes::", "HTTP"),
    ("tokio", "runtime"),
    ("mio::", "runtime"),
    ("futures", "runtime"),
    ("future::", "runtime"),
    ("vdso", "runtime"),
    ("pthread", "runtime"),
];
const OTHER: &str = "other";

/// Shares of the processor time by part, largest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile(Vec<(&'static str, f64)>);

/// Profiles of the two requests that matter; `None` where there is no `perf`, or it may not look.
pub(crate) struct Profiles {
    plain: Option<Profile>,
    full: Option<Profile>,
}

pub(crate) fn measure(site: &Site, effort: Effort) -> Result<Profiles> {
    println!("── profiles");
    let plain = of_path(site, effort, PLAIN, "profile-plain")?;
    let full = of_path(site, effort, PROTECTED, "profile-protected")?;
    match full.as_ref().map(Profile::signature_share) {
        Some(share) => println!("   the signature is {:.1} % of a protected request", share * 100.0),
        None => println!("   perf is not installed, or sees nothing"),
    }
    Ok(Profiles { plain, full })
}

fn of_path(site: &Site, effort: Effort, path: &str, name: &str) -> Result<Option<Profile>> {
    let gateway = site.gateway(&Variant::default())?;
    let key = site.issuer_key(Algorithm::Ps256);
    let load = Load::new(gateway.url(path), effort.requests);
    load.send(&site.keybound, &key, gateway.id())?;
    let data = site.folder.join(name).with_extension("data");
    let mut perf = Command::new("perf");
    perf.args(["record", "-e", "cpu-clock", "-F", FREQUENCY, "-p", &gateway.id().to_string(), "-o"])
        .arg(&data);
    let Ok(mut recording) = perf.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        return Ok(None);
    };
    load.send(&site.keybound, &key, gateway.id())?.clean("profiled load")?;
    // perf writes what it has when it is interrupted.
    Command::new("kill").args(["-INT", &recording.id().to_string()]).status().context("kill")?;
    recording.wait().context("wait for perf")?;
    let mut perf = Command::new("perf");
    perf.args(["report", "--stdio", "-F", "overhead,symbol", "--percent-limit", "0", "-i"]).arg(&data);
    let report = perf.stderr(Stdio::null()).output().context("perf report")?;
    let text = String::from_utf8_lossy(&report.stdout);
    std::fs::write(site.folder.join(name).with_extension("txt"), text.as_bytes())?;
    Ok(Profile::read(&text))
}

impl Profile {
    /// Reads `perf report`; `None` when there is nothing in it.
    fn read(report: &str) -> Option<Self> {
        let mut parts: Vec<(&'static str, f64)> = Vec::new();
        for line in report.lines() {
            let Some((percent, symbol)) = line.split_once('%') else { continue };
            let Ok(percent) = percent.trim().parse::<f64>() else { continue };
            let part = part_of(symbol);
            match parts.iter_mut().find(|(name, _)| *name == part) {
                Some((_, sum)) => *sum += percent,
                None => parts.push((part, percent)),
            }
        }
        let all: f64 = parts.iter().map(|(_, percent)| percent).sum();
        for (_, percent) in &mut parts {
            *percent /= all;
        }
        parts.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        (all > 50.0).then_some(Self(parts))
    }

    fn signature_share(&self) -> f64 {
        self.0.iter().find(|(name, _)| *name == CURVES).map(|(_, share)| *share).unwrap_or_default()
    }

    fn to_json(&self) -> Value {
        let share = |share: f64| json!((share * 10_000.0).round() / 10_000.0);
        let members: Map<String, Value> =
            self.0.iter().map(|(name, part)| ((*name).to_owned(), share(*part))).collect();
        Value::Object(members)
    }
}

impl Profiles {
    /// The part of a protected request that is the verification of its signature, 0 to 1.
    pub(crate) fn signature_share(&self) -> Option<f64> {
        self.full.as_ref().map(Profile::signature_share)
    }

    pub(crate) fn to_json(&self) -> Value {
        let json = |profile: &Option<Profile>| profile.as_ref().map(Profile::to_json);
        json!({ "plain_proxy": json(&self.plain), "protected": json(&self.full) })
    }
}

/// `[k] tcp_sendmsg`, `[.] aws_lc_0_47_0_ec_GFp_…`, `[.] <hyper::… as …>::poll`.
fn part_of(symbol: &str) -> &'static str {
    if symbol.contains("[k]") {
        return KERNEL;
    }
    let name = symbol.rsplit("[.]").next().unwrap_or_default().trim().trim_start_matches('_');
    let bare = name.strip_prefix("aws_lc_").unwrap_or(name);
    let bare = bare.trim_start_matches(|character: char| character.is_ascii_digit() || character == '_');
    if CURVE_FUNCTIONS.iter().any(|start| bare.starts_with(start)) || name.contains(OWN_CURVE) {
        return CURVES;
    }
    let places = PARTS.iter().filter_map(|(word, part)| Some((name.find(word)?, *part)));
    places.min_by_key(|(place, _)| *place).map_or(OTHER, |(_, part)| part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_belong_to_parts() {
        for (symbol, part) in [
            ("  [.] __ecp_nistz256_mul_montx", CURVES),
            ("  [.] aws_lc_0_47_0_bn_mul_mont_nohw", CURVES),
            ("  [.] <jose::p256::comb::Comb<_>>::add", CURVES),
            ("  [.] aws_lc_0_47_0_sha256_block_data_order_hw", "hashes, ciphers, random bytes"),
            ("  [k] tcp_sendmsg", KERNEL),
            ("  [.] _mi_page_malloc_zero", "allocator"),
            ("  [.] __memmove_avx512_unaligned_erms", "copying and comparing bytes"),
            ("  [.] <gateway::serve::gate::Gate<M> as x>::handle::{{closure}}", "listener, forwarding, pool"),
            ("  [.] <hyper::body::chan::Receiver as core::ops::drop::Drop>::drop", "HTTP"),
            ("  [.] core::ptr::drop_in_place<gateway_core::request::Request>", "rules and pipeline"),
            (
                "  [.] <&mut serde_json::de::Deserializer<R> as serde_core::de::Deserializer>",
                "JSON and base64",
            ),
            ("  [.] alloc::raw_vec::ec_x", OTHER),
        ] {
            assert_eq!(part_of(symbol), part, "{symbol}");
        }
    }

    #[test]
    fn shares_are_of_what_was_seen() {
        let report = "# Overhead  Symbol\n    30.00%  [.] __ecp_nistz256_mul_montx\n    \
                      10.00%  [.] ecp_nistz256_point_doublex\n    60.00%  [k] copy_user_generic\n";
        let profile = Profile::read(report).unwrap();
        assert!((profile.signature_share() - 0.4).abs() < 1e-9);
        assert_eq!(profile.0.first().unwrap().0, KERNEL);
        assert!(Profile::read("no samples\n").is_none());
    }
}
