//! Services that the gateway asks, as a table of answers, and a cache that forgets nothing before its time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use dpop::MemoryReplayStore;
use gateway_core::cache::{Cache, CacheFuture, CacheKey};
use http::{Request, Response};
use jose::UnixTime;
use resource_server::{OutboundError, OutboundHttp, outbound::OutboundFuture};

use super::world::{World, load_through, parties};

/// A call that a service got.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

/// Answers by URL without query, and every call that was made.
#[derive(Debug, Default)]
pub(crate) struct Services {
    answers: Mutex<HashMap<String, Result<Response<Bytes>, OutboundError>>>,
    calls: Mutex<Vec<Call>>,
}

impl Services {
    /// From now on this URL answers with this status and body.
    pub(crate) fn answer(&self, url: &str, status: u16, content_type: &str, body: &str) {
        let response = Response::builder()
            .status(status)
            .header("content-type", content_type)
            .header("x-answered-by", url)
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        self.answers.lock().unwrap().insert(url.to_owned(), Ok(response));
    }

    pub(crate) fn fail(&self, url: &str, error: OutboundError) {
        self.answers.lock().unwrap().insert(url.to_owned(), Err(error));
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

impl OutboundHttp for Services {
    fn send(&self, request: Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
        let url = request.uri().to_string();
        let call = Call {
            method: request.method().to_string(),
            url: url.clone(),
            headers: request.headers().clone(),
            body: String::from_utf8(request.body().to_vec()).unwrap(),
        };
        self.calls.lock().unwrap().push(call);
        let known = self.answers.lock().unwrap().get(url.split('?').next().unwrap()).cloned();
        Box::pin(async move { known.unwrap_or(Err(OutboundError::Unreachable("nobody is there".into()))) })
    }
}

/// Keeps everything; what is too old is for the users of a cache to see.
#[derive(Debug, Default)]
pub(crate) struct MapCache(Mutex<HashMap<CacheKey, Bytes>>);

impl Cache for MapCache {
    fn get<'a>(&'a self, key: &'a CacheKey) -> CacheFuture<'a, Option<Bytes>> {
        let value = self.0.lock().unwrap().get(key).cloned();
        Box::pin(async move { value })
    }

    fn set<'a>(&'a self, key: CacheKey, value: Bytes, _: Duration) -> CacheFuture<'a, ()> {
        self.0.lock().unwrap().insert(key, value);
        Box::pin(async {})
    }
}

/// A gateway and the services it asks.
pub(crate) fn world_of(configuration: &str, services: &Arc<Services>) -> World {
    let parties = parties();
    let store = Arc::new(MemoryReplayStore::new(100));
    let loaded = load_through(configuration, &parties, Arc::clone(services) as Arc<dyn OutboundHttp>, store);
    match loaded.gateway {
        Some(gateway) => World { parties, gateway },
        None => panic!("{}", loaded.diagnostics),
    }
}
