//! One row.

use std::time::Duration;

use super::{answer::Answer, draft::Draft, expectation::Expected};

/// A request and the status it gets.
pub type Before = (fn(&mut Draft), u16);

/// What a row does to a good request, and what must come back.
pub struct Case {
    pub id: &'static str,
    pub target: &'static str,
    /// What is sent before with the same token, `jti` and key, and the status it gets.
    pub before: Option<Before>,
    /// How long to wait after that.
    pub pause: Duration,
    pub spoil: fn(&mut Draft),
    pub expected: Expected,
    /// What else must hold for the answer.
    pub also: Option<fn(&Answer) -> bool>,
}

impl Case {
    /// The same a while after the request before.
    pub fn after(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    pub fn also(self, check: fn(&Answer) -> bool) -> Self {
        Self { also: Some(check), ..self }
    }
}

/// A row on the ordinary route.
pub fn plain(id: &'static str, expected: Expected, spoil: fn(&mut Draft)) -> Case {
    at("/plain/a/b?x=1", id, expected, spoil)
}

/// A row on another route.
pub fn at(target: &'static str, id: &'static str, expected: Expected, spoil: fn(&mut Draft)) -> Case {
    Case { id, target, before: None, pause: Duration::ZERO, spoil, expected, also: None }
}

/// A row whose second request counts.
pub fn twice(
    target: &'static str,
    id: &'static str,
    before: Before,
    expected: Expected,
    spoil: fn(&mut Draft),
) -> Case {
    Case { id, target, before: Some(before), pause: Duration::ZERO, spoil, expected, also: None }
}
