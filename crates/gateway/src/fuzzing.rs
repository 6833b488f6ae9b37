//! Fuzz checks that need what is not public. Built for tests and for fuzzing (`cfg(fuzzing)`) only: no part of the
//! library. The other checks are in `fuzz/checks/`.

mod configuration;
mod forwarded;
#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

pub use configuration::check as configuration;
pub use forwarded::check as forwarded;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn configuration_cases() {
        replay("configuration", super::configuration);
    }

    #[test]
    fn forwarded_cases() {
        replay("forwarded", super::forwarded);
    }
}
