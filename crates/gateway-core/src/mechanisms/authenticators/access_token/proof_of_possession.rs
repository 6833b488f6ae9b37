//! `assertions.proof_of_possession`: what is demanded of DPoP proofs. heimdall's keys, and Keybound's own beside them.

use std::{sync::Arc, time::Duration};

use dpop::{NonceRing, Policy, ReplayStore};
use jose::AlgorithmSet;
use resource_server::{Mode, NoncePolicy, ProofPolicy, ReplayProtection};

use super::assertions::decode_algorithms;
use crate::document::{
    ByteSize, Code, ConfigDuration, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place,
    Spanned, decode_one_of,
};

/// Default age limit of a proof, also where no proof is demanded and a bound token is presented.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);

/// The block as written: what is `None` was not set. Everything may be set by a step, but for `max_proof_size`.
#[derive(Debug, Clone, Default)]
pub(in crate::mechanisms::authenticators) struct ProofOfPossession {
    /// Oldest accepted proof (1m).
    max_age: Option<Duration>,
    /// Whether server nonces are demanded (false).
    nonce_required: Option<Spanned<bool>>,
    /// Whether a proof may be used more than once (false).
    replay_allowed: Option<bool>,
    /// How strictly proofs are asked for (require).
    mode: Option<Mode>,
    /// Algorithms of proofs (those of the assertions).
    allowed_algorithms: Option<AlgorithmSet>,
    /// Life of a nonce (`max_age`).
    nonce_lifetime: Option<Duration>,
    /// Whether a valid nonce takes the place of the check of `iat` (false).
    nonce_replaces_iat: Option<bool>,
    /// Whether an `htu` with query or fragment is refused (false).
    strict_htu: Option<bool>,
    /// Whether `typ` is read leniently (false).
    typ_lenient: Option<bool>,
    /// Longest proof (4KB).
    max_proof_size: Option<Spanned<ByteSize>>,
}

impl ProofOfPossession {
    /// Reads the block. In a step `type` may be left out: it is the catalogue's then.
    pub(in crate::mechanisms::authenticators) fn decode(
        node: &Node,
        path: &KeyPath,
        is_override: bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        if reader.has("type") || !is_override {
            if !reader.has("type") {
                reader.report_missing("type");
            }
            reader.optional_with("type", decode_type);
        }
        let block = reader.optional_with("config", Self::decode_config);
        reader.finish();
        let block = block.unwrap_or_default();
        if let Some(size) = block.max_proof_size.as_ref().filter(|_| is_override) {
            diagnostics.push(
                Diagnostic::error(
                    Code::OverrideNotAllowed,
                    format!("`{}` can not be set in a step", path.key("config").key("max_proof_size")),
                    &size.place,
                )
                .hint("set it in the catalogue"),
            );
        }
        Some(block)
    }

    fn decode_config(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let duration = |reader: &mut MapReader<'_, '_>, key| {
            reader.optional::<ConfigDuration>(key).map(ConfigDuration::as_duration)
        };
        let block = Self {
            max_age: duration(&mut reader, "max_age"),
            nonce_required: reader.optional("nonce_required"),
            replay_allowed: reader.optional("replay_allowed"),
            mode: reader.optional_with("mode", decode_mode),
            allowed_algorithms: reader.optional_with("allowed_algorithms", decode_algorithms),
            nonce_lifetime: duration(&mut reader, "nonce_lifetime"),
            nonce_replaces_iat: reader.optional("nonce_replaces_iat"),
            strict_htu: reader.optional("strict_htu"),
            typ_lenient: reader.optional("typ_lenient"),
            max_proof_size: reader.optional_with("max_proof_size", decode_proof_size),
        };
        reader.finish();
        Some(block)
    }

