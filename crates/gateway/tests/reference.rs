//! Schema and reference: what they say is what is read, and the files are those that the present types give.
//!
//! `cargo xtask codegen` runs the test of the files with `KEYBOUND_CODEGEN=write`, which writes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "reference/examples.rs"]
mod examples;
#[path = "reference/expressions.rs"]
mod expressions;
#[path = "reference/files.rs"]
mod files;
#[path = "reference/keys.rs"]
mod keys;
#[path = "reference/pages.rs"]
mod pages;
#[path = "reference/source_docs.rs"]
mod source_docs;
#[path = "reference/vectors.rs"]
mod vectors;
#[path = "reference/walk.rs"]
mod walk;
