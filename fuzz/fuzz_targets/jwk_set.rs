#![no_main]

#[path = "../checks/jwk_set.rs"]
mod jwk_set;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jwk_set::check(bytes));
