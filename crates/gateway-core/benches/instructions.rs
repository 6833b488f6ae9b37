//! The work that `cargo xtask instructions` counts instructions of: one named piece of the way of a request each.
//!
//! The counting is done by callgrind, which is told to count while [`counted`] runs. Without a name all pieces run once;
//! `--describe` prints the path of this program and the names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod decisions;

use std::hint::black_box;

use dpop::{AccessTokenHash, DPOP, Policy, UnverifiedProof};
use gateway_core::request::Request;
use http::{HeaderMap, HeaderValue};
use jose::jwt::UnverifiedJwt;

use self::decisions::Scene;

/// How often each piece is done while it is counted; the first time, in which memories are filled, comes before.
const TIMES: usize = 32;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| argument != "--bench");
    let scene = Scene::set();
    let pieces = pieces(&scene);
    match wanted.as_deref() {
        Some("--describe") => {
            println!("{}", std::env::current_exe().unwrap().display());
            pieces.iter().for_each(|(name, _)| println!("{name}"));
        }
        Some(wanted) => {
            let Some((_, prepare)) = pieces.into_iter().find(|(name, _)| name == wanted) else {
                panic!("no piece is called `{wanted}`")
            };
            prepare()();
            let mut prepared: Vec<_> = (0..TIMES).map(|_| prepare()).collect();
            counted(&mut prepared);
        }
        None => pieces.into_iter().for_each(|(_, prepare)| prepare()()),
    }
}

/// Does what is prepared. Its name is known to `cargo xtask instructions`.
#[inline(never)]
fn counted(prepared: &mut Vec<Work<'_>>) {
    for work in prepared.drain(..) {
        work();
    }
    black_box(prepared);
}

type Work<'a> = Box<dyn FnOnce() + 'a>;
/// A name and what prepares the work, which is not counted.
type Piece<'a> = (String, Box<dyn Fn() -> Work<'a> + 'a>);

fn pieces(scene: &Scene) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = vec![
        (
            "proof: form and claims".to_owned(),
            Box::new(|| {
                let headers = HeaderMap::from_iter([(DPOP, HeaderValue::from_str(&scene.proof()).unwrap())]);
                Box::new(move || {
                    black_box(UnverifiedProof::from_headers(&headers, &Policy::rfc9449()).unwrap());
                })
            }),
        ),
        (
            "proof: made".to_owned(),
            Box::new(|| {
                Box::new(|| {
                    black_box(scene.proof());
                })
            }),
        ),
        (
            "token: parsed".to_owned(),
            Box::new(|| {
                Box::new(|| {
                    black_box(UnverifiedJwt::parse(scene.token().as_str()).unwrap());
                })
            }),
        ),
        (
            "token: hashed".to_owned(),
            Box::new(|| {
                Box::new(|| {
                    black_box(AccessTokenHash::of(scene.token()));
                })
            }),
        ),
    ];
    for (name, request, is_permitted) in scene.cases() {
        let prepare = move || -> Work<'_> {
            let request: Request = request();
            Box::new(move || assert_eq!(scene.decide(request), is_permitted))
        };
        pieces.push((format!("decision: {name}"), Box::new(prepare)));
    }
    pieces
}
