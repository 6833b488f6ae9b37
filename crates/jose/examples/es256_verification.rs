//! What one ES256 verification costs here and now: `cargo run --profile dist -p keybound-jose --example
//! es256_verification` prints the nanoseconds of processor time, the median of 15 batches: for a key that is not known, with the
//! cryptographic library, and then for one that returns. `cargo xtask bench` states its goals in multiples of the first.

use std::{error::Error, time::Duration};

use jose::{Algorithm, KeyPair};
use rustix::time::{ClockId, clock_gettime};

/// As long as what is signed of a usual proof, in bytes.
const MESSAGE: [u8; 430] = [b'x'; 430];
const OTHER_MESSAGE: [u8; 430] = [b'y'; 430];
const BATCHES: usize = 15;
const BATCH: u32 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let key = KeyPair::generate(Algorithm::Es256)?;
    // One of each batch for each batch: of a signature that was just verified, a processor knows all branches.
    let signatures = (0..BATCH).map(|_| key.sign(&MESSAGE)).collect::<Result<Vec<_>, _>>()?;
    let verify = |message: &[u8], signature: &[u8]| {
        key.public_jwk().verify(Algorithm::Es256, message, signature).is_ok()
    };
    // To find that it is not of this message takes as long as to find that it is, and a key without good signatures is not
    // known to return.
    let unknown = median_time(|| !signatures.iter().any(|signature| verify(&OTHER_MESSAGE, signature)))?;
    let returning = median_time(|| signatures.iter().all(|signature| verify(&MESSAGE, signature)))?;
    println!("{}\n{}", unknown.as_nanos(), returning.as_nanos());
    Ok(())
}

/// Time for one of a batch.
fn median_time(batch_is_as_expected: impl Fn() -> bool) -> Result<Duration, &'static str> {
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let start = thread_time();
        if !batch_is_as_expected() {
            return Err("a verification is wrong");
        }
        batches.push((thread_time() - start) / BATCH);
    }
    batches.sort_unstable();
    batches.get(BATCHES / 2).copied().ok_or("no batches")
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
