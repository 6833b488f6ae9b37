//! Endpoints of an issuer, each of which does what a row says: key sets, metadata, introspection.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::rows::{
    case::Case,
    draft::{Draft, now},
};
use crate::sockets::upstream::scripted_at;

/// What an endpoint does with a request.
pub enum Reply {
    /// A status, a media type and a body.
    Answer(u16, &'static str, String),
    /// 302 to this address.
    Found(String),
    /// No answer at all.
    Silence,
    /// The beginning of a JSON object, and megabytes behind it.
    Flood(String),
}

impl Reply {
    pub fn json(body: impl ToString) -> Self {
        Self::Answer(200, "application/json", body.to_string())
    }

    pub fn status(status: u16) -> Self {
        Self::Answer(status, "application/json", String::new())
    }

    /// A set of these keys.
    pub fn keys(keys: &[Value]) -> Self {
        Self::json(json!({ "keys": keys }))
    }
}

pub type Script = fn(&Asked) -> Reply;

/// A request to an endpoint, and what an answer may be made of.
pub struct Asked {
    /// How often this endpoint was asked before.
    pub hits: usize,
    pub path: String,
    pub form: String,
    /// The issuer's key as it is published.
    pub jwk: Value,
    /// Origin of the endpoints.
    pub origin: String,
    /// Origin of the same endpoints on another host.
    pub elsewhere: String,
}

impl Asked {
    /// The issuer's key with a member changed, or removed by null.
    pub fn jwk_with(&self, name: &str, value: Value) -> Value {
        let mut jwk = self.jwk.clone();
        change(&mut jwk, &json!({ name: value }));
        jwk
    }

    /// The token that introspection is about.
    pub fn token(&self) -> String {
        let mut fields = self.form.split('&').filter_map(|field| field.strip_prefix("token="));
        percent_decode_str(fields.next().unwrap()).decode_utf8().unwrap().into_owned()
    }

    /// The answer about a good token, changed.
    pub fn active(&self, changes: Value) -> Value {
        let mut response = json!({
            "active": true, "sub": "alice-id", "client_id": "client", "scope": "api:read", "token_type": "DPoP",
            "exp": now() + 300, "cnf": {"jkt": jkt_of(&self.token())},
        });
        change(&mut response, &changes);
        response
    }
}

/// Sets members, and removes those that become null.
fn change(object: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
            value => object[name] = value.clone(),
        }
    }
}

/// Gives the draft an opaque token. It tells the endpoint which key it is bound to, by the thumbprint read backwards.
pub fn opaque(draft: &mut Draft) {
    opaque_with(draft, "");
}

/// The same with an end of its own.
pub fn opaque_with(draft: &mut Draft, end: &str) {
    let backwards: String = draft.key.thumbprint().to_string().chars().rev().collect();
    draft.token_text = Some(backwards + end);
}

fn jkt_of(token: &str) -> String {
    token[..43].chars().rev().collect()
}

/// What an endpoint says about its tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Keys,
    /// Keys where nobody listens.
    Gone,
    Metadata,
    Introspection,
}

/// An endpoint, with the authenticator that asks it and the route where that authenticates.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// The first segment of its address and of the route, and the id of the authenticator.
    pub name: &'static str,
    pub kind: Kind,
    pub script: Script,
    /// More settings of the authenticator.
    pub settings: &'static str,
    /// What it demands of proofs.
    pub possession: &'static str,
    /// Whose tokens it takes.
    pub issuer: &'static str,
    /// The authenticator that is tried next.
    pub next: Option<&'static str>,
}

/// A proof as everywhere.
pub const PROVEN: &str = "proof_of_possession: {type: dpop, config: {max_age: 1m}}, ";
/// The same with a nonce.
pub const WITH_NONCE: &str =
    "proof_of_possession: {type: dpop, config: {max_age: 1m, nonce_required: true}}, ";
/// A proof for bound tokens only.
pub const MIXED: &str = "";

impl Endpoint {
    pub const fn new(kind: Kind, name: &'static str, script: Script) -> Self {
        Self { name, kind, script, settings: "", possession: PROVEN, issuer: "ISSUER", next: None }
    }

    /// The authenticator as it is configured.
    pub fn authenticator(&self) -> String {
        let (of_type, endpoint) = match self.kind {
            Kind::Keys => ("jwt", "jwks_endpoint: {url: ORIGIN/NAME}"),
            Kind::Gone => ("jwt", "jwks_endpoint: {url: \"http://127.0.0.1:1/NAME\"}"),
            Kind::Metadata => {
                ("jwt", "metadata_endpoint: {url: ORIGIN/NAME/.well-known/openid-configuration}")
            }
            Kind::Introspection => ("oauth2_introspection", "introspection_endpoint: {url: ORIGIN/NAME}"),
        };
        let issuers = match self.kind {
            Kind::Keys | Kind::Gone => format!("issuers: [{}], ", self.issuer),
            Kind::Metadata | Kind::Introspection => String::new(),
        };
        let text = format!(
            "    - {{id: NAME, type: {of_type}, config: {{{endpoint}, {}assertions: {{{issuers}{}ALGORITHMS, \
             validity_leeway: 10s}}, SIGNALING}}}}\n",
            self.settings, self.possession,
        );
        text.replace("NAME", self.name)
    }

