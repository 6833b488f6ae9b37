//! `basic_auth`: one user with one password (RFC 7617).
//!
//! ```yaml
//! - id: operator
//!   type: basic_auth
//!   config:
//!     credentials: {source: users, selector: operator}
//!     error_signaling: {enabled: true, realm: Operations}
//! ```
//!
//! The secret is `{user_id, password}`, the password as argon2id hash in PHC form. A wrong user costs as much time as a
//! wrong password.

mod password;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use jose::crypto;
use zeroize::Zeroizing;

use self::password::{Checked, PasswordCheck};
use crate::{
    denial::DenialKind,
    document::{
        Code, Decode, Diagnostic, Diagnostics, KeyPath, MapReader, Node, Place, SecretReference, Spanned,
    },
    mechanisms::{
        BuildContext, Mechanism,
        authenticators::{Authenticate, Authenticated, Authentication, ChainEffect, Refused},
        step::{Failure, StepFuture, StepInput},
    },
    subject::Principal,
};

/// heimdall's default realm.
const DEFAULT_REALM: &str = "Please authenticate";

/// Knows one user.
#[derive(Debug, Clone)]
pub struct BasicAuth {
    user: Arc<str>,
    password: Arc<PasswordCheck>,
    signaling: Signaling,
    challenge: Option<HeaderValue>,
}

/// Settings of `basic_auth` in the catalogue.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "BasicAuthAuthenticator")]
pub struct BasicAuthConfig {
    /// The user and the hash of the password: a secret with `user_id` and `password`, the latter an argon2id hash in PHC
    /// form.
    pub credentials: SecretReference,
    /// Whether and how a refused client is told to show credentials.
    pub error_signaling: Option<BasicAuthSignaling>,
}

/// What a step may change.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "BasicAuthAuthenticatorInStep")]
pub struct BasicAuthOverride {
    /// Another user, instead of the catalogue's.
    pub credentials: Option<SecretReference>,
    /// Changed key by key.
    pub error_signaling: Option<BasicAuthSignaling>,
}

/// The challenge `WWW-Authenticate: Basic`.
#[derive(Debug, Clone, schemars::JsonSchema)]
#[schemars(rename = "BasicAuthErrorSignaling")]
pub struct BasicAuthSignaling {
    /// Whether the challenge is sent, also to clients without credentials.
    #[schemars(extend("default" = false))]
    pub enabled: Option<bool>,
    /// What browsers show.
    #[schemars(with = "Option<String>", extend("default" = "Please authenticate"))]
    pub realm: Option<Spanned<String>>,
}

/// The settings of the challenge, kept for steps that change one of them.
#[derive(Debug, Clone)]
struct Signaling {
    enabled: bool,
    realm: Spanned<String>,
}

impl Decode for BasicAuthConfig {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let credentials = reader.required("credentials");
        let error_signaling = reader.optional("error_signaling");
        reader.finish();
        Some(Self { credentials: credentials?, error_signaling })
    }
}

impl Decode for BasicAuthOverride {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let change = Self {
            credentials: reader.optional("credentials"),
            error_signaling: reader.optional("error_signaling"),
        };
        reader.finish();
        Some(change)
    }
}

impl Decode for BasicAuthSignaling {
    fn decode(node: &Node, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut reader = MapReader::new(node, path, diagnostics)?;
        let signaling = Self { enabled: reader.optional("enabled"), realm: reader.optional("realm") };
        reader.finish();
        Some(signaling)
    }
}

