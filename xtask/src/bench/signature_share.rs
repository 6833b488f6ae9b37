//! Which part of a protected request is the verification of its signature: by a profile of the gateway as it is shipped.
//! A gateway that skips the check is nowhere built, not even for benchmarks.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use jose::Algorithm;

use super::Effort;
use super::load::Load;
use super::site::{PROTECTED, Site, Variant};

/// Samples a second: a prime, so that nothing periodic hides.
const FREQUENCY: &str = "1999";

/// How the functions of elliptic curves and long numbers begin in the cryptographic library, behind underscores and the
/// version that it puts before its names. Hashes are not among them: what is hashed for the signature, half a microsecond,
/// counts as the rest.
const CURVE_FUNCTIONS: [&str; 10] =
    ["ecp_", "ec_", "EC_", "ecdsa_", "ECDSA_", "bn_", "BN_", "beeu_", "p256_", "bignum_"];

/// The share of the processor time, 0 to 1; `None` where there is no `perf`, or it may not look.
pub(crate) fn measure(site: &Site, effort: Effort) -> Result<Option<f64>> {
    println!("── share of the signature");
    let gateway = site.gateway(&Variant::default())?;
    let key = site.issuer_key(Algorithm::Ps256);
    let load = Load::new(gateway.url(PROTECTED), effort.requests);
    load.send(&site.keybound, &key, gateway.id())?;
    let data = site.folder.join("perf.data");
    let mut perf = Command::new("perf");
    perf.args(["record", "-e", "cpu-clock", "-F", FREQUENCY, "-p", &gateway.id().to_string(), "-o"])
        .arg(&data);
    let Ok(mut recording) = perf.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        println!("   perf is not installed");
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
    std::fs::write(site.folder.join("profile.txt"), text.as_bytes())?;
    let share = curve_share(&text);
    match share {
        Some(share) => println!("   {:.1} % of the processor time", share * 100.0),
        None => println!("   perf saw nothing"),
    }
    Ok(share)
}

/// Adds up the lines of `perf report` that are functions of elliptic curves.
fn curve_share(report: &str) -> Option<f64> {
    let (mut all, mut curve) = (0.0, 0.0);
    for line in report.lines() {
        let Some((percent, symbol)) = line.split_once('%') else { continue };
        let Ok(percent) = percent.trim().parse::<f64>() else { continue };
        all += percent;
        if is_curve_function(symbol) {
            curve += percent;
        }
    }
    (all > 50.0).then(|| curve / all)
}

/// `[.] aws_lc_0_47_0_ec_GFp_…` or `[.] __ecp_nistz256_…`.
fn is_curve_function(symbol: &str) -> bool {
    let name = symbol.rsplit(']').next().unwrap_or_default().trim().trim_start_matches('_');
    let name = name.strip_prefix("aws_lc_").unwrap_or(name);
    let name = name.trim_start_matches(|character: char| character.is_ascii_digit() || character == '_');
    CURVE_FUNCTIONS.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_the_functions_of_curves() {
        let report = "# Overhead  Symbol\n    30.00%  [.] __ecp_nistz256_mul_montx\n    \
                      10.00%  [.] aws_lc_0_47_0_bn_mul_mont_nohw\n    \
                      20.00%  [.] aws_lc_0_47_0_sha256_block_data_order_hw\n    \
                      30.00%  [k] copy_user_generic\n    10.00%  [.] alloc::raw_vec::ec_x\n";
        assert_eq!(curve_share(report), Some(0.4));
        assert_eq!(curve_share("no samples\n"), None);
    }
}
