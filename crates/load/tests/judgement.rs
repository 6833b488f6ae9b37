//! Servers that are right or wrong in a known way, and what the report says of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    collections::HashSet,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jose::{Algorithm, KeyPair, UnixTime};
use load::{
    BadProof, Connector, Credential, HttpVersion, LoadError, Pace, Plan, PlanError, Report, Shares, Target,
    TokenIssuer, Until,
};

/// How a server treats the requests after the first.
#[derive(Clone, Copy)]
enum Manner {
    /// Everything is let through.
    Open,
    /// Nothing is, but for the first request.
    Shut,
    /// A proof is good for once; what it says is not looked at.
    Once,
    /// The third request is answered late.
    Stalling(Duration),
    /// Everything fails, but for the first request.
    Failing,
}

struct Server {
    manner: Manner,
    proofs: Mutex<HashSet<String>>,
    seen: Mutex<usize>,
}

impl Server {
    async fn answer(&self, headers: &HeaderMap) -> StatusCode {
        let seen = {
            let mut seen = self.seen.lock().unwrap();
            *seen += 1;
            *seen
        };
        match self.manner {
            Manner::Open => StatusCode::OK,
            Manner::Shut if seen > 1 => StatusCode::UNAUTHORIZED,
            Manner::Failing if seen > 1 => StatusCode::SERVICE_UNAVAILABLE,
            Manner::Shut | Manner::Failing => StatusCode::OK,
            Manner::Once => {
                let proof = headers["dpop"].to_str().unwrap().to_owned();
                match self.proofs.lock().unwrap().insert(proof) {
                    true => StatusCode::OK,
                    false => StatusCode::UNAUTHORIZED,
                }
            }
            Manner::Stalling(time) => {
                if seen == 3 {
                    tokio::time::sleep(time).await;
                }
                StatusCode::OK
            }
        }
    }
}

/// Serves in a thread of its own for as long as the test lives.
fn serve(manner: Manner, version: HttpVersion) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let server = Arc::new(Server { manner, proofs: Mutex::default(), seen: Mutex::default() });
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = Arc::clone(&server);
                let service = service_fn(move |request: Request<Incoming>| {
                    let server = Arc::clone(&server);
                    async move {
                        let status = server.answer(request.headers()).await;
                        let mut response = Response::new(Empty::<Bytes>::new());
                        *response.status_mut() = status;
                        Ok::<_, Infallible>(response)
                    }
                });
                let io = TokioIo::new(stream);
                // How a connection ends is the client's matter.
                match version {
                    HttpVersion::Http1 => {
                        let serving = http1::Builder::new().serve_connection(io, service);
                        tokio::spawn(async move { drop(serving.await) });
                    }
                    HttpVersion::Http2 => {
                        let serving = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service);
                        tokio::spawn(async move { drop(serving.await) });
                    }
                }
            }
        });
    });
    address
}

fn now() -> UnixTime {
    #[expect(clippy::disallowed_methods, reason = "the clock of the caller")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    UnixTime::from_seconds(i64::try_from(now).unwrap())
}

fn plan(manner: Manner, version: HttpVersion) -> Plan {
    let url = format!("http://{}/things", serve(manner, version));
    let issuer_key = Arc::new(KeyPair::generate(Algorithm::Es256).unwrap());
    let issuer = TokenIssuer::new("https://as.example", issuer_key, None, Duration::from_secs(300));
    let credentials = (0..3).map(|number| {
        let key = Arc::new(KeyPair::generate(Algorithm::Es256).unwrap());
        let token = issuer.issue(&number.to_string(), &key.thumbprint(), now()).unwrap();
        Credential::new(key, &token).unwrap()
    });
    Plan {
        target: Target::new(Method::GET, url.parse().unwrap(), HeaderMap::new(), Bytes::new()).unwrap(),
        credentials: credentials.collect(),
        pace: Pace::Closed,
        until: Until::Requests(300),
        connections: 4,
        streams: 1,
        connector: Connector::new(version).unwrap(),
        timeout: Duration::from_secs(10),
        shares: Shares::default(),
        bad_proofs: BadProof::ALL.to_vec(),
        ahead: 100,
        signers: 2,
        senders: 2,
        clock: now,
    }
}

fn run(manner: Manner, shares: Shares) -> Report {
    load::run(Plan { shares, ..plan(manner, HttpVersion::Http1) }).unwrap()
}

const REPLAYS: Shares = Shares { replays: 0.4, bad: 0.0 };
const BAD: Shares = Shares { replays: 0.0, bad: 0.5 };

