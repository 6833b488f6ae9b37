//! What every request of a layer is measured with.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use oauth::{Challenge, ErrorCode, Scheme};
use resource_server::{ErrorSignaling, ProtectedRequest, Verified, Verifier};

use crate::clock::Clock;
use crate::resource_metadata::ResourceMetadata;
use crate::response::{Answer, ErrorBody};
use crate::target::TargetSettings;

/// The settings of a layer, shared by all its services.
pub(crate) struct Guard {
    pub(crate) verifier: Verifier,
    pub(crate) target: TargetSettings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) error_body: ErrorBody,
    /// For challenges of guards behind this one.
    pub(crate) signaling: ErrorSignaling,
    /// Space-delimited proof algorithms.
    pub(crate) algorithms: String,
    /// What the resource says about itself, if it does.
    pub(crate) metadata: Option<ResourceMetadata>,
}

impl Guard {
    /// May this request come in? Else the answer to it.
    pub(crate) async fn admit(&self, parts: &Parts) -> Result<Verified, Answer> {
        let target_uri =
            self.target.target_uri(parts).map_err(|error| Answer::unknown_target(error, self.error_body))?;
        let request = ProtectedRequest {
            method: parts.method.as_str(),
            target_uri: &target_uri,
            headers: &parts.headers,
        };
        let verdict = self.verifier.verify(&request, self.clock.now()).await;
        verdict.map_err(|refusal| Answer::refusal(refusal, self.error_body))
    }

    /// The challenge of a guard behind this one, to a token that was good so far.
    pub(crate) fn challenge(
        &self,
        scheme: Scheme,
        error: ErrorCode,
        description: &'static str,
        scope: Option<String>,
    ) -> Challenge {
        Challenge {
            realm: self.signaling.realm.clone().map(Into::into),
            error: Some(error),
            error_uri: self.signaling.error_uri.clone().map(Into::into),
            error_description: self.signaling.description.then(|| description.into()),
            scope: scope.filter(|_| self.signaling.required_scope).map(Into::into),
            resource_metadata: self.signaling.resource_metadata.clone().map(Into::into),
            algs: (scheme == Scheme::Dpop).then(|| self.algorithms.clone().into()),
            ..Challenge::new(scheme)
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Guard")
            .field("verifier", &self.verifier)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
