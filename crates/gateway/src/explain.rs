//! What the gateway would do with a request, without serving: for `keybound explain`.

use std::{net::IpAddr, sync::Arc};

use dpop::MemoryReplayStore;
use gateway_core::{
    Gateway, GatewaySettings,
    denial::Denial,
    document::Diagnostics,
    explanation::{AcceptedCredentials, Explanation},
};
use http::{HeaderMap, HeaderValue, Method, Uri, header};

use crate::{
    app::{self, ServeOptions, StartError},
    assembly::{self, RuleSource},
    config::Report,
    reload::Engine,
    serve::connection::Connection,
};

/// The request that is asked about, as the client sends it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: Uri,
    /// All header fields but `Host`, which comes from the URL unless it is there.
    pub headers: HeaderMap,
    /// Whom it comes from; forwarding headers count if that is a trusted proxy.
    pub peer: IpAddr,
}

/// What the gateway would do.
#[derive(Debug)]
pub struct Explained {
    /// The warnings about the configuration.
    pub warnings: Report,
    /// The lookup and the pipeline, or why the request does not get that far.
    pub explanation: Result<Explanation, HttpProblem>,
    /// What the authenticators say; `None` if they were not asked.
    pub verdict: Option<Result<AcceptedCredentials, Box<Denial>>>,
}

/// A request that is refused before any rule.
#[derive(Debug, thiserror::Error)]
pub enum HttpProblem {
    /// It is no request that could be sent.
    #[error("the URL has no scheme http or https, or no host")]
    NotAbsolute,
    /// Its HTTP is not acceptable.
    #[error("{reason}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// Why.
        reason: String,
    },
}

/// Reads the configuration and asks the gateway about one request. With `asks_authenticators` those of the rule are asked about
/// the credentials, for which issuers may be called; used proofs are remembered for this question only. `nearest` is how many
/// rules that do not match are told.
///
/// # Errors
///
/// [`StartError::Configuration`] with everything that is wrong in the files.
pub async fn explain(
    options: &ServeOptions,
    call: &Call,
    asks_authenticators: bool,
    nearest: usize,
) -> Result<Explained, StartError> {
    let assembled = assembly::assemble(options, RuleSource::Provider)?;
    let settings = &assembled.loaded.settings;
    let request = match request(call, settings) {
        Ok(request) => request,
        Err(problem) => {
            return Ok(Explained {
                warnings: assembled.loaded.warnings,
                explanation: Err(problem),
                verdict: None,
            });
        }
    };
    let Some(gateway) = detached(&assembled.engine) else {
        // It was built a moment ago from the same parts.
        return Err(StartError::Configuration(Box::new(assembled.loaded.warnings)));
    };
    let explanation = gateway.explain(&request, nearest);
    let verdict = match asks_authenticators {
        true => gateway.try_credentials(request, options.clock.now()).await,
        false => None,
    };
    Ok(Explained { warnings: assembled.loaded.warnings, explanation: Ok(explanation), verdict })
}

/// The same rules and mechanisms, with a memory for used proofs of their own: what is tried there counts nowhere else.
fn detached(engine: &Engine) -> Option<Gateway> {
    const ENOUGH_FOR_TRIALS: usize = 1000;
    let (_, settings) = engine.settings();
    let replay_store = Arc::new(MemoryReplayStore::new(ENOUGH_FOR_TRIALS));
    let settings = GatewaySettings { replay_store, ..settings };
    Gateway::build(settings, &engine.rule_sets(), &mut Diagnostics::new())
}

/// The request as the listener would take it in.
fn request(
    call: &Call,
    settings: &crate::config::Settings,
) -> Result<gateway_core::request::Request, HttpProblem> {
    let scheme = match call.url.scheme_str() {
        Some("https") => "https",
        Some("http") => "http",
        Some(_) | None => return Err(HttpProblem::NotAbsolute),
    };
    let authority = call.url.authority().ok_or(HttpProblem::NotAbsolute)?;
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| HttpProblem::NotAbsolute)?;
    let mut sent = http::Request::new(());
    *sent.method_mut() = call.method.clone();
    let path = call.url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    *sent.uri_mut() = path.parse().map_err(|_| HttpProblem::NotAbsolute)?;
    *sent.headers_mut() = call.headers.clone();
    sent.headers_mut().entry(header::HOST).or_insert(host);
    let (mut parts, ()) = sent.into_parts();
    let connection = Connection::new((call.peer, 0).into(), Arc::default());
    let refused = |status: u16, reason: String| HttpProblem::Refused { status, reason };
    app::intake(&settings.serve, scheme)
        .request(&mut parts, &connection)
        .map_err(|refusal| refused(refusal.status().as_u16(), refusal.to_string()))
}
