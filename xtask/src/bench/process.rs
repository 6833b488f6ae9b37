//! What processes cost, as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Ticks a second of the times in `/proc`: 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;
const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;
const PAGE_BYTES: f64 = 4096.0;

/// Processor time of a process and of the children it has now, user and system together.
pub(crate) fn cpu_time(id: u32) -> Result<Duration> {
    let mut ticks = 0;
    for process in with_children(id)? {
        ticks += stat(process).map(|stat| stat.ticks).unwrap_or_default();
    }
    Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
}

/// Resident memory of a process and of the children it has now, in MiB. What is shared counts each time.
pub(crate) fn resident_mib(id: u32) -> Result<f64> {
    let mut pages = 0;
    for process in with_children(id)? {
        pages += stat(process).map(|stat| stat.resident_pages).unwrap_or_default();
    }
    Ok(pages as f64 * PAGE_BYTES / BYTES_PER_MIB)
}

struct Stat {
    parent: u32,
    ticks: u64,
    resident_pages: u64,
}

fn with_children(id: u32) -> Result<Vec<u32>> {
    let mut processes = vec![id];
    for entry in fs::read_dir("/proc").context("list processes")? {
        let name = entry?.file_name();
        let Some(other) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        if stat(other).is_some_and(|stat| stat.parent == id) {
            processes.push(other);
        }
    }
    Ok(processes)
}

/// `None` when the process has ended, or what stands there is not what proc(5) says.
fn stat(id: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name of the program stands in brackets and may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Counted from the state, which is the third field of proc(5).
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(4)?).ok()?,
        ticks: number(14)? + number(15)?,
        resident_pages: number(24)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_costs() {
        let before = cpu_time(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while cpu_time(std::process::id()).unwrap() < before + Duration::from_millis(20) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
        assert!(resident_mib(std::process::id()).unwrap() > 1.0);
        assert!(stat(std::process::id()).unwrap().parent > 0);
    }
}
