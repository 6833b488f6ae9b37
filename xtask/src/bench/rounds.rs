//! Processor time for each request: every candidate in every round.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result};
use jose::Algorithm;
use serde_json::{Value, json};

use super::goals::Goal;
use super::load::{Load, Outcome};
use super::redis::Redis;
use super::site::{PLAIN, PROTECTED, Site, Variant, WITH_NONCES};
use super::{Effort, build, median, process};

/// Requests that go first and are not counted.
const WARM_UP: u64 = 1_000;

/// Medians of all rounds.
pub(crate) struct Rounds {
    candidates: Vec<Candidate>,
    pub(crate) verification: Verification,
    /// Redis's own median for one command with 64 clients, and the gateway's with memory and with Redis, in microseconds.
    redis_p50_us: Option<f64>,
    resident_mib: f64,
}

/// What has its turn in every round, and what came of it.
struct Candidate {
    name: &'static str,
    load: Load,
    process: u32,
    cpu_us: Vec<f64>,
    per_second: Vec<f64>,
    p50_us: Vec<f64>,
    p99_us: Vec<f64>,
}

const NGINX: &str = "nginx, plain proxy";
const OWN_PLAIN: &str = "plain proxy";
const FULL: &str = "token and proof checked";
/// Proofs are signed before the run, so that none has a nonce yet: every request is challenged once.
const NONCES: &str = "each answer where nonces are demanded and none is known";
const TOKENS_ANEW: &str = "the same, every token for the first time";
const WRONG_KEY: &str = "refused: proof by another key";
const REPLAYED: &str = "a fifth replays, all refused";
const WITH_REDIS: &str = "the same, proofs remembered in Redis";
const LOGGED: &str = "the same, each request in the log";

pub(crate) fn measure(site: &Site, effort: Effort) -> Result<Rounds> {
    let gateway = site.gateway(&Variant::default())?;
    let logging = site.gateway(&Variant { access_log: true, ..Variant::default() })?;
    let nginx = site.nginx_proxy()?;
    let redis = Redis::start(&site.folder)?;
    let with_redis = match &redis {
        Some(redis) => Some(site.gateway(&Variant { redis: Some(redis.address), ..Variant::default() })?),
        None => None,
    };
    let load = |url: String| Load::new(url, effort.requests);
    let candidate = |name, load: Load, process| Candidate::new(name, load, process);
    let mut candidates = Vec::new();
    if let Some(nginx) = &nginx {
        candidates.push(candidate(NGINX, load(nginx.url(PLAIN)), nginx.id()));
    }
    let wrong_key = ["--bad", "1", "--bad-proof", "wrong-key"];
    let id = gateway.id();
    candidates.extend([
        candidate(OWN_PLAIN, load(gateway.url(PLAIN)), id),
        candidate(FULL, load(gateway.url(PROTECTED)), id),
        candidate(NONCES, load(gateway.url(WITH_NONCES)), id),
        candidate(WRONG_KEY, load(gateway.url(PROTECTED)).with(&wrong_key), id),
        candidate(REPLAYED, load(gateway.url(PROTECTED)).with(&["--replays", "0.2"]), id),
        candidate(LOGGED, load(logging.url(PROTECTED)), logging.id()),
    ]);
    if let Some(gateway) = &with_redis {
        candidates.push(candidate(WITH_REDIS, load(gateway.url(PROTECTED)), gateway.id()));
    }
    let mut each_token_once = load(gateway.url(PROTECTED));
    each_token_once.requests /= 8;
    each_token_once.keys = each_token_once.requests;
    candidates.push(candidate(TOKENS_ANEW, each_token_once, id));

    let anchor = build("examples/es256_verification", &ANCHOR, effort)?;
    let issuer_key = site.issuer_key(Algorithm::Ps256);
    let (mut verifications, mut redis_p50s) = (Vec::new(), Vec::new());
    for round in 1..=effort.rounds {
        println!("── round {round} of {}", effort.rounds);
        verifications.push(verification(&anchor)?);
        if let Some(redis) = &redis {
            redis_p50s.push(redis.p50_us(effort)?);
        }
        for candidate in &mut candidates {
            let warm_up = Load { requests: WARM_UP.min(candidate.load.requests), ..candidate.load.clone() };
            warm_up.send(&site.keybound, &issuer_key, candidate.process)?;
            let outcome = candidate.load.send(&site.keybound, &issuer_key, candidate.process)?;
            candidate.note(outcome)?;
        }
    }
    let of_rounds =
        |time: fn(&Verification) -> f64| median(&verifications.iter().map(time).collect::<Vec<_>>());
    Ok(Rounds {
        resident_mib: process::resident_mib(id)?,
        candidates,
        verification: Verification {
            by_library: of_rounds(|verification| verification.by_library),
            returning: of_rounds(|verification| verification.returning),
        },
        redis_p50_us: redis.map(|_| median(&redis_p50s)),
    })
}

const ANCHOR: [&str; 4] = ["--package", "keybound-jose", "--example", "es256_verification"];

/// Microseconds for one ES256 verification.
#[derive(Clone, Copy)]
pub(crate) struct Verification {
    /// With the cryptographic library: what goals are stated in.
    pub(crate) by_library: f64,
    /// Of a key that returns.
    returning: f64,
}

