#![no_main]

#[path = "../checks/htu.rs"]
mod htu;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| htu::check(bytes));
