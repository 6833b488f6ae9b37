#![no_main]

#[path = "../checks/nonce.rs"]
mod nonce;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nonce::check(bytes));
