//! The port for watching the steps of rules, for traces. Whoever watches changes nothing.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// Hears of each step.
pub trait StepObserver: Send + Sync + fmt::Debug {
    /// A step begins; `name` is its kind and id.
    fn begin(&self, name: &str) -> Box<dyn ObservedStep>;
}

/// A step that is watched. Dropped without [`ObservedStep::end`] when the request is given up.
pub trait ObservedStep: Send + Sync {
    /// Does a piece of the step's work, by calling `work` exactly once: what calls out of it belongs to the step.
    fn around(&self, work: &mut dyn FnMut());

    /// The step ended; `reason` is the word of its refusal, if it refused.
    fn end(self: Box<Self>, reason: Option<&'static str>);
}

/// Does the work of a step, watched if there is somebody to watch. `reason` finds the word of a refusal in the outcome.
pub(crate) async fn watched<T>(
    observer: Option<&dyn StepObserver>,
    name: &str,
    work: impl Future<Output = T>,
    reason: impl FnOnce(&T) -> Option<&'static str>,
) -> T {
    let Some(observer) = observer else { return work.await };
    let step = observer.begin(name);
    let mut work = pin!(work);
    let outcome = poll_fn(|context| {
        let mut polled = Poll::Pending;
        step.around(&mut || polled = work.as_mut().poll(context));
        polled
    })
    .await;
    step.end(reason(&outcome));
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    impl StepObserver for Told {
        fn begin(&self, name: &str) -> Box<dyn ObservedStep> {
            self.0.lock().unwrap().push(format!("begin {name}"));
            Box::new(self.clone())
        }
    }

    impl ObservedStep for Told {
        fn around(&self, work: &mut dyn FnMut()) {
            self.0.lock().unwrap().push("in".to_owned());
            work();
            self.0.lock().unwrap().push("out".to_owned());
        }

        fn end(self: Box<Self>, reason: Option<&'static str>) {
            self.0.lock().unwrap().push(format!("end {reason:?}"));
        }
    }

    #[tokio::test]
    async fn surrounds_every_piece_of_work_and_tells_the_end() {
        let told = Told::default();
        let work = async {
            tokio::task::yield_now().await;
            told.0.lock().unwrap().push("work".to_owned());
            7
        };
        let outcome = watched(Some(&told), "authorizer `a`", work, |_| Some("denied")).await;
        assert_eq!(outcome, 7);
        let told = told.0.lock().unwrap().join(", ");
        assert_eq!(told, "begin authorizer `a`, in, out, in, work, out, end Some(\"denied\")");
    }

    #[tokio::test]
    async fn without_an_observer_the_work_is_done_all_the_same() {
        assert_eq!(watched(None, "x", async { 1 }, |_| None).await, 1);
    }
}
