#![no_main]

#[path = "../checks/cel.rs"]
mod cel;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cel::check(bytes));
