//! Makes requests: which comes next, and its proof.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use dpop::{AccessTokenHash, ProofBuilder};
use dpop_client::Clock;
use http::{HeaderValue, Method, Request, header::AUTHORIZATION};
use http_body_util::Full;
use jose::{Algorithm, KeyPair, SignError, UnixTime};
use oauth::AccessToken;

use crate::{
    BadProof, Credential, HttpVersion, LoadError, Plan, Shares, Target, bad_proof::FAR_AWAY, verdict::Verdict,
};

/// How many requests later the second use of a proof comes, at most.
const LATEST_REPLAY: u64 = 1_000;

/// What all requests are made from.
pub(crate) struct Recipe {
    target: Target,
    version: HttpVersion,
    pub(crate) credentials: Vec<Arc<Credential>>,
    shares: Shares,
    bad_proofs: Vec<BadProof>,
    clock: Clock,
    stranger: KeyPair,
    hash_of_another_token: AccessTokenHash,
}

/// A request with its proof, ready to be sent.
pub(crate) struct Prepared {
    pub(crate) credential: Arc<Credential>,
    pub(crate) proof: Option<HeaderValue>,
    pub(crate) intent: Intent,
    pub(crate) made_at: Instant,
}

/// What must become of it.
pub(crate) enum Intent {
    /// To be accepted.
    Good,
    /// To be refused.
    Bad(BadProof),
    /// Sent twice: one of the two must be accepted, the other refused.
    Shared(Arc<Fate>),
}

/// What became of the uses of one proof.
#[derive(Debug)]
pub(crate) struct Fate {
    unanswered: AtomicU32,
    accepted: AtomicU32,
    is_excused: AtomicBool,
}

/// The end of a [`Fate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PairOutcome {
    /// As it must be.
    AcceptedOnce,
    /// A replay came through.
    AcceptedTwice,
    /// A good proof was refused.
    NeverAccepted,
    /// Never accepted, but for a reason: an answer failed, or a nonce was demanded.
    Unknown,
}

impl Fate {
    fn of_two() -> Self {
        Self {
            unanswered: AtomicU32::new(2),
            accepted: AtomicU32::new(0),
            is_excused: AtomicBool::new(false),
        }
    }

    /// It need not be accepted.
    pub(crate) fn excuse(&self) {
        self.is_excused.store(true, Ordering::Release);
    }

    /// Takes note of one answer; the last one tells the outcome.
    pub(crate) fn answered(&self, verdict: Verdict) -> Option<PairOutcome> {
        match verdict {
            Verdict::Accepted => drop(self.accepted.fetch_add(1, Ordering::AcqRel)),
            Verdict::Refused => {}
            Verdict::Failed => self.excuse(),
        }
        if self.unanswered.fetch_sub(1, Ordering::AcqRel) > 1 {
            return None;
        }
        Some(match self.accepted.load(Ordering::Acquire) {
            1 => PairOutcome::AcceptedOnce,
            0 if self.is_excused.load(Ordering::Acquire) => PairOutcome::Unknown,
            0 => PairOutcome::NeverAccepted,
            _ => PairOutcome::AcceptedTwice,
        })
    }
}

impl Recipe {
    pub(crate) fn new(plan: Plan) -> Result<Self, LoadError> {
        let another = AccessToken::parse("another-token")?;
        Ok(Self {
            stranger: KeyPair::generate(Algorithm::Es256)?,
            hash_of_another_token: AccessTokenHash::of(&another),
            version: plan.connector.version(),
            target: plan.target,
            credentials: plan.credentials.into_iter().map(Arc::new).collect(),
            shares: plan.shares,
            bad_proofs: plan.bad_proofs,
            clock: plan.clock,
        })
    }

    /// A good proof, as of now.
    pub(crate) fn proof(&self, credential: &Credential) -> Result<HeaderValue, SignError> {
        self.good_claims(credential).sign(&credential.key, credential)
    }

    fn good_claims(&self, credential: &Credential) -> Claims<'_> {
        Claims {
            htm: self.target.method.as_str(),
            htu: &self.target.htu,
            ath: credential.token_hash,
            iat: (self.clock)(),
        }
    }

    fn bad_proof(&self, kind: BadProof, credential: &Credential) -> Result<Option<HeaderValue>, SignError> {
        let own = &credential.key;
        let good = self.good_claims(credential);
        let other_path = format!("{}/other", self.target.htu);
        let proof = match kind {
            BadProof::WrongKey => good.sign(&self.stranger, credential)?,
            BadProof::WrongSignature => damaged(&good.sign(own, credential)?)?,
            BadProof::WrongHtm => {
                let htm = if self.target.method == Method::GET { "POST" } else { "GET" };
                Claims { htm, ..good }.sign(own, credential)?
            }
            BadProof::WrongHtu => Claims { htu: &other_path, ..good }.sign(own, credential)?,
            BadProof::WrongAth => Claims { ath: self.hash_of_another_token, ..good }.sign(own, credential)?,
            BadProof::Stale => Claims { iat: good.iat.checked_sub(FAR_AWAY).unwrap_or(good.iat), ..good }
                .sign(own, credential)?,
            BadProof::Future => {
                Claims { iat: good.iat.saturating_add(FAR_AWAY), ..good }.sign(own, credential)?
            }
            BadProof::NoProof | BadProof::Bearer => return Ok(None),
        };
        Ok(Some(proof))
    }

    /// The request as hyper takes it.
    pub(crate) fn request(&self, prepared: &Prepared) -> Request<Full<Bytes>> {
        let target = &self.target;
        let mut request = Request::new(Full::new(target.body.clone()));
        *request.method_mut() = target.method.clone();
        *request.headers_mut() = target.headers.clone();
        match self.version {
            HttpVersion::Http1 => {
                *request.uri_mut() = target.path_and_query.clone();
                request.headers_mut().insert(http::header::HOST, target.host.clone());
            }
            HttpVersion::Http2 => *request.uri_mut() = target.uri.clone(),
        }
        let authorization = match prepared.intent {
            Intent::Bad(BadProof::Bearer) => prepared.credential.as_bearer.clone(),
            Intent::Bad(_) | Intent::Good | Intent::Shared(_) => prepared.credential.authorization.clone(),
        };
        request.headers_mut().insert(AUTHORIZATION, authorization);
        if let Some(proof) = &prepared.proof {
            request.headers_mut().insert("dpop", proof.clone());
        }
        request
    }

    pub(crate) fn prepare_good(&self, credential: &Arc<Credential>) -> Result<Prepared, SignError> {
        Ok(Prepared {
            proof: Some(self.proof(credential)?),
            credential: Arc::clone(credential),
            intent: Intent::Good,
            made_at: Instant::now(),
        })
    }
}

