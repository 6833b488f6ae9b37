//! What a row demands of the answer.

use super::answer::Answer;

#[derive(Clone, Copy)]
pub enum Expected {
    /// Reaches the upstream once and its answer comes back.
    Allowed,
    Refused(Refusal),
    /// Both are right; never a 5xx.
    Either,
}

#[derive(Clone, Copy)]
pub struct Refusal {
    pub statuses: &'static [u16],
    /// Whether no answer at all, the connection closed, is right too.
    pub may_close: bool,
    /// Whether the head may have been passed on before the fault in the body showed.
    pub may_reach: bool,
    pub challenge: Challenge,
    /// What `error_description` says, where the site tells it: so that a row is refused for what it is about. Empty for
    /// anything.
    pub because: &'static str,
}

/// What is said about one scheme.
#[derive(Clone, Copy)]
pub enum Challenge {
    /// Not looked at.
    Any,
    /// There is none.
    None,
    /// A scheme without `error`.
    Bare(&'static str),
    /// A scheme with one of these codes. A nonce comes with `use_dpop_nonce`, and only with it.
    Error(&'static str, &'static [&'static str]),
}

const fn refused(statuses: &'static [u16], may_close: bool, challenge: Challenge) -> Expected {
    Expected::Refused(Refusal { statuses, may_close, may_reach: false, challenge, because: "" })
}

pub const ALLOWED: Expected = Expected::Allowed;
pub const EITHER: Expected = Expected::Either;
pub const BARE: Expected = refused(&[401], false, Challenge::Bare("DPoP"));
pub const PROOF: Expected = dpop_error(&["invalid_dpop_proof"]);
pub const TOKEN: Expected = dpop_error(&["invalid_token"]);
pub const PROOF_OR_TOKEN: Expected = dpop_error(&["invalid_dpop_proof", "invalid_token"]);
pub const NONCE: Expected = dpop_error(&["use_dpop_nonce"]);
pub const PROOF_OR_NONCE: Expected = dpop_error(&["invalid_dpop_proof", "use_dpop_nonce"]);
pub const TOKEN_OR_NONCE: Expected = dpop_error(&["invalid_token", "use_dpop_nonce"]);
pub const SCOPE_OR_TOKEN: Expected =
    refused(&[401, 403], false, Challenge::Error("DPoP", &["insufficient_scope", "invalid_token"]));
pub const REQUEST: Expected = refused(&[400], false, Challenge::Error("DPoP", &["invalid_request"]));
pub const SCOPE: Expected = refused(&[403], false, Challenge::Error("DPoP", &["insufficient_scope"]));
pub const BEARER: Expected = refused(&[401], false, Challenge::Error("Bearer", &["invalid_token"]));
/// Over a limit.
pub const LIMIT: Expected = refused(&[400, 401, 413, 431], true, Challenge::Any);
/// The same for the request line.
pub const LIMIT_OR_414: Expected = refused(&[400, 413, 414, 431], true, Challenge::Any);
/// Not a request that HTTP allows.
pub const MALFORMED: Expected =
    refused(&[400, 404, 405, 411, 413, 414, 417, 421, 426, 431, 501, 505], true, Challenge::Any);
/// The same for `Host`.
pub const BAD_HOST: Expected =
    refused(&[400, 405, 411, 413, 414, 417, 421, 426, 431, 501, 505], true, Challenge::Any);
/// The same for the method, which may also be judged.
pub const BAD_METHOD: Expected = refused(&[400, 401, 404, 405, 501], false, Challenge::Any);
/// Not understood, or not accepted.
pub const BAD_REQUEST_OR_401: Expected = refused(&[400, 401], false, Challenge::Any);
/// The same, or judged as a request without the spoiled field.
pub const MALFORMED_OR_401: Expected =
    refused(&[400, 401, 404, 405, 411, 413, 414, 417, 421, 426, 431, 501, 505], true, Challenge::Any);
/// Refused in whatever way.
pub const DENIED: Expected = refused(&[400, 401, 403, 404, 405, 413, 414, 421, 431], true, Challenge::Any);
/// The same, or not implemented.
pub const DENIED_OR_501: Expected =
    refused(&[400, 401, 403, 404, 405, 413, 414, 421, 431, 501], true, Challenge::Any);
/// Refused in whatever way, or not a request that HTTP allows.
pub const DENIED_OR_MALFORMED: Expected =
    refused(&[400, 401, 403, 404, 405, 411, 413, 414, 417, 421, 426, 431, 501, 505], true, Challenge::Any);

/// A dependency does not do its part: no verdict on the credentials.
pub const FAULT: Expected = refused(&[502, 503, 504], false, Challenge::None);
/// The same, or the token is refused.
pub const UNAUTHORIZED_OR_FAULT: Expected = refused(&[401, 502, 503, 504], false, Challenge::Any);
/// The same where there is an answer, and in time.
pub const UNAUTHORIZED_OR_BAD_ANSWER: Expected = refused(&[401, 502, 503], false, Challenge::Any);
/// Refused in whatever way, or no verdict for want of a good answer.
pub const REFUSED_OR_BAD_ANSWER: Expected =
    refused(&[400, 401, 403, 404, 405, 413, 414, 421, 431, 502, 503], true, Challenge::Any);
/// Refused in whatever way, or no verdict.
pub const REFUSED_OR_FAULT: Expected =
    refused(&[400, 401, 403, 404, 405, 413, 414, 421, 431, 502, 503, 504], true, Challenge::Any);

/// A body that breaks off or is framed wrongly.
pub const BROKEN_BODY: Expected = Expected::Refused(Refusal {
    statuses: &[400, 401, 404, 405, 411, 413, 414, 417, 421, 426, 431, 501, 505],
    may_close: true,
    may_reach: true,
    challenge: Challenge::Any,
    because: "",
});

// Refusals of a proof, of a nonce and of a token, each with its reason.
pub const NO_PROOF: Expected = because(PROOF, "DPoP proof is missing");
pub const TWO_PROOFS: Expected = because(PROOF, "more than one DPoP proof");
pub const PROOF_TOO_LARGE: Expected = because(PROOF, "DPoP proof is too large");
pub const NO_JWS: Expected = because(PROOF, "DPoP proof is malformed");
pub const BAD_TYP: Expected = because(PROOF, "typ of the DPoP proof is not dpop+jwt");
pub const BAD_HEADER: Expected = because(PROOF, "DPoP proof has an unsupported header parameter");
pub const BAD_ALG: Expected = because(PROOF, "algorithm of the DPoP proof is not supported");
pub const BAD_KEY: Expected = because(PROOF, "jwk of the DPoP proof is not acceptable");
pub const NO_CLAIM: Expected = because(PROOF, "a claim is missing in the DPoP proof");
pub const BAD_CLAIM: Expected = because(PROOF, "a claim of the DPoP proof has a wrong form");
pub const BAD_ATH: Expected = because(PROOF, "ath does not match the access token");
pub const BAD_HTM: Expected = because(PROOF, "htm does not match the request method");
pub const BAD_HTU: Expected = because(PROOF, "htu does not match the request URI");
pub const TOO_OLD: Expected = because(PROOF, "DPoP proof is too old");
pub const TOO_EARLY: Expected = because(PROOF, "DPoP proof is not yet valid");
pub const PROOF_EXPIRED: Expected = because(PROOF, "DPoP proof has expired");
pub const BAD_SIGNATURE: Expected = because(PROOF, "signature of the DPoP proof is invalid");
pub const REPLAYED: Expected = because(PROOF, "DPoP proof was used before");
pub const NO_NONCE: Expected = because(NONCE, "nonce is missing");
pub const BAD_NONCE: Expected = because(NONCE, "nonce is invalid");
pub const TOKEN_EXPIRED: Expected = because(TOKEN, "access token has expired");
pub const TOKEN_EARLY: Expected = because(TOKEN, "access token is not yet valid");
pub const TOKEN_ISSUER: Expected = because(TOKEN, "access token has an unknown issuer");
pub const TOKEN_AUDIENCE: Expected = because(TOKEN, "access token is for another audience");
pub const TOKEN_KEY: Expected = because(TOKEN, "access token is signed by an unknown key");
pub const TOKEN_SIGNATURE: Expected = because(TOKEN, "signature of the access token is invalid");
pub const TOKEN_AS_BEARER: Expected = because(TOKEN, "access token is bound, DPoP is required");
pub const TOKEN_UNBOUND: Expected = because(TOKEN, "access token is not bound to a key");
pub const OTHER_KEY: Expected = because(TOKEN, "access token is bound to another key");
pub const TOKEN_FORM: Expected = because(TOKEN, "access token is invalid");

const fn because(expected: Expected, because: &'static str) -> Expected {
    match expected {
        Expected::Refused(refusal) => Expected::Refused(Refusal { because, ..refusal }),
        other => other,
    }
}

const fn dpop_error(codes: &'static [&'static str]) -> Expected {
    refused(&[401], false, Challenge::Error("DPoP", codes))
}

/// What is wrong with an answer that describes its errors; nothing if all is well. `reached` counts what the upstream saw.
pub fn faults(expected: Expected, answer: Option<&Answer>, reached: usize) -> Vec<String> {
    faults_of(expected, answer, reached, true)
}

/// The same for an answer that may describe them.
pub fn faults_of(
    expected: Expected,
    answer: Option<&Answer>,
    reached: usize,
    describes: bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    let status = answer.map(|answer| answer.status);
    match expected {
        Expected::Allowed => {
            let fields = answer.iter().flat_map(|answer| &answer.headers);
            if fields.filter(|(name, _)| name == "dpop-nonce").count() > 1 {
                faults.push("two nonces".to_owned());
            }
            if status != Some(200) {
                faults.push(format!("{} instead of 200", described(answer)));
            }
            if reached != 1 {
                faults.push(format!("the upstream saw {reached}"));
            }
        }
        Expected::Either => {
            if status.is_some_and(|status| status >= 500 && status != 501 && status != 505) {
                faults.push(format!("a failure: {}", described(answer)));
            }
            if reached > 1 {
                faults.push(format!("the upstream saw {reached}"));
            }
        }
        Expected::Refused(refusal) => {
            if reached > usize::from(refusal.may_reach) {
                faults.push(format!("the upstream saw {reached}"));
            }
            match answer {
                None if refusal.may_close => {}
                None => faults.push("closed without an answer".to_owned()),
                Some(answer) => refusal_faults(refusal, answer, describes, &mut faults),
            }
        }
    }
    faults
}

fn refusal_faults(refusal: Refusal, answer: &Answer, describes: bool, faults: &mut Vec<String>) {
    if !refusal.statuses.contains(&answer.status) {
        faults.push(format!("{} instead of {:?}", described(Some(answer)), refusal.statuses));
    }
    let wanted = match refusal.challenge {
        Challenge::Any | Challenge::None => "DPoP",
        Challenge::Bare(scheme) | Challenge::Error(scheme, _) => scheme,
    };
    let (scheme, error) = challenge_of(answer, wanted);
    let right = match refusal.challenge {
        Challenge::Any => true,
        Challenge::None => answer.header("www-authenticate").is_none(),
        Challenge::Bare(expected) => scheme == expected && error.is_none(),
        Challenge::Error(expected, codes) => {
            scheme == expected && error.as_deref().is_some_and(|error| codes.contains(&error))
        }
    };
    if !right {
        faults.push(format!("wrong challenge: {}", described(Some(answer))));
    }
    if describes && !refusal.because.is_empty() {
        let said = answer.header("www-authenticate").unwrap_or_default();
        if !said.contains(&format!("error_description=\"{}\"", refusal.because)) {
            faults.push(format!("not because of \"{}\": {said}", refusal.because));
        }
    }
    let nonces = answer.headers.iter().filter(|(name, _)| name == "dpop-nonce").count();
    let demanded = usize::from(error.as_deref() == Some("use_dpop_nonce"));
    // A refusal for a missing scope may hand out a nonce that is due.
    if nonces != demanded && answer.status != 403 {
        faults.push(format!("{nonces} nonces with {error:?}"));
    }
    if !scheme.is_empty() && answer.header("cache-control") != Some("no-store") {
        faults.push("the refusal may be stored".to_owned());
    }
}

fn described(answer: Option<&Answer>) -> String {
    answer.map_or_else(
        || "no answer".to_owned(),
        |answer| {
            let challenge = answer.headers.iter().find(|(name, _)| name == "www-authenticate");
            format!("{} {}", answer.status, challenge.map_or("", |(_, value)| value))
        },
    )
}

/// Scheme and error of the challenge of the wanted scheme, or of the first.
fn challenge_of(answer: &Answer, wanted: &str) -> (String, Option<String>) {
    let all = answer.header("www-authenticate").unwrap_or_default().replace(", Bearer", "\nBearer");
    let all = all.replace(", DPoP", "\nDPoP");
    let one = all.lines().find(|line| line.split(' ').next() == Some(wanted)).or(all.lines().next());
    let (scheme, rest) = one.and_then(|line| line.split_once(' ')).unwrap_or((one.unwrap_or_default(), ""));
    let error = rest.split_once("error=\"").and_then(|(_, rest)| rest.split_once('"'));
    (scheme.to_owned(), error.map(|(error, _)| error.to_owned()))
}
