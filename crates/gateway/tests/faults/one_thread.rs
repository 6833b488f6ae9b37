//! A gateway in the thread of its test, so that what it takes of the memory and lets go of can be counted to the byte. The
//! memory of the process says nothing there: other tests run in it.

use std::{future::Future, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    time::sleep,
};

/// Live memory above the level before a fault that counts as that level: tables that grew stay as large as they were, a
/// used proof is remembered for its time, the upstream notes what it saw. A connection that was not let go, of which each
/// test makes dozens, would be more.
const ALLOWANCE: i64 = 32 << 10;
/// How often it is looked whether tasks whose connection has ended are gone.
const LOOKS: usize = 200;

pub struct OneThread {
    runtime: Runtime,
    live_bytes: i64,
}

impl OneThread {
    pub fn new() -> Self {
        Self { runtime: Builder::new_current_thread().enable_all().build().unwrap(), live_bytes: 0 }
    }

    /// Lets everything in the thread go on until this is done.
    pub fn run<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut done = None;
        let counted = allocation_counter::measure(|| done = Some(self.runtime.block_on(work)));
        self.live_bytes += counted.bytes_current;
        done.unwrap()
    }

    /// A fault, and good calls before and after it, all of which pass: the memory is back at its level.
    pub fn survives(&mut self, fault: impl Future<Output = ()>, mut good_calls: impl AsyncFnMut()) {
        // The first calls fill pools and caches.
        self.run(good_calls());
        let level = self.level();
        self.run(fault);
        self.run(good_calls());
        self.is_back_at(level);
    }

    /// The live memory when nothing changes any more.
    pub fn level(&mut self) -> i64 {
        self.settled(i64::MIN)
    }

    /// The live memory comes back to this level.
    pub fn is_back_at(&mut self, level: i64) {
        let after = self.settled(level + ALLOWANCE);
        assert!(after <= level + ALLOWANCE, "{} bytes of memory more than before", after - level);
    }

    /// What is live when nothing changes any more, or is as little as this.
    fn settled(&mut self, enough: i64) -> i64 {
        let mut unchanged = 0;
        for _ in 0..LOOKS {
            let before = self.live_bytes;
            self.run(async { sleep(Duration::from_millis(5)).await });
            unchanged = if self.live_bytes == before { unchanged + 1 } else { 0 };
            if unchanged == 4 || self.live_bytes <= enough {
                break;
            }
        }
        self.live_bytes
    }
}