impl Mechanism for BasicAuth {
    const TYPE: &'static str = "basic_auth";
    const OVERRIDABLE: &'static [&'static str] = &["credentials", "error_signaling"];
    type Config = BasicAuthConfig;
    type Override = BasicAuthOverride;

    fn build(
        config: BasicAuthConfig,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let known = credentials(&config.credentials, context, diagnostics);
        let signaling = Signaling::standard(&context.place).changed(config.error_signaling);
        let challenge = signaling.challenge(&context.path, diagnostics);
        let (user, password) = known?;
        Some(Self { user, password, signaling, challenge: challenge? })
    }

    fn with_override(
        &self,
        change: BasicAuthOverride,
        context: &BuildContext<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let known = match &change.credentials {
            Some(reference) => credentials(reference, context, diagnostics),
            None => Some((Arc::clone(&self.user), Arc::clone(&self.password))),
        };
        let signaling = self.signaling.clone().changed(change.error_signaling);
        let challenge = signaling.challenge(&context.path, diagnostics);
        let (user, password) = known?;
        Some(Self { user, password, signaling, challenge: challenge? })
    }
}

/// The user and the check of the password; `None` after an error was reported.
fn credentials(
    reference: &SecretReference,
    context: &BuildContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(Arc<str>, Arc<PasswordCheck>)> {
    let path = context.path.key("credentials").to_string();
    let secrets = &context.dependencies.secrets;
    let [user, hash] = secrets
        .credentials(&reference.source.value, reference.selector(), ["user_id", "password"])
        .map_err(|error| error.report(reference, &path, diagnostics))
        .ok()?;
    let Some(password) = PasswordCheck::new(hash) else {
        diagnostics.push(
            Diagnostic::error(
                Code::WrongSecretKind,
                format!("`{path}` has a password that is no argon2id hash"),
                &reference.place,
            )
            .found("something else")
            .expected("`$argon2id$v=19$m=…,t=…,p=…$salt$hash`, with at most 256 MB, 16 passes and 16 lanes")
            .hint("make one with `argon2 SALT -id -e` or the like"),
        );
        return None;
    };
    Some((Arc::from(user.as_str()), Arc::new(password)))
}

impl Signaling {
    fn standard(place: &Place) -> Self {
        Self { enabled: false, realm: Spanned::new(DEFAULT_REALM.to_owned(), place.clone()) }
    }

    fn changed(self, change: Option<BasicAuthSignaling>) -> Self {
        let Some(change) = change else { return self };
        Self { enabled: change.enabled.unwrap_or(self.enabled), realm: change.realm.unwrap_or(self.realm) }
    }

    /// `Some(None)` where none is sent; `None` after an error was reported.
    fn challenge(&self, path: &KeyPath, diagnostics: &mut Diagnostics) -> Option<Option<HeaderValue>> {
        let realm = &self.realm.value;
        // A quoted string (RFC 9110 §5.6.4) that every client reads alike.
        let fits = realm.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
        match HeaderValue::from_str(&format!("Basic realm=\"{quoted}\"")) {
            Ok(challenge) if fits => Some(self.enabled.then_some(challenge)),
            _ => {
                let path = path.key("error_signaling").key("realm");
                diagnostics.push(
                    Diagnostic::error(
                        Code::WrongType,
                        format!("`{path}` can not stand in a header"),
                        &self.realm.place,
                    )
                    .found(realm.as_str())
                    .expected("printable ASCII characters"),
                );
                None
            }
        }
    }
}

/// What a client showed.
#[derive(Debug)]
enum Shown {
    /// No `Basic` credentials.
    Nothing,
    /// Not what RFC 7617 describes, or several.
    Malformed,
    /// A user and a password.
    Credentials { user: String, password: Zeroizing<String> },
}

impl Shown {
    fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(header::AUTHORIZATION).iter();
        let Some(line) = lines.next() else { return Self::Nothing };
        let line = line.as_bytes();
        let (scheme, rest) = line.split_at_checked("Basic".len()).unwrap_or((line, b""));
        if !scheme.eq_ignore_ascii_case(b"Basic") || rest.first().is_some_and(|byte| *byte != b' ') {
            return Self::Nothing;
        }
        if lines.next().is_some() {
            return Self::Malformed;
        }
        let decoded = STANDARD.decode(rest.trim_ascii()).map(Zeroizing::new);
        let text = decoded
            .ok()
            .and_then(|bytes| std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned())).ok());
        // The first colon ends the user id; passwords may hold colons (RFC 7617 §2).
        match text.as_ref().and_then(|text| text.split_once(':')) {
            Some((user, password)) => {
                Self::Credentials { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) }
            }
            None => Self::Malformed,
        }
    }
}