    /// Its rule.
    pub fn rule(&self) -> String {
        let next = self.next.map(|next| format!(", {{authenticator: {next}}}")).unwrap_or_default();
        format!(
            "  - id: {0}\n    match: {{routes: [{{path: /{0}/**}}]}}\n    forward_to: {{host: \"UPSTREAM\"}}\n    \
             execute: [{{authenticator: {0}}}{next}]\n",
            self.name
        )
    }
}

/// A row and the endpoint that it is about.
pub struct Row {
    pub endpoint: Endpoint,
    pub case: Case,
}

impl Row {
    pub fn new(kind: Kind, script: Script, case: Case) -> Self {
        Self { endpoint: Endpoint::new(kind, case.id, script), case }
    }

    pub fn set(mut self, edit: fn(&mut Endpoint)) -> Self {
        edit(&mut self.endpoint);
        self
    }
}

/// The endpoints of one issuer, its usual key set at `/realms/dpop/certs` among them.
pub struct Endpoints {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    keys: Value,
    scripts: HashMap<&'static str, Script>,
    hits: Mutex<HashMap<String, usize>>,
    flooded: Arc<AtomicUsize>,
    /// Origin here, and on another host.
    origins: OnceLock<[String; 2]>,
}

impl Endpoints {
    /// Starts with the issuer's keys, its own first.
    pub async fn start(keys: Vec<Value>, endpoints: &[Endpoint]) -> Self {
        let state = Arc::new(State {
            keys: keys.into(),
            scripts: endpoints.iter().map(|endpoint| (endpoint.name, endpoint.script)).collect(),
            hits: Mutex::default(),
            flooded: Arc::default(),
            origins: OnceLock::new(),
        });
        let address = Self::listen(Ipv4Addr::LOCALHOST, &state).await;
        let elsewhere = Self::listen(Ipv4Addr::new(127, 0, 0, 2), &state).await;
        state.origins.set([address, elsewhere].map(|address| format!("http://{address}"))).unwrap();
        Self { address, state }
    }

    async fn listen(host: Ipv4Addr, state: &Arc<State>) -> SocketAddr {
        let state = Arc::clone(state);
        scripted_at((host, 0).into(), move |stream| {
            let state = Arc::clone(&state);
            async move {
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await
    }

    /// How often an endpoint was asked.
    pub fn hits(&self, name: &str) -> usize {
        self.state.hits.lock().unwrap().get(name).copied().unwrap_or_default()
    }

    /// Bytes of floods that somebody took.
    pub fn flooded(&self) -> usize {
        self.state.flooded.load(Ordering::SeqCst)
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let name = path.split('/').nth(1).unwrap_or_default().to_owned();
    let hits = {
        let mut hits = state.hits.lock().unwrap();
        let hits = hits.entry(name.clone()).or_default();
        *hits += 1;
        *hits - 1
    };
    let reply = match state.scripts.get(name.as_str()) {
        None => Reply::json(json!({ "keys": state.keys })),
        Some(script) => {
            let [origin, elsewhere] = state.origins.get().unwrap().clone();
            let form = String::from_utf8_lossy(&body).into_owned();
            script(&Asked { hits, path, form, jwk: state.keys[0].clone(), origin, elsewhere })
        }
    };
    let response = Response::builder();
    let full = |text: String| Full::from(text).boxed_unsync();
    let response = match reply {
        Reply::Answer(status, media_type, body) => {
            response.status(status).header("content-type", media_type).body(full(body))
        }
        Reply::Found(location) => response.status(302).header("location", location).body(full(String::new())),
        Reply::Silence => pending().await,
        Reply::Flood(start) => {
            let taken = Arc::clone(&state.flooded);
            let flood = Flood { start: Some(start), left: FLOOD_BYTES, taken };
            response.header("content-type", "application/json").body(flood.boxed_unsync())
        }
    };
    Ok(response.unwrap())
}

const FLOOD_BYTES: usize = 80_000_000;

/// A body that only ends after [`FLOOD_BYTES`], and counts what was taken of it.
struct Flood {
    start: Option<String>,
    left: usize,
    taken: Arc<AtomicUsize>,
}

impl Body for Flood {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.start.take() {
            Some(start) => Bytes::from(start),
            None if self.left == 0 => return Poll::Ready(None),
            None => Bytes::from_static(&[b'x'; 16_384]),
        };
        self.left = self.left.saturating_sub(piece.len());
        self.taken.fetch_add(piece.len(), Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
