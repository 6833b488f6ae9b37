//! A proxy that nobody has told the layer about is noticed, once.

use std::io;
use std::sync::{Arc, Mutex};

use http::uri::Scheme;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Empty;
use resource_server_tower::{DpopLayer, DpopLayerBuilder, MemoryReplayStore, Mode, StaticKeys};
use tracing_subscriber::fmt::MakeWriter;

use crate::scene::Scene;

/// The lines that one thread logs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn start(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(self.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn by_host(scene: &Scene, scheme: Scheme) -> DpopLayerBuilder {
    DpopLayer::rfc9449()
        .issuer(scene.issuer.name(), StaticKeys::new(scene.issuer.jwk_set()))
        .origin_from_host(scheme)
        .mode(Mode::Require)
        .replay_store(MemoryReplayStore::new(100))
        .clock(scene.clock.reader())
}

/// The good request, as a proxy hands it on.
fn handed_on(scene: &Scene, fields: &[(&'static str, &str)]) -> Request<Empty<bytes::Bytes>> {
    let mut request = scene.call().request();
    for (name, value) in fields {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    request
}

#[tokio::test]
async fn a_proxy_that_was_not_declared_is_told_about_once() {
    let host = ("host", "backend:8080");
    for (audience, fields, told) in [
        ("https://api.example.com", &[host][..], "the resource identifier or the audience"),
        ("shop", &[host, ("x-forwarded-host", "api.example.com")], "X-Forwarded-Host"),
        ("shop", &[host], "the proof"),
    ] {
        let (scene, log) = (Scene::new(), Log::new());
        let layer = by_host(&scene, Scheme::HTTP).audience("shop").audience(audience).build().unwrap();
        let _logging = log.start();
        for _ in 0..3 {
            let answer = scene.send(&layer, handed_on(&scene, fields)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{told}");
        }
        let lines = log.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        for part in ["WARN", "http://backend:8080", "api.example.com", told, "call `public_origin`"] {
            assert!(lines[0].contains(part), "{part} in {}", lines[0]);
        }
    }
}

#[tokio::test]
async fn a_host_that_fits_is_no_reason_to_warn() {
    let (scene, log) = (Scene::new(), Log::new());
    let layer = by_host(&scene, Scheme::HTTPS).audience("shop").audience("https://API.example.com/v1");
    let layer = layer.build().unwrap();
    let declared = scene.builder(Mode::Require).build().unwrap();
    let _logging = log.start();
    let same = [("x-forwarded-host", "api.example.com:443"), ("x-forwarded-proto", "https")];
    for fields in [&[][..], &same] {
        assert_eq!(scene.send(&layer, handed_on(&scene, fields)).await.status, StatusCode::OK);
    }
    let other = [("host", "backend"), ("x-forwarded-host", "api.example.com")];
    assert_eq!(scene.send(&declared, handed_on(&scene, &other)).await.status, StatusCode::OK);
    // A stranger without a good token can not fill the log with names.
    let mut stranger = scene.call().attack(testkit::Attack::NoCredentials);
    stranger.headers_mut().insert("host", HeaderValue::from_static("api.example.com"));
    scene.send(&layer, stranger).await;
    assert_eq!(log.lines(), Vec::<String>::new());
}
