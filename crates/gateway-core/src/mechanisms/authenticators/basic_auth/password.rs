//! Checking a password against its argon2id hash without becoming a way to keep the gateway busy.
//!
//! A check takes tens of milliseconds and megabytes on purpose. Checks run on threads of their own, few at a time, and few
//! wait for their turn; more are told to come back. A password that was right is recognised again by a keyed hash in memory,
//! so that a client that is known costs next to nothing.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordVerifier as _, phc::PasswordHash},
};
use futures_util::{lock::Mutex as AsyncMutex, task::AtomicWaker};
use jose::crypto;
use parking_lot::Mutex;
use zeroize::Zeroizing;

/// Checks of one user that run at the same time.
const LANES: usize = 2;
/// Checks that may wait for their turn.
const MOST_WAITING: usize = 64;
/// A password longer than this is wrong: nobody types it.
const MAX_PASSWORD_BYTES: usize = 1024;

/// The hash of one password.
pub(super) struct PasswordCheck {
    hash: Arc<PasswordHash>,
    /// Of the password that was right last, under a key that lives as long as this.
    known: Mutex<Option<[u8; 32]>>,
    key: [u8; 32],
    queue: Queue,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// It is the password.
    Right,
    /// It is not.
    Wrong,
    /// Too many checks wait already; nothing was checked.
    Busy,
}

impl PasswordCheck {
    /// `None` if the text is no argon2id hash, or one that would take too much memory or time.
    pub(super) fn new(hash: &str) -> Option<Self> {
        let hash = PasswordHash::new(hash).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let is_bounded = params.m_cost() <= 256 * 1024 && params.t_cost() <= 16 && params.p_cost() <= 16;
        let is_complete = hash.salt.is_some() && hash.hash.is_some();
        let is_usable = algorithm == Algorithm::Argon2id && is_bounded && is_complete;
        is_usable.then(|| Self {
            hash: Arc::new(hash),
            known: Mutex::new(None),
            key: crypto::random(),
            queue: Queue::default(),
        })
    }

    /// Whether this is the password.
    pub(super) async fn check(&self, password: Zeroizing<String>) -> Checked {
        if password.len() > MAX_PASSWORD_BYTES {
            return Checked::Wrong;
        }
        let mark = crypto::hmac_sha256(&self.key, password.as_bytes());
        if self.known.lock().is_some_and(|known| crypto::constant_time_eq(&known, &mark)) {
            return Checked::Right;
        }
        let hash = Arc::clone(&self.hash);
        let verify = move || {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default());
            // The parameters are those of the hash.
            argon2.verify_password(password.as_bytes(), &*hash).is_ok()
        };
        match self.queue.run(verify).await {
            Some(true) => {
                *self.known.lock() = Some(mark);
                Checked::Right
            }
            Some(false) => Checked::Wrong,
            None => Checked::Busy,
        }
    }
}

impl fmt::Debug for PasswordCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordCheck").finish_non_exhaustive()
    }
}

/// Few at a time, in order of arrival in each lane.
#[derive(Default)]
struct Queue {
    lanes: [AsyncMutex<()>; LANES],
    next: AtomicUsize,
    waiting: AtomicUsize,
}

/// One who waits; counted until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    /// Runs the work on a thread of its own; `None` if too many wait, or no thread can be had.
    async fn run(&self, work: impl FnOnce() -> bool + Send + 'static) -> Option<bool> {
        let is_full = self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING;
        let _waiting = Waiting(&self.waiting);
        if is_full {
            return None;
        }
        let lane = self.next.fetch_add(1, Ordering::Relaxed) % LANES;
        let _turn = self.lanes.get(lane)?.lock().await;
        on_a_thread(work).await
    }
}

/// The outcome of work on a thread of its own, and who waits for it.
#[derive(Default)]
struct Handover {
    state: Mutex<State>,
    waker: AtomicWaker,
}

#[derive(Default, Clone, Copy)]
enum State {
    #[default]
    Running,
    Ended(Option<bool>),
}

/// Reports also when the work panics: nobody may wait for ever.
struct Reporter {
    handover: Arc<Handover>,
    outcome: Option<bool>,
}

impl Reporter {
    fn report(&mut self, outcome: bool) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        *self.handover.state.lock() = State::Ended(self.outcome);
        self.handover.waker.wake();
    }
}

async fn on_a_thread(work: impl FnOnce() -> bool + Send + 'static) -> Option<bool> {
    let handover = Arc::new(Handover::default());
    let mut reporter = Reporter { handover: Arc::clone(&handover), outcome: None };
    let thread = std::thread::Builder::new().name("password".to_owned());
    thread.spawn(move || reporter.report(work())).ok()?;
    poll_fn(|context| {
        handover.waker.register(context.waker());
        match *handover.state.lock() {
            State::Running => Poll::Pending,
            State::Ended(outcome) => Poll::Ready(outcome),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher as _;
    use futures_util::future::join_all;

    use super::*;

    fn hash(password: &str) -> String {
        let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_with_salt(password.as_bytes(), b"saltsaltsalt").unwrap().to_string()
    }

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn check(checker: &PasswordCheck, password: &str) -> Checked {
        run(checker.check(Zeroizing::new(password.to_owned())))
    }

    #[test]
    fn tells_right_from_wrong_also_after_a_right_one() {
        let checker = PasswordCheck::new(&hash("secret")).unwrap();
        assert_eq!(check(&checker, "wrong"), Checked::Wrong);
        assert_eq!(check(&checker, "secret"), Checked::Right);
        assert_eq!(check(&checker, "secret"), Checked::Right);
        assert_eq!(check(&checker, "wrong"), Checked::Wrong);
        assert_eq!(check(&checker, ""), Checked::Wrong);
        assert_eq!(check(&checker, &"x".repeat(MAX_PASSWORD_BYTES + 1)), Checked::Wrong);
        assert!(!format!("{checker:?}").contains("argon2"));
    }

    #[test]
    fn knows_a_right_password_again_without_hashing() {
        let mut checker = PasswordCheck::new(&hash("secret")).unwrap();
        assert_eq!(check(&checker, "secret"), Checked::Right);
        // From now on no password fits the hash.
        checker.hash = Arc::new(PasswordHash::new(&hash("other")).unwrap());
        assert_eq!(check(&checker, "secret"), Checked::Right);
    }

    #[test]
    fn other_hashes_are_refused() {
        let good = hash("x");
        for bad in [
            "secret".to_owned(),
            String::new(),
            good.replace("argon2id", "argon2i"),
            good.replace("m=8", "m=1048576"),
            good.replace("t=1", "t=100"),
            good.rsplit_once('$').unwrap().0.to_owned(),
            "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
        ] {
            assert!(PasswordCheck::new(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn few_run_few_wait_and_the_rest_is_told() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let queue = Queue::default();
        let work = || {
            MOST.fetch_max(RUNNING.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..100 {
                std::thread::yield_now();
            }
            RUNNING.fetch_sub(1, Ordering::SeqCst);
            true
        };
        let outcomes = run(join_all((0..MOST_WAITING + 10).map(|_| queue.run(work))));
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_none()).count(), 10);
        assert!(MOST.load(Ordering::SeqCst) <= LANES);
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn work_that_panics_leaves_nobody_waiting() {
        assert_eq!(run(on_a_thread(|| panic!("on purpose"))), None);
    }
}