/// What a proof says, its nonce aside.
struct Claims<'a> {
    htm: &'a str,
    htu: &'a str,
    ath: AccessTokenHash,
    iat: UnixTime,
}

impl Claims<'_> {
    fn sign(&self, key: &KeyPair, credential: &Credential) -> Result<HeaderValue, SignError> {
        let nonce = credential.nonce();
        let mut proof = ProofBuilder::new(key, self.htm, self.htu).access_token_hash(self.ath);
        if let Some(nonce) = &nonce {
            proof = proof.nonce(nonce);
        }
        header(proof.sign(self.iat)?)
    }
}

fn header(proof: String) -> Result<HeaderValue, SignError> {
    // Proofs are base64url and dots.
    let mut value = HeaderValue::try_from(proof).map_err(|_| SignError::NotSerializable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The same JWS with another first character of its signature.
fn damaged(proof: &HeaderValue) -> Result<HeaderValue, SignError> {
    let text = proof.to_str().map_err(|_| SignError::NotSerializable)?;
    let (signed, signature) = text.rsplit_once('.').ok_or(SignError::NotSerializable)?;
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    header(format!("{signed}.{other}{}", signature.get(1..).unwrap_or_default()))
}

/// Decides what comes next. One for each thread that signs.
pub(crate) struct Maker {
    recipe: Arc<Recipe>,
    random: u64,
    made: u64,
    bad_made: usize,
    /// How many to make; without it, forever.
    total: Option<u64>,
    /// Second uses by when they are due; the second number keeps them apart.
    pending: BTreeMap<(u64, u64), Prepared>,
}

impl Maker {
    pub(crate) fn new(recipe: Arc<Recipe>, total: Option<u64>, number: usize) -> Self {
        let seed = u64::from_le_bytes(jose::crypto::random());
        let made = 0;
        Self { recipe, random: seed ^ number as u64, made, bad_made: number, total, pending: BTreeMap::new() }
    }

    /// The next request; `None` when all are made.
    pub(crate) fn next(&mut self) -> Result<Option<Prepared>, SignError> {
        let left = self.total.map_or(u64::MAX, |total| total - self.made);
        if left == 0 {
            return Ok(None);
        }
        let waiting = self.pending.len() as u64;
        let is_due = self.pending.first_key_value().is_some_and(|((due, _), _)| *due <= self.made);
        if (is_due || waiting >= left)
            && let Some((_, second)) = self.pending.pop_first()
        {
            self.made += 1;
            return Ok(Some(second));
        }
        let recipe = Arc::clone(&self.recipe);
        let turn = self.draw();
        let credential = match recipe.credentials.len() as u64 {
            0 => return Ok(None),
            count => recipe.credentials.get((turn % count) as usize),
        };
        let Some(credential) = credential else { return Ok(None) };
        // A pair is drawn once and sent twice, so shares of what is drawn differ from those of what is sent.
        let Shares { replays, bad } = recipe.shares;
        let drawn = 1.0 - replays;
        let (pairs, bad) = if drawn > 0.0 { (replays / drawn, bad / drawn) } else { (0.0, 0.0) };
        let draw = self.draw_share();
        let mut prepared = recipe.prepare_good(credential)?;
        if draw < bad {
            if let Some(kind) = recipe.bad_proofs.get(self.bad_made % recipe.bad_proofs.len().max(1)) {
                self.bad_made += 1;
                prepared.proof = recipe.bad_proof(*kind, credential)?;
                prepared.intent = Intent::Bad(*kind);
            }
        } else if draw < bad + pairs && left > waiting + 1 {
            let fate = Arc::new(Fate::of_two());
            prepared.intent = Intent::Shared(Arc::clone(&fate));
            let second = Prepared {
                credential: Arc::clone(credential),
                proof: prepared.proof.clone(),
                intent: Intent::Shared(fate),
                made_at: prepared.made_at,
            };
            let later = if self.draw_share() < 0.5 { 0 } else { self.draw() % LATEST_REPLAY };
            self.pending.insert((self.made + 1 + later, self.made), second);
        }
        self.made += 1;
        Ok(Some(prepared))
    }

    /// SplitMix64: which request comes next is no secret.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    fn draw_share(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
