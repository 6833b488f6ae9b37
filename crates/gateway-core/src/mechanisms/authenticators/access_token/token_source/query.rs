//! A token in the query (RFC 6750 §2.3).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Whether the query has a parameter of that name, with whatever value.
pub(super) fn has(query: Option<&str>, name: &str) -> bool {
    parameters(query.unwrap_or_default()).any(|(key, _)| key == name)
}

/// The values of all parameters of that name; empty ones are none.
pub(super) fn values(query: Option<&str>, name: &str) -> Vec<String> {
    of_form(query.unwrap_or_default(), name)
}

/// The values of all fields of that name in a form or query; empty ones are none.
pub(super) fn of_form(form: &str, name: &str) -> Vec<String> {
    let fields = parameters(form).filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    fields.filter(|value| !value.is_empty()).collect()
}

fn parameters(form: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form.split('&').filter(|field| !field.is_empty()).map(|field| {
        let (key, value) = field.split_once('=').unwrap_or((field, ""));
        (decode(key), decode(value))
    })
}

/// A plus sign is a blank, escapes are bytes (WHATWG URL, section 5.1). What is no UTF-8 then is no token either.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}
