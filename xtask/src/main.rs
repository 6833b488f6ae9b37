//! Tasks of the project: `cargo xtask ci`, `cargo xtask interop`.

fn main() {}
