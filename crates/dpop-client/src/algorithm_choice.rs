//! Which algorithm to sign proofs with, so that both servers accept them (RFC 9449 §5.1, RFC 9728; C15).

use jose::Algorithm;

/// Ours, best first: small and fast signatures before large ones, `Ed25519` before the deprecated name `EdDSA`
/// (RFC 9864).
const PREFERENCE: [Algorithm; 11] = [
    Algorithm::Es256,
    Algorithm::Ed25519,
    Algorithm::EdDsa,
    Algorithm::Es384,
    Algorithm::Ps256,
    Algorithm::Es512,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
];

/// The best algorithm that every server accepts. `servers` are what metadata or the `algs` of a challenge list; a
/// server that lists nothing is left out. `None` when no algorithm suits them all.
///
/// ```
/// # use dpop_client::choose_algorithm;
/// # use jose::Algorithm;
/// let authorization_server = ["PS256", "ES384", "EdDSA"];
/// let resource_server = ["Ed25519", "ES384"];
/// let lists = [&authorization_server[..], &resource_server[..]];
/// assert_eq!(choose_algorithm(&lists), Some(Algorithm::Es384));
/// ```
#[must_use]
pub fn choose_algorithm<S: AsRef<str>>(servers: &[&[S]]) -> Option<Algorithm> {
    let lists =
        |listed: &[S], algorithm: &Algorithm| listed.iter().any(|name| name.as_ref() == algorithm.as_str());
    PREFERENCE.into_iter().find(|algorithm| servers.iter().all(|listed| lists(listed, algorithm)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c15_one_key_satisfies_both_sides() {
        assert_eq!(choose_algorithm(&[&["ES256", "PS256"], &["PS256"]]), Some(Algorithm::Ps256));
        assert_eq!(choose_algorithm(&[&["ES256"], &["PS256"]]), None);
        assert_eq!(choose_algorithm::<&str>(&[]), Some(Algorithm::Es256));
    }

    #[test]
    fn c15_prefers_the_new_name_of_ed25519() {
        assert_eq!(choose_algorithm(&[&["EdDSA", "Ed25519"]]), Some(Algorithm::Ed25519));
        assert_eq!(choose_algorithm(&[&["EdDSA"]]), Some(Algorithm::EdDsa));
        assert_eq!(choose_algorithm(&[&["HS256", "none"]]), None);
    }
}
