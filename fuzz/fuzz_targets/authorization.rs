#![no_main]

#[path = "../checks/authorization.rs"]
mod authorization;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| authorization::check(bytes));
