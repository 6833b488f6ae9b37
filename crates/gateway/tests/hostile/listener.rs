//! Everything that any code of the process says to the log, at every level.

use std::{
    fmt,
    sync::{Mutex, Once},
};

use tracing::{Event, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
};

static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
static INSTALLED: Once = Once::new();

struct Listener;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        SAID.lock().unwrap().push(text.0);
    }
}

/// Listens from now on, once for the process.
pub fn listen() {
    INSTALLED.call_once(|| {
        tracing::subscriber::set_global_default(Registry::default().with(Listener)).unwrap();
    });
}

/// How much was said so far.
pub fn mark() -> usize {
    SAID.lock().unwrap().len()
}

/// Whether a text was said after a mark.
pub fn heard_since(mark: usize, text: &str) -> bool {
    SAID.lock().unwrap()[mark..].iter().any(|line| line.contains(text))
}
