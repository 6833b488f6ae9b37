//! What the servers must answer.

use super::client::{Answers, CLIENTS};
use super::program::{Beside, Example};

/// Steps and answers, in order.
fn expected(example: &Example, nonces: bool) -> Vec<(&'static str, &'static str)> {
    // RFC 9449 §8: the first request has no nonce yet.
    let first_token = if nonces { "400 use_dpop_nonce, then 200" } else { "200" };
    let mut steps = vec![("token", first_token)];
    let first_call = if example.nonces { "401 use_dpop_nonce, then 200" } else { "200" };
    match (example.scope, example.nonces) {
        (None, _) => steps.push(("good call", first_call)),
        (Some(_), false) => steps.extend([
            ("call without the scope", "403 insufficient_scope"),
            ("token with the scope", "200"),
            ("good call", "200"),
        ]),
        // Nonces are bound to the token, so that the second token needs one of its own.
        (Some(_), true) => steps.extend([
            ("call without the scope", "401 use_dpop_nonce, then 403 insufficient_scope"),
            ("token with the scope", "200"),
            ("good call", first_call),
        ]),
    }
    steps.extend([
        ("next call", "200"),
        ("replayed proof", "401 invalid_dpop_proof"),
        ("proof for another URL", "401 invalid_dpop_proof"),
        ("proof by another key", "401 invalid_token"),
        ("bound token as Bearer", "401 invalid_token"),
        ("no credentials", "401"),
    ]);
    if example.beside == Beside::Redis {
        steps.push(("replay at another node", "401 invalid_dpop_proof"));
    }
    if example.notices_revocation {
        steps.push(("revoked token", "401 invalid_token"));
    }
    steps
}

/// Prints what every client was answered, and counts what is not as expected.
pub(super) fn compare(example: &Example, nonces: bool, found: &[Answers]) -> usize {
    let names = CLIENTS.map(|client| format!("  {:<21}", client.name)).concat();
    println!("{:<22}  {:<47}{names}", "step", "expected");
    let expected = expected(example, nonces);
    let mut unexpected = 0;
    for (step, answer) in &expected {
        let mut verdicts = String::new();
        for answers in found {
            let verdict = match answers.get(*step) {
                Some(found) if found == answer => "✓",
                Some(found) => found,
                None => "not tried",
            };
            unexpected += usize::from(verdict != "✓");
            verdicts.push_str(&format!("  {verdict:<21}"));
        }
        println!("{step:<22}  {answer:<47}{}", verdicts.trim_end());
    }
    // A step that nobody expects has no row to be seen in.
    let is_known = |step: &String| expected.iter().any(|(known, _)| known == step);
    let others = found.iter().flat_map(Answers::keys).filter(|step| !is_known(step));
    others.fold(unexpected, |unexpected, step| {
        println!("{step:<22}  (not expected)");
        unexpected + 1
    })
}