    /// What a step sets, over what the catalogue sets: field by field.
    pub(in crate::mechanisms::authenticators) fn overridden_by(self, change: Self) -> Self {
        Self {
            max_age: change.max_age.or(self.max_age),
            nonce_required: change.nonce_required.or(self.nonce_required),
            replay_allowed: change.replay_allowed.or(self.replay_allowed),
            mode: change.mode.or(self.mode),
            allowed_algorithms: change.allowed_algorithms.or(self.allowed_algorithms),
            nonce_lifetime: change.nonce_lifetime.or(self.nonce_lifetime),
            nonce_replaces_iat: change.nonce_replaces_iat.or(self.nonce_replaces_iat),
            strict_htu: change.strict_htu.or(self.strict_htu),
            typ_lenient: change.typ_lenient.or(self.typ_lenient),
            max_proof_size: change.max_proof_size.or(self.max_proof_size),
        }
    }
}

/// What the verifier demands of proofs; `block` is `None` where the configuration has none: bound tokens must prove then,
/// unbound ones may pass.
pub(in crate::mechanisms::authenticators) fn proof_policy(
    block: Option<&ProofOfPossession>,
    algorithms: &AlgorithmSet,
    leeway: Duration,
    nonce_ring: Option<&Arc<NonceRing>>,
    replay_store: &Arc<dyn ReplayStore>,
    diagnostics: &mut Diagnostics,
) -> Option<ProofPolicy> {
    let mode = if block.is_some() { Mode::Require } else { Mode::Permit };
    let absent = ProofOfPossession::default();
    let block = block.unwrap_or(&absent);
    let max_age = block.max_age.unwrap_or(DEFAULT_MAX_AGE);
    let algorithms = block.allowed_algorithms.as_ref().unwrap_or(algorithms).clone();
    let mut policy = Policy::heimdall(max_age, leeway, algorithms);
    policy.strict_htu = block.strict_htu.unwrap_or(false);
    policy.typ_lenient = block.typ_lenient.unwrap_or(false);
    policy.nonce_replaces_iat = block.nonce_replaces_iat.unwrap_or(false);
    if let Some(size) = &block.max_proof_size {
        policy.max_proof_bytes = size.value.as_usize();
    }
    let nonces = match block.nonce_required.as_ref().filter(|required| required.value) {
        None => None,
        Some(required) => match nonce_ring {
            Some(ring) => Some(NoncePolicy {
                ring: Arc::clone(ring),
                lifetime: block.nonce_lifetime.unwrap_or(max_age),
            }),
            None => {
                report_missing_master_key(&required.place, diagnostics);
                return None;
            }
        },
    };
    let replay = if block.replay_allowed.unwrap_or(false) {
        ReplayProtection::Allowed
    } else {
        ReplayProtection::Store(Arc::clone(replay_store))
    };
    Some(ProofPolicy { mode: block.mode.unwrap_or(mode), policy, nonces, replay })
}

fn decode_type(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<()> {
    if node.as_str() == Some("mtls") {
        diagnostics.push(
            Diagnostic::error(
                Code::Unenforceable,
                format!("`{path}: mtls` can not be enforced: client certificates are not checked"),
                &node.place,
            )
            .found("mtls")
            .expected("dpop")
            .hint("remove `proof_of_possession`, or use type `dpop`"),
        );
        return None;
    }
    decode_one_of(node, path, &[("dpop", ())], diagnostics)
}

fn decode_mode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Mode> {
    let modes = [
        ("off", Mode::Off),
        ("observe", Mode::Observe),
        ("permit", Mode::Permit),
        ("require", Mode::Require),
    ];
    decode_one_of(node, path, &modes, diagnostics)
}

fn decode_proof_size(
    node: &Node,
    path: &KeyPath,
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<ByteSize>> {
    let size = <Spanned<ByteSize> as Decode>::decode(node, path, diagnostics)?;
    if size.value.as_usize() > dpop::MAX_PROOF_BYTES {
        diagnostics.push(
            Diagnostic::error(Code::OutOfRange, format!("`{path}` is out of range"), &size.place)
                .found(node.scalar_text().unwrap_or_default())
                .expected("at most 16KB"),
        );
        return None;
    }
    Some(size)
}

fn report_missing_master_key(place: &Place, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(
            Code::MissingMasterKey,
            "`nonce_required` needs a `master_key`, and there is none",
            place,
        )
        .found("true")
        .expected("`master_key: {source: …}` naming a symmetric key")
        .hint("add a `master_key`, or set `nonce_required: false`"),
    );
}
