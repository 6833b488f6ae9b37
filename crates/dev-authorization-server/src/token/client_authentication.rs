//! Who asks: `client_secret_basic`, `client_secret_post`, or a public client that only names itself (RFC 6749 §2.3, §3.2.1).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::{
    call::Call,
    error::Refusal,
    parameters::Parameters,
    realm::{Client, ClientKind},
};

/// The client, when it is who it says.
pub(crate) fn authenticate<'a>(call: &'a Call, form: &Parameters) -> Result<&'a Client, Refusal> {
    let presented = Presented::read(&call.headers, form)?;
    let refuse = || {
        Refusal::invalid_client("the client is unknown or did not authenticate", presented.used_authorization)
    };
    let client = call.served.realm.client(&presented.client_id).ok_or_else(refuse)?;
    let authenticated = match (&client.kind, &presented.secret) {
        (ClientKind::Public, None) => true,
        // A secret that nobody gave out is a sign of a mistake, not an authentication.
        (ClientKind::Public, Some(_)) => false,
        (ClientKind::Confidential(Some(secret)), Some(presented)) => secret.matches(presented),
        (ClientKind::Confidential(_), _) => false,
    };
    if authenticated { Ok(client) } else { Err(refuse()) }
}

/// As [`authenticate`], for endpoints that public clients may not use.
pub(crate) fn authenticate_confidential<'a>(
    call: &'a Call,
    form: &Parameters,
) -> Result<&'a Client, Refusal> {
    let client = authenticate(call, form)?;
    if client.is_public() {
        return Err(Refusal::invalid_client("this endpoint is for confidential clients", false));
    }
    Ok(client)
}

struct Presented {
    client_id: String,
    secret: Option<Zeroizing<String>>,
    used_authorization: bool,
}

impl Presented {
    fn read(headers: &HeaderMap, form: &Parameters) -> Result<Self, Refusal> {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let Some(field) = fields.next() else {
            let client_id = form
                .get("client_id")
                .ok_or_else(|| Refusal::invalid_client("client_id is missing", false))?
                .to_owned();
            let secret = form.get("client_secret").map(|secret| Zeroizing::new(secret.to_owned()));
            return Ok(Self { client_id, secret, used_authorization: false });
        };
        // RFC 6749 §2.3: one way of authenticating per request.
        if fields.next().is_some() || form.get("client_secret").is_some() {
            return Err(Refusal::invalid_request("the client authenticates in more than one way"));
        }
        let (client_id, secret) = field.to_str().ok().and_then(read_basic).ok_or_else(|| {
            Refusal::invalid_client("the Authorization field is not readable as Basic", true)
        })?;
        if form.get("client_id").is_some_and(|named| named != client_id) {
            return Err(Refusal::invalid_request("client_id is not the client that authenticates"));
        }
        Ok(Self { client_id, secret: Some(secret), used_authorization: true })
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
