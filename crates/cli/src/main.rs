//! `keybound`: argument parsing and composition only.

fn main() {}