#[test]
fn a_server_that_refuses_replays_is_as_it_should_be() {
    for version in [HttpVersion::Http1, HttpVersion::Http2] {
        let streams = if version == HttpVersion::Http2 { 8 } else { 1 };
        let report = load::run(Plan { shares: REPLAYS, streams, ..plan(Manner::Once, version) }).unwrap();
        assert!(report.is_clean(), "{report}");
        let replays = report.replays;
        assert!(replays.pairs > 60 && replays.accepted_once == replays.pairs, "{report}");
        assert_eq!(report.answers, 300, "{report}");
        assert_eq!(report.good.sent + 2 * replays.pairs, 300, "{report}");
        assert_eq!(report.statuses[&401], replays.pairs, "{report}");
        assert_eq!(report.connections_opened, 4, "{report}");
        assert!(report.latency_us.p50 > 0.0 && report.latency_us.p999 <= report.latency_us.max, "{report}");
    }
}

#[test]
fn a_server_that_lets_everything_through_is_found_out() {
    let report = run(Manner::Open, REPLAYS);
    assert!(!report.is_clean(), "{report}");
    assert!(report.replays.pairs > 60 && report.replays.accepted_twice == report.replays.pairs, "{report}");
    let report = run(Manner::Open, BAD);
    assert!(!report.is_clean() && report.bad.accepted == report.bad.sent, "{report}");
    assert_eq!(report.bad_accepted_by_kind.len(), BadProof::ALL.len(), "{report}");
    assert!(run(Manner::Open, Shares::default()).is_clean());
}

#[test]
fn a_server_that_refuses_everything_is_found_out() {
    let report = run(Manner::Shut, REPLAYS);
    assert!(!report.is_clean() && report.good.refused == report.good.sent, "{report}");
    assert_eq!(report.replays.never_accepted, report.replays.pairs, "{report}");
    let report = run(Manner::Shut, Shares { replays: 0.0, bad: 1.0 });
    assert!(report.is_clean() && report.bad.refused == 300, "{report}");
}

#[test]
fn failures_of_the_server_are_no_refusals() {
    let report = run(Manner::Failing, REPLAYS);
    assert!(!report.is_clean(), "{report}");
    assert_eq!((report.good.failed, report.good.refused), (report.good.sent, 0), "{report}");
    assert_eq!(report.replays.unknown, report.replays.pairs, "{report}");
}

#[test]
fn at_a_fixed_rate_all_who_wait_for_a_stalled_server_count() {
    let stall = Duration::from_millis(300);
    let slow = |pace| {
        let until = Until::Requests(200);
        let plan = plan(Manner::Stalling(stall), HttpVersion::Http1);
        load::run(Plan { pace, until, connections: 1, ..plan }).unwrap()
    };
    // One answer in two hundred is late: the 99th percentile does not see it …
    let closed = slow(Pace::Closed);
    assert!(closed.latency_us.p99 < 200_000.0 && closed.latency_us.max >= 300_000.0, "{closed}");
    // … but at 400 a second, 120 requests were due meanwhile.
    let open = slow(Pace::Open { per_second: 400.0 });
    assert!(open.latency_us.p90 > 200_000.0, "{open}");
    assert!(open.seconds >= 199.0 / 400.0, "{open}");
}

#[test]
fn a_run_may_end_by_time() {
    let until = Until::Elapsed(Duration::from_millis(50));
    let report = load::run(Plan { until, ..plan(Manner::Once, HttpVersion::Http1) }).unwrap();
    assert!(report.is_clean() && report.answers > 0 && report.seconds >= 0.05, "{report}");
}

#[test]
fn no_load_follows_when_the_first_request_is_not_accepted() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let target = Target::new(Method::GET, nobody, HeaderMap::new(), Bytes::new()).unwrap();
    let failed = load::run(Plan { target, ..plan(Manner::Open, HttpVersion::Http1) });
    assert!(matches!(failed, Err(LoadError::Connect(_))), "{failed:?}");
    // It knows the proof already that comes first.
    let shut = plan(Manner::Shut, HttpVersion::Http1);
    let target = shut.target.clone();
    load::run(shut).unwrap();
    let refused = load::run(Plan { target, ..plan(Manner::Open, HttpVersion::Http1) });
    assert!(
        matches!(refused, Err(LoadError::FirstNotAccepted { status: StatusCode::UNAUTHORIZED, error: None })),
        "{refused:?}"
    );
}

#[test]
fn plans_that_can_not_be_carried_out_are_refused() {
    let plan = || plan(Manner::Open, HttpVersion::Http1);
    for (plan, expected) in [
        (Plan { credentials: Vec::new(), ..plan() }, PlanError::NoCredentials),
        (Plan { connections: 0, ..plan() }, PlanError::Zero),
        (Plan { streams: 2, ..plan() }, PlanError::StreamsOverHttp1),
        (Plan { pace: Pace::Open { per_second: 0.0 }, ..plan() }, PlanError::Rate),
        (Plan { shares: Shares { replays: 0.4, bad: 0.3 }, ..plan() }, PlanError::Shares),
        (Plan { shares: BAD, bad_proofs: Vec::new(), ..plan() }, PlanError::NoBadProofs),
    ] {
        assert!(matches!(load::run(plan), Err(LoadError::Plan(error)) if error == expected), "{expected}");
    }
}
