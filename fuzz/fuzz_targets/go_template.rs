#![no_main]

#[path = "../checks/go_template.rs"]
mod go_template;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| go_template::check(bytes));
