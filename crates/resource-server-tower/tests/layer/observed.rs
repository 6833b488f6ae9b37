//! What is only observed is logged and counted.

use http::StatusCode;
use resource_server_tower::{Mode, Outcomes};
use testkit::{Attack, UnavailableReplayStore};

use crate::proxy_watch::Log;
use crate::scene::Scene;

#[tokio::test]
async fn what_would_be_refused_is_counted_and_told_with_its_cause() {
    let (scene, log) = (Scene::new(), Log::new());
    let layer = scene.builder(Mode::Observe).build().unwrap();
    let _logging = log.start();
    for attack in [Attack::NoProof, Attack::OtherPath, Attack::UnboundTokenAsBearer] {
        assert_eq!(scene.send(&layer, scene.call().attack(attack)).await.status, StatusCode::OK);
    }
    scene.send(&layer, scene.call().request()).await;
    scene.send(&layer, scene.call().attack(Attack::BoundTokenAsBearer)).await;
    assert_eq!(layer.clone().outcomes(), Outcomes { passed: 4, observed: 3, refused: 1, faults: 0 });
    let lines = log.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, cause) in
        lines.iter().zip(["DPoP header is missing", "htu does not match", "only access tokens"])
    {
        assert!(line.contains("INFO") && line.contains(cause), "{line}");
        assert!(!line.contains("eyJ"), "no token and no proof: {line}");
    }
}

#[tokio::test]
async fn faults_are_counted_apart() {
    let scene = Scene::new();
    let layer = scene.without_store(Mode::Require).replay_store(UnavailableReplayStore).build().unwrap();
    scene.send(&layer, scene.call().request()).await;
    assert_eq!(layer.outcomes(), Outcomes { passed: 0, observed: 0, refused: 0, faults: 1 });
}
