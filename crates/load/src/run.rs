//! Carries out a plan.

use std::{
    io,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use dpop_client::{demanded_nonce, nonce_of};
use http::{StatusCode, response::Parts};
use jose::SignError;
use oauth::{ErrorCode, challenge};
use thiserror::Error;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    ConnectError, Latency, Pace, Plan, PlanError, Report,
    connection::{Failure, Lane},
    maker::{Intent, Maker, Prepared, Recipe},
    pace::Schedule,
    supply::{EndOfSupply, Supply},
    tally::Tally,
    verdict::Verdict,
};

/// A proof that waited for longer is made again: servers take them for a minute or less.
const OLDEST_PROOF: Duration = Duration::from_secs(15);

/// Why a run did not take place.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The plan can not be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A connection could not be opened before the first request.
    #[error("can not connect")]
    Connect(#[from] ConnectError),
    /// A key does not sign.
    #[error("a proof can not be signed")]
    Sign(#[from] SignError),
    /// A key for wrong proofs could not be made.
    #[error("a key can not be made")]
    Key(#[from] jose::KeyPairError),
    /// A token for wrong proofs could not be made.
    #[error("a token can not be made")]
    Token(#[from] oauth::AccessTokenError),
    /// The one good request that comes first, alone, was not accepted: the rest would not be either.
    #[error("the first request, a good one, was answered with {status}{}", reason(*.error))]
    FirstNotAccepted {
        /// The answer.
        status: StatusCode,
        /// The error code of its challenge.
        error: Option<ErrorCode>,
    },
    /// The one good request that comes first has no answer.
    #[error("the first request has no answer: {0}")]
    FirstFailed(&'static str),
    /// Threads or the runtime can not be started.
    #[error("a thread can not be started")]
    Thread(#[from] io::Error),
    /// A thread ended by a fault of this library.
    #[error("a thread has failed")]
    Panicked,
}

fn reason(error: Option<ErrorCode>) -> String {
    error.map(|code| format!(", {}", code.as_str())).unwrap_or_default()
}

/// What every connection needs.
struct Shared {
    recipe: Arc<Recipe>,
    supply: Arc<Supply>,
    schedule: Schedule,
}

/// Carries out a plan: one good request alone, then the load. Blocks until the end.
///
/// # Errors
///
/// [`LoadError`] when the load could not be started. What goes wrong later is in the report.
pub fn run(plan: Plan) -> Result<Report, LoadError> {
    plan.check()?;
    let total = plan.total();
    let schedule = Schedule::new(plan.pace, plan.until, total);
    let supply = Arc::new(Supply::new(supply_length(&plan), plan.signers));
    let Plan { pace, connections, streams, signers, timeout, .. } = plan;
    let senders = plan.senders.min(connections);
    let (connector, uri) = (plan.connector.clone(), plan.target.uri.clone());
    let lane = || Arc::new(Lane::new(connector.clone(), uri.clone(), timeout));
    let recipe = Arc::new(Recipe::new(plan)?);
    try_first(&recipe, &lane())?;

    let end = EndOfSupply(Arc::clone(&supply));
    for number in 0..signers {
        let maker = Maker::new(Arc::clone(&recipe), total.map(|all| share(all, signers, number)), number);
        let supply = Arc::clone(&supply);
        thread::Builder::new().name("sign".to_owned()).spawn(move || supply.fill(maker))?;
    }
    supply.wait_until_full()?;

    let shared = Arc::new(Shared { recipe, supply: Arc::clone(&supply), schedule });
    let gate = Arc::new(Barrier::new(senders + 1));
    let mut running = Vec::new();
    for number in 0..senders {
        let lanes: Vec<_> = (number..connections).step_by(senders).map(|_| lane()).collect();
        let (shared, gate) = (Arc::clone(&shared), Arc::clone(&gate));
        let send = move || send(&shared, &gate, lanes, streams);
        running.push(thread::Builder::new().name("send".to_owned()).spawn(send)?);
    }
    gate.wait();
    let begun = shared.schedule.begin();
    gate.wait();
    if matches!(pace, Pace::Open { .. }) {
        shared.schedule.keep_time();
    }
    let mut tally = Tally::default();
    let mut connections_opened = 0;
    let mut failure = None;
    for sender in running {
        match sender.join().map_err(|_| LoadError::Panicked)? {
            Ok((counted, opened)) => {
                tally.merge(&counted);
                connections_opened += opened;
            }
            Err(error) => failure = Some(error),
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    drop(end);
    match (failure, supply.failure()) {
        (Some(failure), _) => return Err(failure),
        (None, Some(failure)) => return Err(failure.into()),
        (None, None) => {}
    }
    let answers = tally.statuses.values().sum();
    Ok(Report {
        answers,
        seconds,
        per_second: answers as f64 / seconds,
        latency_us: Latency::of(&tally.latency),
        statuses: tally.statuses,
        errors: tally.errors,
        failures: tally.failures,
        good: tally.good,
        bad: tally.bad,
        bad_accepted_by_kind: tally.accepted_kinds,
        replays: tally.replays,
        nonces_renewed: tally.nonces_renewed,
        connections_opened,
        waited_for_proof: supply.waited(),
    })
}

/// How many requests are kept ready: never so many that they grow old at a rate that is known.
fn supply_length(plan: &Plan) -> usize {
    let young = match plan.pace {
        Pace::Open { per_second } => (per_second * OLDEST_PROOF.as_secs_f64() / 2.0).ceil() as usize,
        Pace::Closed => usize::MAX,
    };
    plan.ahead.min(young)
}

/// What one of several threads does of a number of things.
fn share(all: u64, threads: usize, number: usize) -> u64 {
    let (threads, number) = (threads as u64, number as u64);
    all / threads + u64::from(number < all % threads)
}

/// Sends one good request, with a nonce if one is demanded.
fn try_first(recipe: &Recipe, lane: &Lane) -> Result<(), LoadError> {
    let Some(credential) = recipe.credentials.first() else { return Err(PlanError::NoCredentials.into()) };
    runtime()?.block_on(async {
        lane.open().await?;
        let mut tally = Tally::default();
        let prepared = recipe.prepare_good(credential)?;
        match exchange(recipe, lane, prepared, &mut tally).await?.1 {
            Err(failure) => Err(LoadError::FirstFailed(failure.name())),
            Ok(head) if Verdict::of(head.status) == Verdict::Accepted => Ok(()),
            Ok(head) => {
                let challenges = challenge::from_headers(&head.headers);
                let error = challenges.iter().find_map(challenge::ParsedChallenge::error);
                Err(LoadError::FirstNotAccepted { status: head.status, error })
            }
        }
    })
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// What a thread that sends does: opens its connections, waits for the others, and works until the schedule ends.
fn send(
    shared: &Arc<Shared>,
    gate: &Barrier,
    lanes: Vec<Arc<Lane>>,
    streams: usize,
) -> Result<(Tally, u64), LoadError> {
    let runtime = runtime();
    let opened = runtime.as_ref().map(|runtime| runtime.block_on(open(&lanes)));
    gate.wait();
    gate.wait();
    opened.map_err(|error| io::Error::from(error.kind()))??;
    let runtime = runtime?;
    runtime.block_on(async {
        let mut workers = JoinSet::new();
        for lane in &lanes {
            for _ in 0..streams {
                workers.spawn(work(Arc::clone(shared), Arc::clone(lane)));
            }
        }
        let mut tally = Tally::default();
        while let Some(ended) = workers.join_next().await {
            tally.merge(&ended.map_err(|_| LoadError::Panicked)??);
        }
        Ok((tally, lanes.iter().map(|lane| lane.opened()).sum()))
    })
}

async fn open(lanes: &[Arc<Lane>]) -> Result<(), ConnectError> {
    for lane in lanes {
        lane.open().await?;
    }
    Ok(())
}

async fn work(shared: Arc<Shared>, lane: Arc<Lane>) -> Result<Tally, SignError> {
    let Shared { recipe, supply, schedule } = &*shared;
    let mut tally = Tally::default();
    while let Some(turn) = schedule.next().await {
        let Some(prepared) = supply.next().await else { break };
        let prepared = fresh(recipe, prepared)?;
        let begun = turn.due_at.unwrap_or_else(Instant::now);
        let (intent, answer) = exchange(recipe, &lane, prepared, &mut tally).await?;
        tally.took(begun.elapsed());
        let verdict = match &answer {
            Ok(head) => Verdict::of(head.status),
            Err(failure) => {
                tally.failure(failure);
                Verdict::Failed
            }
        };
        match intent {
            Intent::Good => tally.good(verdict),
            Intent::Bad(kind) => tally.bad(kind, verdict),
            Intent::Shared(fate) => {
                if let Ok(head) = &answer
                    && demanded_nonce(head.status, &head.headers).is_some()
                {
                    fate.excuse();
                }
                if let Some(outcome) = fate.answered(verdict) {
                    tally.pair(outcome);
                }
            }
        }
    }
    Ok(tally)
}

/// Makes a proof anew that has waited for too long.
fn fresh(recipe: &Recipe, mut prepared: Prepared) -> Result<Prepared, SignError> {
    if prepared.made_at.elapsed() < OLDEST_PROOF {
        return Ok(prepared);
    }
    match &prepared.intent {
        Intent::Good => prepared.proof = Some(recipe.proof(&prepared.credential)?),
        // The other use of this proof may be answered already.
        Intent::Shared(fate) => fate.excuse(),
        Intent::Bad(_) => {}
    }
    Ok(prepared)
}

/// Sends a request; a good one once more when a nonce is demanded, with that nonce.
async fn exchange(
    recipe: &Recipe,
    lane: &Lane,
    mut prepared: Prepared,
    tally: &mut Tally,
) -> Result<(Intent, Result<Parts, Failure>), SignError> {
    let mut answer = lane.exchange(recipe.request(&prepared)).await;
    note(&prepared, &answer, tally);
    if let (Intent::Good, Ok(head)) = (&prepared.intent, &answer)
        && demanded_nonce(head.status, &head.headers).is_some()
    {
        tally.nonces_renewed += 1;
        prepared.proof = Some(recipe.proof(&prepared.credential)?);
        answer = lane.exchange(recipe.request(&prepared)).await;
        note(&prepared, &answer, tally);
    }
    Ok((prepared.intent, answer))
}

fn note(prepared: &Prepared, answer: &Result<Parts, Failure>, tally: &mut Tally) {
    let Ok(head) = answer else { return };
    tally.answer(head.status, &head.headers);
    if let Some(nonce) = nonce_of(&head.headers) {
        prepared.credential.keep_nonce(nonce);
    }
}