impl BasicAuth {
    async fn check(&self, input: &StepInput<'_>) -> Authentication {
        let (user, password) = match Shown::of(&input.request.headers) {
            Shown::Nothing => {
                return self.refused("no_credentials", "there are no `Basic` credentials", false);
            }
            Shown::Malformed => {
                return self.refused(
                    "malformed_credentials",
                    "the `Basic` credentials can not be read",
                    true,
                );
            }
            Shown::Credentials { user, password } => (user, password),
        };
        let is_user =
            crypto::constant_time_eq(&crypto::sha256(user.as_bytes()), &crypto::sha256(self.user.as_bytes()));
        // Asked for every user: the time must not tell whether there is such a one.
        match self.password.check(password).await {
            Checked::Right if is_user => {
                let principal = Principal::without_attributes(&*self.user);
                Authentication::Authenticated(Box::new(Authenticated::without_token(principal)))
            }
            Checked::Right | Checked::Wrong => {
                self.refused("bad_credentials", "user or password are wrong", true)
            }
            Checked::Busy => Authentication::Refused(Box::new(Refused {
                failure: Failure::new(
                    DenialKind::Communication,
                    "password_checks_busy",
                    "the credentials can not be checked now",
                    "too many passwords wait for their check",
                ),
                chain: ChainEffect::End,
                saw_credentials: true,
            })),
        }
    }

    fn refused(&self, reason: &'static str, detail: &'static str, saw_credentials: bool) -> Authentication {
        let public =
            if saw_credentials { "the credentials are not accepted" } else { "credentials are missing" };
        let mut failure = Failure::new(DenialKind::Authentication, reason, public, detail);
        if let Some(challenge) = &self.challenge {
            failure.headers.insert(header::WWW_AUTHENTICATE, challenge.clone());
        }
        Authentication::Refused(Box::new(Refused { failure, chain: ChainEffect::Continue, saw_credentials }))
    }
}

impl Authenticate for BasicAuth {
    fn authenticate<'a>(&'a self, input: &'a StepInput<'a>) -> StepFuture<'a, Authentication> {
        Box::pin(self.check(input))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], expected: Option<(&str, &str)>, is_malformed: bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        }
        match Shown::of(&headers) {
            Shown::Credentials { user, password } => {
                assert_eq!(Some((user.as_str(), password.as_str())), expected, "{lines:?}");
            }
            Shown::Malformed => assert!(expected.is_none() && is_malformed, "{lines:?}"),
            Shown::Nothing => assert!(expected.is_none() && !is_malformed, "{lines:?}"),
        }
    }

    #[test]
    fn reads_what_the_rfc_describes() {
        check(&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], Some(("Aladdin", "open sesame")), false);
        check(&["basic  dGVzdDoxMjPCow=="], Some(("test", "123£")), false);
        check(&[&format!("Basic {}", STANDARD.encode("a:b:c"))], Some(("a", "b:c")), false);
        check(&[&format!("Basic {}", STANDARD.encode("a:"))], Some(("a", "")), false);
    }

    #[test]
    fn tells_none_from_malformed() {
        check(&[], None, false);
        check(&["Bearer abc"], None, false);
        check(&["Basically abc"], None, false);
        check(&["Basic"], None, true);
        check(&["Basic !"], None, true);
        check(&[&format!("Basic {}", STANDARD.encode("no colon"))], None, true);
        check(&[&format!("Basic {}", STANDARD.encode(b"a:\xff"))], None, true);
        check(&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], None, true);
    }
}
