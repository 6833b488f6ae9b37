//! The requests that `cargo xtask instructions` counts instructions of: what the layer does for one whose token is known.
//!
//! The counting is done by callgrind, which is told to count while [`counted`] runs. Without a name all pieces run once;
//! `--describe` prints the path of this program and the names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod site;

use http::{Request, StatusCode};
use resource_server_tower::DpopService;
use testkit::Attack;

use self::site::{Inner, Site, send};

/// How many requests are sent while it is counted.
const TIMES: usize = 32;

/// Names of what is counted, and what each is answered.
const PIECES: [(&str, StatusCode); 2] =
    [("layer: token and proof", StatusCode::OK), ("layer: another's key", StatusCode::UNAUTHORIZED)];

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| argument != "--bench");
    match wanted.as_deref() {
        Some("--describe") => {
            println!("{}", std::env::current_exe().unwrap().display());
            PIECES.iter().for_each(|(name, _)| println!("{name}"));
        }
        Some(wanted) => {
            let (_, expected) =
                PIECES.iter().find(|(name, _)| *name == wanted).expect("a piece of that name");
            send_all(*expected);
        }
        None => PIECES.iter().for_each(|(_, expected)| send_all(*expected)),
    }
}

fn send_all(expected: StatusCode) {
    let site = Site::new();
    let call = site.call();
    let mut service = site.service.clone();
    // From here on the token is known, and the shards of the memories have what they need.
    for _ in 0..TIMES {
        assert_eq!(send(&mut service, call.request()), StatusCode::OK);
    }
    let request = || match expected {
        StatusCode::OK => call.request(),
        _ => call.attack(Attack::OtherKey),
    };
    counted(&mut service, (0..TIMES).map(|_| request()).collect(), expected);
}

/// Sends what is prepared. Its name is known to `cargo xtask instructions`.
#[inline(never)]
fn counted(service: &mut DpopService<Inner>, requests: Vec<Request<()>>, expected: StatusCode) {
    for request in requests {
        assert_eq!(send(service, request), expected);
    }
}
