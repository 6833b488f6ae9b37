//! What must not get in, and the answer it must get (RFC 9449, sections 4.3, 7.1, 7.2, 9; RFC 6750, section 3.1).

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use jose::UnixTime;
use oauth::{AccessToken, ErrorCode};
use serde_json::{Map, Value, json};

use crate::call::{Call, credentials, value};
use crate::client::{ProofDraft, TestClient};
use crate::issuer::FakeIssuer;

/// Longer than any window for proofs and any life of a token here.
const LONG: Duration = Duration::from_secs(3600);

/// What must come back.
///
/// ```
/// use testkit::Attack;
///
/// assert_eq!(Attack::BoundTokenAsBearer.expected().status, 401);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The status.
    pub status: StatusCode,
    /// The error code of the challenge; none where nobody showed credentials of this kind.
    pub error: Option<ErrorCode>,
}

macro_rules! attacks {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A request that a resource must refuse when it demands bound tokens with proof, an audience, and no scope. The good
        /// [`Call`] is what the attacker starts from. The table `Attack::ALL` is stable in order, not in length.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Attack {
            $($(#[$doc])* $name,)*
        }

        impl Attack {
            /// Every attack.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

attacks! {
    /// No credentials at all.
    NoCredentials,
    /// A proof and no token.
    ProofWithoutToken,
    /// `Authorization: Basic`.
    OtherScheme,
    /// `Authorization: DPoP` with two words behind it.
    MalformedAuthorization,
    /// Two `Authorization` lines, both good.
    TwoAuthorizationLines,
    /// The token in the query as well.
    TokenInQueryToo,
    /// The stolen token as Bearer.
    BoundTokenAsBearer,
    /// The stolen token as Bearer, with a good proof beside it.
    BoundTokenAsBearerWithProof,
    /// A token without binding, with the DPoP scheme.
    UnboundTokenAsDpop,
    /// A token without binding, as Bearer.
    UnboundTokenAsBearer,
    /// The stolen token without a proof.
    NoProof,
    /// Two good proofs.
    TwoProofs,
    /// Two good proofs in one line.
    JoinedProofs,
    /// An empty proof.
    EmptyProof,
    /// A proof that is no JWS.
    ProofIsNoJws,
    /// `typ` of the proof is `JWT`.
    WrongProofType,
    /// `alg` of the proof is `none`.
    UnsignedProof,
    /// `alg` of the proof is `HS256`.
    SymmetricProof,
    /// The proof has a `crit` header.
    CriticalHeader,
    /// The proof shows no key.
    NoKeyInProof,
    /// The proof shows a private key.
    PrivateKeyInProof,
    /// No `jti`.
    NoJti,
    /// No `htm`.
    NoMethod,
    /// No `htu`.
    NoTarget,
    /// No `iat`.
    NoIssuedAt,
    /// `iat` is text.
    IssuedAtIsText,
    /// The thief's own key.
    OtherKey,
    /// No `ath`.
    NoAccessTokenHash,
    /// `ath` of another token.
    OtherAccessTokenHash,
    /// A proof for another method.
    OtherMethod,
    /// A proof for another path.
    OtherPath,
    /// A proof for another host.
    OtherHost,
    /// A proof for the other scheme.
    OtherUriScheme,
    /// A proof from an hour ago.
    StaleProof,
    /// A proof of the next hour.
    FutureProof,
    /// The client's key is shown, another one has signed.
    ProofSignedByOther,
    /// A changed signature under the proof.
    TamperedProof,
    /// The token has expired.
    ExpiredToken,
    /// The token is not yet valid.
    TokenNotYetValid,
    /// A token of another issuer, by the good key.
    OtherIssuer,
    /// A token for another audience.
    OtherAudience,
    /// A token by a key of nobody.
    ForgedToken,
    /// A changed signature under the token.
    TamperedToken,
    /// An ID token.
    IdToken,
    /// `cnf` that says nothing.
    EmptyConfirmation,
    /// Bound to a certificate as well, which nobody shows.
    CertificateBoundToken,
}

impl Attack {
    /// The answer it must get.
    #[must_use]
    pub fn expected(self) -> Expected {
        let (status, error) = match self {
            Self::NoCredentials | Self::ProofWithoutToken | Self::OtherScheme => {
                (StatusCode::UNAUTHORIZED, None)
            }
            Self::MalformedAuthorization | Self::TwoAuthorizationLines | Self::TokenInQueryToo => {
                (StatusCode::BAD_REQUEST, Some(ErrorCode::InvalidRequest))
            }
            Self::BoundTokenAsBearer
            | Self::BoundTokenAsBearerWithProof
            | Self::UnboundTokenAsDpop
            | Self::UnboundTokenAsBearer
            | Self::OtherKey
            | Self::ExpiredToken
            | Self::TokenNotYetValid
            | Self::OtherIssuer
            | Self::OtherAudience
            | Self::ForgedToken
            | Self::TamperedToken
            | Self::IdToken
            | Self::EmptyConfirmation
            | Self::CertificateBoundToken => (StatusCode::UNAUTHORIZED, Some(ErrorCode::InvalidToken)),
            Self::NoProof
            | Self::TwoProofs
            | Self::JoinedProofs
            | Self::EmptyProof
            | Self::ProofIsNoJws
            | Self::WrongProofType
            | Self::UnsignedProof
            | Self::SymmetricProof
            | Self::CriticalHeader
            | Self::NoKeyInProof
            | Self::PrivateKeyInProof
            | Self::NoJti
            | Self::NoMethod
            | Self::NoTarget
            | Self::NoIssuedAt
            | Self::IssuedAtIsText
            | Self::NoAccessTokenHash
            | Self::OtherAccessTokenHash
            | Self::OtherMethod
            | Self::OtherPath
            | Self::OtherHost
            | Self::OtherUriScheme
            | Self::StaleProof
            | Self::FutureProof
            | Self::ProofSignedByOther
            | Self::TamperedProof => (StatusCode::UNAUTHORIZED, Some(ErrorCode::InvalidDpopProof)),
        };
        Expected { status, error }
    }

    /// The target, where it is not the call's.
    pub(crate) fn target(self, call: &Call<'_>) -> Option<String> {
        let separator = if call.uri.contains('?') { '&' } else { '?' };
        (self == Self::TokenInQueryToo)
            .then(|| format!("{}{separator}access_token={}", call.uri, call.token.as_str()))
    }

    /// The attacker's header fields.
    pub(crate) fn headers(self, call: &Call<'_>) -> HeaderMap {
        let token = &call.token;
        let proof = |draft: ProofDraft<'_>| credentials("DPoP", token, [draft.sign()]);
        let claim = |name, claim| proof(call.proof().claim(name, claim));
        let without_claim = |name| proof(call.proof().without_claim(name));
        let header = |name, parameter| proof(call.proof().header(name, parameter));
        let other_token = |token: AccessToken| {
            let good = call.proof().access_token(&token).sign();
            credentials("DPoP", &token, [good])
        };
        let token_claim = |name, claim| other_token(call.draft.clone().claim(name, claim).issue());
        let unbound = || call.draft.clone().without_claim("cnf").issue();
        let at = |time: Option<UnixTime>| json!(time.unwrap_or(call.now).as_seconds());
        match self {
            Self::NoCredentials => HeaderMap::new(),
            Self::ProofWithoutToken => {
                let mut headers = call.headers();
                headers.remove(AUTHORIZATION);
                headers
            }
            Self::OtherScheme => with_authorization(call, "Basic YWxpY2U6c2VjcmV0"),
            Self::MalformedAuthorization => with_authorization(call, "DPoP two words"),
            Self::TwoAuthorizationLines => {
                let mut headers = call.headers();
                headers.append(AUTHORIZATION, value(&format!("DPoP {}", token.as_str())));
                headers
            }
            Self::TokenInQueryToo => call.headers(),
            Self::BoundTokenAsBearer => credentials("Bearer", token, []),
            Self::BoundTokenAsBearerWithProof => credentials("Bearer", token, [call.proof().sign()]),
            Self::UnboundTokenAsDpop => other_token(unbound()),
            Self::UnboundTokenAsBearer => credentials("Bearer", &unbound(), []),
            Self::NoProof => credentials("DPoP", token, []),
            Self::TwoProofs => credentials("DPoP", token, [call.proof().sign(), call.proof().sign()]),
            Self::JoinedProofs => {
                let joined = [call.proof().sign(), call.proof().sign()].join(", ");
                credentials("DPoP", token, [joined])
            }
            Self::EmptyProof => credentials("DPoP", token, [String::new()]),
            Self::ProofIsNoJws => credentials("DPoP", token, ["proof".to_owned()]),
            Self::WrongProofType => header("typ", json!("JWT")),
            Self::UnsignedProof => header("alg", json!("none")),
            Self::SymmetricProof => header("alg", json!("HS256")),
            Self::CriticalHeader => header("crit", json!(["exp"])),
            Self::NoKeyInProof => proof(call.proof().without_header("jwk")),
            Self::PrivateKeyInProof => header("jwk", with_private_member(call)),
            Self::NoJti => without_claim("jti"),
            Self::NoMethod => without_claim("htm"),
            Self::NoTarget => without_claim("htu"),
            Self::NoIssuedAt => without_claim("iat"),
            Self::IssuedAtIsText => claim("iat", json!("now")),
            Self::OtherKey => {
                let thief = TestClient::new();
                let own_key = json!(thief.key().public_jwk().to_json());
                proof(call.proof().header("jwk", own_key).signed_by(&thief))
            }
            Self::NoAccessTokenHash => without_claim("ath"),
            Self::OtherAccessTokenHash => proof(call.proof().access_token(&unbound())),
            Self::OtherMethod => claim("htm", json!(if call.method == "GET" { "POST" } else { "GET" })),
            Self::OtherPath => claim("htu", json!(changed_target(call, |uri| format!("{uri}/other")))),
            Self::OtherHost => {
                let other = |uri: &str| uri.replacen("://", "://other.", 1);
                claim("htu", json!(changed_target(call, other)))
            }
            Self::OtherUriScheme => {
                let other = |uri: &str| match uri.strip_prefix("https://") {
                    Some(rest) => format!("http://{rest}"),
                    None => uri.replacen("http://", "https://", 1),
                };
                claim("htu", json!(changed_target(call, other)))
            }
            Self::StaleProof => claim("iat", at(call.now.checked_sub(LONG))),
            Self::FutureProof => claim("iat", at(call.now.checked_add(LONG))),
            Self::ProofSignedByOther => proof(call.proof().signed_by(&TestClient::new())),
            Self::TamperedProof => credentials("DPoP", token, [tampered(&call.proof().sign())]),
            Self::ExpiredToken => token_claim("exp", at(call.now.checked_sub(LONG))),
            Self::TokenNotYetValid => token_claim("nbf", at(call.now.checked_add(LONG))),
            Self::OtherIssuer => token_claim("iss", json!("https://other-issuer.example")),
            Self::OtherAudience => token_claim("aud", json!("https://other-audience.example")),
            Self::ForgedToken => {
                let forger = FakeIssuer::new("https://forger.example");
                other_token(call.draft.signed_by(&forger).issue())
            }
            Self::TamperedToken => {
                let tampered = AccessToken::parse(&tampered(token.as_str()));
                other_token(tampered.expect("the tampered token has the syntax of one"))
            }
            Self::IdToken => token_claim("typ", json!("ID")),
            Self::EmptyConfirmation => token_claim("cnf", json!({})),
            Self::CertificateBoundToken => token_claim(
                "cnf",
                json!({
                    "jkt": call.client.thumbprint().to_string(),
                    "x5t#S256": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
                }),
            ),
        }
    }
}

fn with_authorization(call: &Call<'_>, authorization: &str) -> HeaderMap {
    let mut headers = call.headers();
    headers.insert(AUTHORIZATION, value(authorization));
    headers
}

/// The call's key with a member that belongs to private keys only; what it says does not matter.
fn with_private_member(call: &Call<'_>) -> Value {
    let mut jwk: Map<String, Value> = call.client.key().public_jwk().to_json();
    jwk.insert("d".to_owned(), json!("AA"));
    Value::Object(jwk)
}

fn changed_target(call: &Call<'_>, change: impl Fn(&str) -> String) -> String {
    change(call.uri.split(['?', '#']).next().unwrap_or_default())
}

/// The same JWS with another first character of its signature.
fn tampered(jws: &str) -> String {
    let (signed, signature) = jws.rsplit_once('.').expect("a compact JWS has dots");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let rest: String = signature.chars().skip(1).collect();
    format!("{signed}.{other}{rest}")
}
