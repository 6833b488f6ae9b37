#![no_main]

#[path = "../checks/proof.rs"]
mod proof;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proof::check(bytes));
