//! Who asks: `client_secret_basic`, `client_secret_post`, `private_key_jwt`, or a public client that only names itself
//! (RFC 6749 §2.3, §3.2.1; RFC 7523).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use oauth::ClientAssertion;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::client_assertion::{self, UnspentAssertion};
use crate::{
    call::Call,
    error::Refusal,
    parameters::Parameters,
    realm::{Client, ClientKind},
};

/// A client that is who it says, and whose assertion, if it sent one, is still to be spent.
#[must_use = "spend it, else an assertion can be used again"]
pub(crate) struct Authenticated<'a> {
    client: &'a Client,
    assertion: Option<UnspentAssertion>,
}

impl<'a> Authenticated<'a> {
    /// Spends the assertion. Called after the DPoP proof was checked, so that the answer `use_dpop_nonce` costs the client nothing.
    pub(crate) fn spend(self, call: &Call) -> Result<&'a Client, Refusal> {
        if let Some(assertion) = self.assertion {
            assertion.spend(call, self.client)?;
        }
        Ok(self.client)
    }
}

/// The client, when it is who it says.
pub(crate) fn authenticate<'a>(call: &'a Call, form: &Parameters) -> Result<Authenticated<'a>, Refusal> {
    let presented = Presented::read(&call.headers, form)?;
    let refuse = || {
        Refusal::invalid_client("the client is unknown or did not authenticate", presented.used_authorization)
    };
    let client = call.served.realm.client(&presented.client_id).ok_or_else(refuse)?;
    match (&client.kind, &presented.credential) {
        (ClientKind::Public, Credential::None) => Ok(Authenticated { client, assertion: None }),
        (ClientKind::Secret(Some(secret)), Credential::Secret(presented)) if secret.matches(presented) => {
            Ok(Authenticated { client, assertion: None })
        }
        (ClientKind::Keys(keys), Credential::Assertion(assertion)) => {
            let assertion = client_assertion::verify(call, client, keys, assertion).ok_or_else(refuse)?;
            Ok(Authenticated { client, assertion: Some(assertion) })
        }
        // A credential of another kind than the registered one, a public client's included, is a sign of a mistake.
        (ClientKind::Public | ClientKind::Secret(_) | ClientKind::Keys(_), _) => Err(refuse()),
    }
}

/// As [`authenticate`], for endpoints that public clients may not use. Nothing comes after it, so an assertion is spent at once.
pub(crate) fn authenticate_confidential<'a>(
    call: &'a Call,
    form: &Parameters,
) -> Result<&'a Client, Refusal> {
    let client = authenticate(call, form)?.spend(call)?;
    if client.is_public() {
        return Err(Refusal::invalid_client("this endpoint is for confidential clients", false));
    }
    Ok(client)
}

struct Presented {
    client_id: String,
    credential: Credential,
    used_authorization: bool,
}

enum Credential {
    None,
    Secret(Zeroizing<String>),
    Assertion(String),
}

impl Presented {
    fn read(headers: &HeaderMap, form: &Parameters) -> Result<Self, Refusal> {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let field = fields.next();
        let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
        // RFC 6749 §2.3: one way of authenticating per request.
        let ways = [field.is_some(), fields.next().is_some(), secret.is_some(), assertion.is_some()];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            return Err(Refusal::invalid_request("the client authenticates in more than one way"));
        }
        let named = form.get("client_id").map(str::to_owned);
        if let Some(field) = field {
            let (client_id, secret) = field.to_str().ok().and_then(read_basic).ok_or_else(|| {
                Refusal::invalid_client("the Authorization field is not readable as Basic", true)
            })?;
            if named.is_some_and(|named| named != client_id) {
                return Err(Refusal::invalid_request("client_id is not the client that authenticates"));
            }
            return Ok(Self { client_id, credential: Credential::Secret(secret), used_authorization: true });
        }
        let missing = || Refusal::invalid_client("client_id is missing", false);
        if let Some(assertion) = assertion {
            if form.get("client_assertion_type") != Some(ClientAssertion::TYPE) {
                return Err(Refusal::invalid_request("client_assertion_type must be jwt-bearer"));
            }
            let client_id =
                named.or_else(|| client_assertion::claimed_client(assertion)).ok_or_else(missing)?;
            return Ok(Self {
                client_id,
                credential: Credential::Assertion(assertion.to_owned()),
                used_authorization: false,
            });
        }
        let credential = match secret {
            Some(secret) => Credential::Secret(Zeroizing::new(secret.to_owned())),
            None => Credential::None,
        };
        Ok(Self { client_id: named.ok_or_else(missing)?, credential, used_authorization: false })
    }
}

/// RFC 7617 with the form encoding of both halves that RFC 6749 §2.3.1 asks for.
fn read_basic(field: &str) -> Option<(String, Zeroizing<String>)> {
    let (scheme, encoded) = field.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = Zeroizing::new(String::from_utf8(STANDARD.decode(encoded.trim_start()).ok()?).ok()?);
    let (client_id, secret) = decoded.split_once(':')?;
    Some((form_decode(client_id)?, Zeroizing::new(form_decode(secret)?)))
}

fn form_decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(|decoded| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_basic_credentials_in_form_encoding() {
        let encoded = STANDARD.encode("my%20client:s%3Acret+x");
        let (client_id, secret) = read_basic(&format!("basic {encoded}")).unwrap();
        assert_eq!(client_id, "my client");
        assert_eq!(secret.as_str(), "s:cret x");
    }

    #[test]
    fn refuses_other_schemes_and_broken_encodings() {
        assert!(read_basic("Bearer abc").is_none());
        assert!(read_basic("Basic").is_none());
        assert!(read_basic("Basic !!!").is_none());
        assert!(read_basic(&format!("Basic {}", STANDARD.encode("no-colon"))).is_none());
    }
}
