//! Where verdicts on tokens come from: several issuers, discovery, introspection, and what is remembered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod certificates;
mod discovery;
mod introspection;
mod issuers;
mod remembered;
mod world;
