//! Requests that are ready: threads that sign fill it, connections empty it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jose::SignError;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Semaphore;

use crate::maker::{Maker, Prepared};

/// How many are made between two looks at the queue.
const BATCH: usize = 16;

/// A queue with a wanted length.
pub(crate) struct Supply {
    queue: Mutex<Queue>,
    /// Something about the queue has changed, for the threads that sign and for who waits for the start.
    changed: Condvar,
    /// One permit for each request in the queue.
    ready: Semaphore,
    wanted: usize,
    /// How often a connection had to wait for a proof.
    waited: AtomicU64,
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<Prepared>,
    working_signers: usize,
    is_over: bool,
    failure: Option<SignError>,
}

impl Supply {
    /// A supply that keeps `wanted` requests ready, filled by this many threads.
    pub(crate) fn new(wanted: usize, signers: usize) -> Self {
        let queue = Queue { working_signers: signers, ..Queue::default() };
        Self {
            queue: Mutex::new(queue),
            changed: Condvar::new(),
            ready: Semaphore::new(0),
            wanted: wanted.max(1),
            waited: AtomicU64::new(0),
        }
    }

    /// What a thread that signs does until all is made or the run is over.
    pub(crate) fn fill(&self, mut maker: Maker) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut has_more = true;
        while has_more {
            while has_more && batch.len() < BATCH {
                match maker.next() {
                    Ok(Some(prepared)) => batch.push(prepared),
                    Ok(None) => has_more = false,
                    Err(error) => {
                        self.queue.lock().failure = Some(error);
                        has_more = false;
                    }
                }
            }
            let mut queue = self.queue.lock();
            while queue.requests.len() >= self.wanted && !queue.is_over {
                self.changed.wait(&mut queue);
            }
            if queue.is_over {
                break;
            }
            let count = batch.len();
            queue.requests.extend(batch.drain(..));
            drop(queue);
            self.ready.add_permits(count);
            self.changed.notify_all();
        }
        let mut queue = self.queue.lock();
        queue.working_signers -= 1;
        if queue.working_signers == 0 {
            // Wakes connections that wait for more than will come.
            self.ready.add_permits(Semaphore::MAX_PERMITS / 2);
        }
        drop(queue);
        self.changed.notify_all();
    }

    /// Waits until as many requests are ready as are wanted, or all of them.
    pub(crate) fn wait_until_full(&self) -> Result<(), SignError> {
        let mut queue = self.queue.lock();
        while queue.requests.len() < self.wanted && queue.working_signers > 0 {
            self.changed.wait(&mut queue);
        }
        match &queue.failure {
            Some(failure) => Err(*failure),
            None => Ok(()),
        }
    }

    /// The next request; `None` when there is none and will be none.
    pub(crate) async fn next(&self) -> Option<Prepared> {
        let permit = match self.ready.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                self.waited.fetch_add(1, Ordering::Relaxed);
                self.ready.acquire().await.ok()?
            }
        };
        permit.forget();
        let mut queue = self.queue.lock();
        let request = queue.requests.pop_front();
        let has_room = queue.requests.len() < self.wanted;
        drop(queue);
        if has_room {
            self.changed.notify_one();
        }
        request
    }

    /// Ends the threads that sign.
    pub(crate) fn end(&self) {
        self.queue.lock().is_over = true;
        self.changed.notify_all();
    }

    /// How often a connection had to wait for a proof.
    pub(crate) fn waited(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }

    /// The failure of a thread that signs, if there was one.
    pub(crate) fn failure(&self) -> Option<SignError> {
        self.queue.lock().failure
    }
}

/// Ends the threads that sign when it is dropped, however the run ends.
pub(crate) struct EndOfSupply(pub(crate) Arc<Supply>);

impl Drop for EndOfSupply {
    fn drop(&mut self) {
        self.0.end();
    }
}
