//! What one ES256 verification costs here and now: `cargo run --profile dist -p keybound-jose --example
//! es256_verification` prints the nanoseconds of processor time, the median of 15 batches. `cargo xtask bench` states
//! its goals in multiples of it.

use std::{error::Error, time::Duration};

use jose::{Algorithm, KeyPair};
use rustix::time::{ClockId, clock_gettime};

/// As long as what is signed of a usual proof, in bytes.
const MESSAGE: [u8; 430] = [b'x'; 430];
const BATCHES: usize = 15;
const BATCH: u32 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let key = KeyPair::generate(Algorithm::Es256)?;
    let signature = key.sign(&MESSAGE)?;
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let start = thread_time();
        for _ in 0..BATCH {
            key.public_jwk().verify(Algorithm::Es256, &MESSAGE, &signature)?;
        }
        batches.push((thread_time() - start) / BATCH);
    }
    batches.sort_unstable();
    let median = batches.get(BATCHES / 2).copied().unwrap_or_default();
    println!("{}", median.as_nanos());
    Ok(())
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
