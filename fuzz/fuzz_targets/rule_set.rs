#![no_main]

#[path = "../checks/rule_set.rs"]
mod rule_set;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rule_set::check(bytes));
