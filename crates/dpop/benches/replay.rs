//! What the replay store in memory costs at a million and at ten million live entries: bytes per entry, time per claim,
//! and the longest single claim.
//!
//! `cargo bench -p keybound-dpop --bench replay` fills a store as gateways do: proofs live 70 seconds and the clock
//! moves on while they come, for three lives, so that what is counted is a store that forgets as fast as it learns.
//! Bytes are the growth of the process's resident memory. Times are processor time of the thread, so that other
//! processes on the machine do not count as pauses.

use std::fs;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dpop::{Claim, MemoryReplayStore, ReplayKey, ReplayStore};
use jose::{Algorithm, KeyPair, UnixTime};
use rustix::time::{ClockId, clock_gettime};

/// Seconds that a proof can be used for: `max_age` of a minute and ten seconds of clock skew.
const LIFE: i64 = 70;
const START: i64 = 1_800_000_000;
const PAGE: usize = 4096;

fn main() -> io::Result<()> {
    println!(
        "{:>12} {:>12} {:>12} {:>12} {:>14}",
        "live", "B per entry", "ns per claim", "p99.99 µs", "longest µs"
    );
    for live in [1_000_000, 10_000_000] {
        measure(live)?;
    }
    Ok(())
}

fn measure(live: usize) -> io::Result<()> {
    let Ok(client) = KeyPair::generate(Algorithm::Es256) else {
        return Err(io::Error::other("no ES256 key could be made"));
    };
    let thumbprint = client.thumbprint();
    let store = MemoryReplayStore::new(live * 2);
    let per_second = live / LIFE.unsigned_abs() as usize;
    let reading = cost_of_reading_the_time();
    let before = resident()?;
    let (mut busy, mut claims) = (Duration::ZERO, 0_u32);
    let mut times = Histogram::default();
    let mut most = 0;
    for second in 0..LIFE * 3 {
        let now = UnixTime::from_seconds(START + second);
        let expires_at = UnixTime::from_seconds(START + second + LIFE);
        let keys: Vec<ReplayKey> = (0..per_second)
            .map(|number| ReplayKey::new(&thumbprint, &format!("{second}-{number}")))
            .collect();
        let mut last = thread_time();
        for key in keys {
            let answer = claim(&store, key, expires_at, now);
            let time = thread_time();
            let took = (time - last).saturating_sub(reading);
            last = time;
            if answer != Claim::Claimed {
                return Err(io::Error::other("a fresh proof was refused"));
            }
            busy += took;
            claims += 1;
            times.add(took);
        }
        most = most.max(resident()?.saturating_sub(before));
    }
    println!(
        "{:>12} {:>12.1} {:>12} {:>12.1} {:>14.1}",
        live,
        most as f64 / live as f64,
        (busy / claims).as_nanos(),
        times.quantile(0.9999).as_secs_f64() * 1e6,
        times.longest.as_secs_f64() * 1e6,
    );
    Ok(())
}

fn claim(store: &MemoryReplayStore, key: ReplayKey, expires_at: UnixTime, now: UnixTime) -> Claim {
    let claim = pin!(store.claim(key, expires_at, now));
    match claim.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Claim::Unavailable,
    }
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn cost_of_reading_the_time() -> Duration {
    const READINGS: u32 = 100_000;
    let start = thread_time();
    for _ in 0..READINGS {
        std::hint::black_box(thread_time());
    }
    (thread_time() - start) / READINGS
}

/// Bytes of this process that are in memory.
fn resident() -> io::Result<usize> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.map(|pages| pages * PAGE).ok_or_else(|| io::Error::other("unreadable /proc/self/statm"))
}

/// Times in microseconds, up to ten milliseconds.
struct Histogram {
    counts: Vec<u32>,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; 10_000], longest: Duration::ZERO }
    }
}

impl Histogram {
    fn add(&mut self, time: Duration) {
        let slot = (time.as_micros() as usize).min(self.counts.len() - 1);
        if let Some(count) = self.counts.get_mut(slot) {
            *count += 1;
        }
        self.longest = self.longest.max(time);
    }

    fn quantile(&self, share: f64) -> Duration {
        let all: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        let mut left = (all as f64 * share) as u64;
        for (slot, count) in self.counts.iter().enumerate() {
            left = left.saturating_sub(u64::from(*count));
            if left == 0 {
                return Duration::from_micros(slot as u64 + 1);
            }
        }
        self.longest
    }
}