/// One verification while every processor does the same, as it is under load: two that share a core are slower than one
/// alone, by half and more.
fn verification(anchor: &Path) -> Result<Verification> {
    let processors = thread::available_parallelism().context("count the processors")?.get();
    let start = || Command::new(anchor).stdout(Stdio::piped()).spawn();
    let running: Vec<Child> =
        (0..processors).map(|_| start()).collect::<Result<_, _>>().context("measure one verification")?;
    let (mut by_library, mut returning) = (Vec::new(), Vec::new());
    for child in running {
        let output = child.wait_with_output().context("measure one verification")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut nanoseconds = text.lines().map(str::parse::<f64>);
        for times in [&mut by_library, &mut returning] {
            let time = nanoseconds.next().context("measure one verification")?;
            times.push(time.context("measure one verification")? / 1_000.0);
        }
    }
    Ok(Verification { by_library: median(&by_library), returning: median(&returning) })
}

impl Candidate {
    fn new(name: &'static str, load: Load, process: u32) -> Self {
        let [cpu_us, per_second, p50_us, p99_us] = [const { Vec::new() }; 4];
        Self { name, load, process, cpu_us, per_second, p50_us, p99_us }
    }

    fn note(&mut self, outcome: Outcome) -> Result<()> {
        let outcome = outcome.clean(self.name)?;
        self.cpu_us.push(outcome.cpu_us);
        self.per_second.push(outcome.number("/per_second"));
        self.p50_us.push(outcome.number("/latency_us/p50"));
        self.p99_us.push(outcome.number("/latency_us/p99"));
        println!(
            "   {:<54} {:>7.1} µs CPU {:>8.0}/s  p50 {:>6.0} µs  p99 {:>6.0} µs",
            self.name,
            outcome.cpu_us,
            outcome.number("/per_second"),
            outcome.number("/latency_us/p50"),
            outcome.number("/latency_us/p99")
        );
        Ok(())
    }
}

impl Rounds {
    fn cpu_us(&self, name: &str) -> Option<f64> {
        let found = self.candidates.iter().find(|candidate| candidate.name == name)?;
        Some(median(&found.cpu_us))
    }

    fn p50_us(&self, name: &str) -> Option<f64> {
        let found = self.candidates.iter().find(|candidate| candidate.name == name)?;
        Some(median(&found.p50_us))
    }

    /// Goals of processor time. `signature_share` is the part of a protected request that verifying its signature takes.
    pub(crate) fn goals(&self, signature_share: Option<f64>) -> Vec<Goal> {
        let (Some(plain), Some(full), Some(refused)) =
            (self.cpu_us(OWN_PLAIN), self.cpu_us(FULL), self.cpu_us(WRONG_KEY))
        else {
            return Vec::new();
        };
        let verification = self.verification.by_library;
        let (without, how) = match signature_share {
            Some(share) => (full * (1.0 - share), "profiled"),
            None => (full - verification, "less one verification in a loop"),
        };
        let nginx = self.cpu_us(NGINX);
        vec![
            Goal::new(
                1,
                "protected request",
                &format!("own plain proxy {plain:.1} + 1.2 × {verification:.1} + 3"),
                plain + 1.2 * verification + 3.0,
                full,
                "µs",
            ),
            Goal::new(
                2,
                &format!("everything but the signature ({how})"),
                &format!("own plain proxy {plain:.1} + 2.5"),
                plain + 2.5,
                without,
                "µs",
            ),
            Goal {
                limit: nginx.map(|nginx| nginx * 1.25),
                ..Goal::new(3, "own plain proxy", "1.25 × nginx", 0.0, plain, "µs")
            },
            Goal::new(
                11,
                "refused: proof by another key",
                &format!("own plain proxy {plain:.1} + 3"),
                plain + 3.0,
                refused,
                "µs",
            ),
        ]
    }

    /// Goals of the replay store in Redis.
    pub(crate) fn redis_goals(&self) -> Vec<Goal> {
        let (Some(memory), Some(redis), Some(own)) =
            (self.cpu_us(FULL), self.cpu_us(WITH_REDIS), self.redis_p50_us)
        else {
            return Vec::new();
        };
        let (Some(memory_p50), Some(redis_p50)) = (self.p50_us(FULL), self.p50_us(WITH_REDIS)) else {
            return Vec::new();
        };
        vec![
            Goal::new(
                12,
                "Redis: the gateway's own time",
                &format!("with memory {memory:.1} + 8"),
                memory + 8.0,
                redis,
                "µs",
            ),
            Goal::new(
                12,
                "Redis: added median, 64 connections",
                &format!("1.3 × Redis's own median with 64 clients, {own:.0}"),
                1.3 * own,
                redis_p50 - memory_p50,
                "µs",
            ),
        ]
    }

    pub(crate) fn to_json(&self) -> Value {
        let candidates: Vec<Value> = self
            .candidates
            .iter()
            .map(|candidate| {
                json!({
                    "candidate": candidate.name,
                    "cpu_us": median(&candidate.cpu_us),
                    "cpu_us_of_rounds": candidate.cpu_us,
                    "per_second": median(&candidate.per_second),
                    "p50_us": median(&candidate.p50_us),
                    "p99_us": median(&candidate.p99_us),
                })
            })
            .collect();
        json!({
            "es256_verification_us": self.verification.by_library,
            "es256_verification_of_returning_key_us": self.verification.returning,
            "redis_p50_us": self.redis_p50_us,
            "resident_mib_after": self.resident_mib,
            "candidates": candidates,
        })
    }
}
