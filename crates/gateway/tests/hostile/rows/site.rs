//! What the rows run against, and the runner of a table.

use std::time::Duration;

use jose::KeyPair;

use super::{
    answer::Answer,
    case::Case,
    draft::{Draft, Wire, copy_of},
    expectation::faults_of,
};

/// Something that takes requests: a gateway, or a service behind a layer. The module above lists its routes and keys.
#[allow(async_fn_in_trait)]
pub trait Site {
    /// The issuer whose tokens are known.
    fn issuer(&self) -> &str;

    /// The key that signs its tokens, `issuer-key` in its key set.
    fn issuer_key(&self) -> &KeyPair;

    /// Sends a request on a connection of its own; nothing if that is closed without an answer. A trusted sender is a proxy
    /// in front, which is believed about the request.
    async fn send(&self, wire: &Wire, trusted: bool) -> Option<Answer>;

    /// How many requests got through so far.
    fn reached(&self) -> usize;

    /// Whether refusals carry an `error_description`, which then is looked at too.
    fn describes(&self) -> bool {
        false
    }

    /// Lets time pass, which a site may do without sleeping.
    async fn wait(&self, pause: Duration);

    /// How much was logged so far.
    fn logged(&self) -> usize {
        0
    }

    /// Whether a text was logged after a mark.
    fn has_logged(&self, _mark: usize, _text: &str) -> bool {
        false
    }

    /// Runs every row and tells about all that went wrong.
    async fn run(&self, cases: Vec<Case>) {
        let mut wrong = Vec::new();
        for case in &cases {
            for fault in self.faults_of(case).await {
                wrong.push(format!("{}: {fault}", case.id));
            }
        }
        assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    /// What is wrong with one row, and with a good request after it.
    async fn faults_of(&self, case: &Case) -> Vec<String> {
        let mark = self.logged();
        let mut draft = Draft::new(self.issuer(), case.target);
        draft.issuer_key = Some(copy_of(self.issuer_key()));
        let mut found = Vec::new();
        if let Some((spoil, status)) = case.before {
            spoil(&mut draft);
            let (answer, _) = self.ask(&mut draft).await;
            if answer.as_ref().map(|answer| answer.status) != Some(status) {
                found.push(format!("the request before: {answer:?}"));
            }
            draft.given_nonce = answer.as_ref().and_then(Answer::nonce);
            if !case.pause.is_zero() {
                self.wait(case.pause).await;
            }
        }
        (case.spoil)(&mut draft);
        let reached = self.reached();
        let (answer, wire) = self.ask(&mut draft).await;
        let (next, _) = self.ask(&mut Draft::new(self.issuer(), "/plain/good")).await;
        if next.as_ref().map(|answer| answer.status) != Some(200) {
            found.push(format!("the next good request: {next:?}"));
        }
        let reached = (self.reached() - reached).saturating_sub(1);
        found.extend(faults_of(case.expected, answer.as_ref(), reached, self.describes()));
        if let (Some(check), Some(answer)) = (case.also, &answer)
            && !check(answer)
        {
            found.push(format!("{answer:?}"));
        }
        for secret in [&wire.token, &wire.proof] {
            let signature = secret.rsplit('.').next().unwrap();
            if signature.len() > 20 && self.has_logged(mark, signature) {
                found.push("the log holds a token or a proof".to_owned());
            }
            let refused = answer.as_ref().filter(|answer| answer.status >= 400);
            if signature.len() > 20 && refused.is_some_and(|answer| answer.says(signature)) {
                found.push("the refusal repeats the token or the proof".to_owned());
            }
        }
        found
    }

    /// Sends a draft, after a challenge for its nonce if it wants one.
    async fn ask(&self, draft: &mut Draft) -> (Option<Answer>, Wire) {
        let token = draft.make_token(self.issuer_key());
        if let Some(edit) = draft.nonce.take() {
            let nonce = match draft.given_nonce.take() {
                Some(nonce) => nonce,
                None => self.nonce(draft, &token).await,
            };
            draft.proof.claims["nonce"] = edit(nonce);
        }
        let wire = draft.make_wire(&token);
        draft.last_proof = Some(wire.proof.clone());
        (self.send(&wire, draft.trusted).await, wire)
    }

    /// The nonce of a challenge for this client and token.
    async fn nonce(&self, draft: &Draft, token: &str) -> String {
        let mut asking = Draft::new(self.issuer(), draft.nonce_from);
        asking.token_text = Some(token.to_owned());
        asking.proof_by(copy_of(&draft.key));
        let answer = self.send(&asking.make_wire(token), false).await.unwrap();
        answer.nonce().unwrap_or_else(|| panic!("no nonce: {answer:?}"))
    }
}
