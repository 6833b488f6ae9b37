#![no_main]

#[path = "../checks/challenge.rs"]
mod challenge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| challenge::check(bytes));
