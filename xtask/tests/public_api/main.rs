//! What the published libraries promise: each public item of them stands in `api/`, so that a change of it is seen in review.
//!
//! The listings are read from the source, with a stable toolchain: items that can be reached from the crate's root, through
//! `pub mod` and `pub use`, their public fields, methods and trait implementations. `cargo xtask codegen` writes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod examples;
mod listing;
mod source;
mod tidy;

use std::fs;
use std::path::{Path, PathBuf};

use self::listing::Listing;
use self::source::Library;

/// The libraries that are made for others.
const LIBRARIES: [&str; 9] = [
    "jose",
    "oauth",
    "dpop",
    "dpop-redis",
    "resource-server",
    "outbound",
    "resource-server-tower",
    "testkit",
    "dpop-client",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn library(name: &str) -> Library {
    Library::read(&name.replace('-', "_"), &root().join("crates").join(name).join("src/lib.rs"))
}

#[test]
fn listings_are_up_to_date() {
    let writes = std::env::var("KEYBOUND_CODEGEN").is_ok_and(|value| value == "write");
    let mut stale = Vec::new();
    for name in LIBRARIES {
        let listing = Listing::of(&library(name)).to_string();
        let path = root().join("api").join(format!("{name}.txt"));
        if writes {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &listing).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(&listing) {
            stale.push(path.display().to_string());
        }
    }
    assert!(stale.is_empty(), "stale, `cargo xtask codegen` writes them anew: {}", stale.join(", "));
}

#[test]
fn every_library_says_which_rust_it_needs() {
    for name in LIBRARIES {
        let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("rust-version"), "{name}");
    }
}

#[test]
fn a_listing_shows_what_can_be_reached_and_nothing_else() {
    let source = r#"
        pub mod outer { pub const LIMIT: usize = 4; pub(crate) fn own() {} }
        mod inner {
            /// Text.
            #[derive(Debug, Clone)]
            pub struct Seen<'a, T> { pub name: &'a str, hidden: T }
            pub struct Unseen;
            impl<'a, T: Send> Seen<'a, T> {
                pub fn name(&self) -> &'a str { self.name }
                fn hidden(&self) {}
            }
            impl<T> Iterator for Seen<'_, T> { type Item = T; fn next(&mut self) -> Option<T> { None } }
            pub trait Port: Send { fn call(&self) -> Result<(), Unseen>; fn extra(&self) { self.call(); } }
            #[non_exhaustive]
            pub enum Kind { One, Two(u8), Three { of: u8 } }
            #[cfg(test)]
            pub fn for_tests() {}
        }
        #[cfg(feature = "more")]
        pub use inner::Kind;
        pub use inner::{Port, Seen as Shown};
        pub use http::{HeaderMap, Uri};
    "#;
    let listing = Listing::of(&Library::parse("lib", source)).to_string();
    let expected = "\
#[cfg(feature = \"more\")] #[non_exhaustive] pub enum lib::Kind
  One
  Two(u8)
  Three { of: u8 }
const lib::outer::LIMIT: usize
pub struct lib::Shown<'a, T> derive(Debug, Clone)
  pub name: &'a str
  (private fields)
  impl<'a, T: Send> pub fn name(&self) -> &'a str
  impl<T> Iterator for Seen<'_, T>
pub trait lib::Port: Send
  fn call(&self) -> Result<(), Unseen>
  fn extra(&self) (provided)
use http::HeaderMap as lib::HeaderMap
use http::Uri as lib::Uri
";
    assert_eq!(listing, expected, "\n{listing}");
}
