//! `WWW-Authenticate` challenges, written by resource servers and read by clients (RFC 9110, section 11.6.1; RFC 9449, section 7.1).

use std::borrow::Cow;
use std::fmt;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue};

use crate::access_token::is_token68;
use crate::credentials::is_token_character;
use crate::{ErrorCode, Scheme};

/// One challenge of a resource server. Parameters that are `None` are not written.
///
/// `Display` writes them in a fixed order, each as a quoted string. Characters that a quoted string would have to escape, control characters
/// and what is not ASCII are left out, because clients differ in how they read them; see [`is_plain`].
///
/// ```
/// use oauth::{Challenge, ErrorCode, Scheme};
///
/// let challenge = Challenge {
///     error: Some(ErrorCode::InvalidToken),
///     algs: Some("ES256 Ed25519".into()),
///     ..Challenge::new(Scheme::Dpop)
/// };
/// assert_eq!(challenge.to_string(), r#"DPoP error="invalid_token", algs="ES256 Ed25519""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme to use.
    pub scheme: Scheme,
    /// The protection space (RFC 9110, section 11.5).
    pub realm: Option<Cow<'static, str>>,
    /// Why credentials were refused; absent when none came (RFC 6750, section 3.1).
    pub error: Option<ErrorCode>,
    /// A page about the error.
    pub error_uri: Option<Cow<'static, str>>,
    /// For developers: from a fixed list of texts, never with input in it.
    pub error_description: Option<Cow<'static, str>>,
    /// The scope that the resource needs, space-delimited.
    pub scope: Option<Cow<'static, str>>,
    /// Algorithms accepted for proofs, space-delimited (RFC 9449, section 7.1).
    pub algs: Option<Cow<'static, str>>,
    /// Where the metadata of the resource is (RFC 9728, section 5.1).
    pub resource_metadata: Option<Cow<'static, str>>,
}

impl Challenge {
    /// A challenge without parameters.
    #[must_use]
    pub const fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            realm: None,
            error: None,
            error_uri: None,
            error_description: None,
            scope: None,
            algs: None,
            resource_metadata: None,
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.scheme.as_str())?;
        let parameters = [
            ("realm", self.realm.as_deref()),
            ("error", self.error.map(ErrorCode::as_str)),
            ("error_uri", self.error_uri.as_deref()),
            ("error_description", self.error_description.as_deref()),
            ("scope", self.scope.as_deref()),
            ("algs", self.algs.as_deref()),
            ("resource_metadata", self.resource_metadata.as_deref()),
        ];
        let mut separator = " ";
        for (name, value) in parameters {
            let Some(value) = value else { continue };
            for text in [separator, name, "=\""] {
                formatter.write_str(text)?;
            }
            if is_plain(value) {
                formatter.write_str(value)?;
            } else {
                value
                    .split(|character| !is_plain_character(character))
                    .try_for_each(|plain| formatter.write_str(plain))?;
            }
            formatter.write_str("\"")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Whether a text can stand in a challenge as it is: printable ASCII without `"` and `\`. To check configured texts with, before use.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    // Looks at every byte without a branch, so that several are looked at together; what is not ASCII has no plain byte.
    text.bytes().fold(true, |good, byte| good & is_plain_byte(byte))
}

fn is_plain_character(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_plain_byte)
}

fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') & !matches!(byte, b'"' | b'\\')
}

/// All challenges in one field line, DPoP first: there are proxies that drop a second line, and clients that look at the start only.
#[must_use]
pub fn header_value(challenges: &[Challenge]) -> HeaderValue {
    let mut ordered: Vec<&Challenge> = challenges.iter().collect();
    ordered.sort_by_key(|challenge| challenge.scheme);
    let line = ordered.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    // Display writes printable ASCII only, so the fallback is never taken; the bare scheme is a valid challenge all the same.
    HeaderValue::try_from(line).unwrap_or_else(|_| HeaderValue::from_static("DPoP"))
}

/// One challenge as a client reads it. All of it is untrusted text.
///
/// ```
/// use oauth::{ErrorCode, Scheme, challenge};
///
/// let found = challenge::parse(r#"Bearer realm="a", DPoP error="use_dpop_nonce", algs="ES256""#);
/// let dpop = found.iter().find(|challenge| challenge.is(Scheme::Dpop)).ok_or("no DPoP")?;
/// assert_eq!(dpop.error(), Some(ErrorCode::UseDpopNonce));
/// assert_eq!(dpop.parameter("algs"), Some("ES256"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedChallenge {
    /// The scheme as sent; compare without case.
    pub scheme: String,
    /// The `token68` of schemes that have one instead of parameters.
    pub token68: Option<String>,
    /// Names as sent and unquoted values, in order.
    pub parameters: Vec<(String, String)>,
}

impl ParsedChallenge {
    /// The value of the first parameter of this name, compared without case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(parameter, _)| parameter.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether this is a challenge of the scheme.
    #[must_use]
    pub fn is(&self, scheme: Scheme) -> bool {
        self.scheme.parse() == Ok(scheme)
    }

    /// The `error` parameter, when it is a known code.
    #[must_use]
    pub fn error(&self) -> Option<ErrorCode> {
        self.parameter("error")?.parse().ok()
    }
}

/// The challenges of all `WWW-Authenticate` lines, in order. Lines that are not text are skipped.
#[must_use]
pub fn from_headers(headers: &HeaderMap) -> Vec<ParsedChallenge> {
    headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok()).flat_map(parse).collect()
}

/// The challenges of one field value. Reading ends at the first place that is not by the grammar: what stands before it is returned.
#[must_use]
pub fn parse(value: &str) -> Vec<ParsedChallenge> {
    let mut challenges: Vec<ParsedChallenge> = Vec::new();
    let mut reader = Reader { rest: value };
    loop {
        reader.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
        let Some(name) = reader.token() else { return challenges };
        if reader.is_at_equals() {
            let (Some(value), Some(challenge)) = (reader.parameter_value(), challenges.last_mut()) else {
                return challenges;
            };
            if challenge.token68.is_some() {
                // A challenge has one or the other (RFC 9110, section 11.3).
                return challenges;
            }
            challenge.parameters.push((name.to_owned(), value));
        } else {
            let token68 = reader.token68();
            challenges.push(ParsedChallenge { scheme: name.to_owned(), token68, parameters: Vec::new() });
        }
        if !reader.at_boundary() {
            return challenges;
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip(&mut self, skipped: fn(u8) -> bool) {
        self.rest =
            self.rest.trim_start_matches(|character: char| u8::try_from(character).is_ok_and(skipped));
    }

    fn skip_blanks(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn take_while(&mut self, taken: fn(u8) -> bool) -> Option<&'a str> {
        let end = self.rest.bytes().position(|byte| !taken(byte)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!text.is_empty()).then_some(text)
    }

    fn token(&mut self) -> Option<&'a str> {
        self.take_while(is_token_character)
    }

    /// Whether what was read before is the name of a parameter, not that of a scheme.
    fn is_at_equals(&self) -> bool {
        self.rest.trim_start_matches([' ', '\t']).starts_with('=')
    }

    /// What follows the name of a parameter: `=` and a token or quoted string.
    fn parameter_value(&mut self) -> Option<String> {
        self.skip_blanks();
        self.rest = self.rest.strip_prefix('=')?;
        self.skip_blanks();
        let Some(quoted) = self.rest.strip_prefix('"') else { return self.token().map(str::to_owned) };
        let mut value = String::new();
        let mut characters = quoted.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => value.push(characters.next()?),
                character => value.push(character),
            }
        }
        self.rest = characters.as_str();
        Some(value)
    }

    /// A `token68` right after a scheme: it ends the challenge, so a comma or the end must follow.
    fn token68(&mut self) -> Option<String> {
        let mut ahead = Self { rest: self.rest.strip_prefix(' ')? };
        ahead.skip_blanks();
        let start = ahead.rest;
        ahead.take_while(is_token68)?;
        ahead.skip(|byte| byte == b'=');
        let text = start.strip_suffix(ahead.rest)?.to_owned();
        ahead.skip_blanks();
        if !(ahead.rest.is_empty() || ahead.rest.starts_with(',')) {
            return None;
        }
        *self = ahead;
        Some(text)
    }

    /// Whether a name may begin here, possibly after blanks and commas.
    fn at_boundary(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with([' ', '\t', ','])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &[(&str, &[(&str, &str)])]) {
        let parsed = parse(value);
        let parsed: Vec<_> = parsed
            .iter()
            .map(|challenge| {
                let parameters = challenge
                    .parameters
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect::<Vec<_>>();
                (challenge.scheme.as_str(), parameters)
            })
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(scheme, parameters)| (*scheme, parameters.to_vec())).collect();
        assert_eq!(parsed, expected, "{value}");
    }

    #[test]
    fn r22_parameters_stand_in_a_fixed_order() {
        let challenge = Challenge {
            realm: Some("api".into()),
            error: Some(ErrorCode::InsufficientScope),
            error_uri: Some("https://example.com/e".into()),
            error_description: Some("the scope is missing".into()),
            scope: Some("read write".into()),
            algs: Some("ES256 EdDSA".into()),
            resource_metadata: Some("https://example.com/.well-known/oauth-protected-resource".into()),
            ..Challenge::new(Scheme::Dpop)
        };
        assert_eq!(
            challenge.to_string(),
            "DPoP realm=\"api\", error=\"insufficient_scope\", error_uri=\"https://example.com/e\", \
             error_description=\"the scope is missing\", scope=\"read write\", algs=\"ES256 EdDSA\", \
             resource_metadata=\"https://example.com/.well-known/oauth-protected-resource\""
        );
        assert_eq!(Challenge::new(Scheme::Bearer).to_string(), "Bearer");
    }

    #[test]
    fn one_line_has_dpop_first() {
        let bearer = Challenge { error: Some(ErrorCode::InvalidToken), ..Challenge::new(Scheme::Bearer) };
        let dpop = Challenge { algs: Some("ES256".into()), ..Challenge::new(Scheme::Dpop) };
        let line = header_value(&[bearer, dpop]);
        assert_eq!(line, "DPoP algs=\"ES256\", Bearer error=\"invalid_token\"");
        let parsed = parse(line.to_str().unwrap());
        assert!(parsed[0].is(Scheme::Dpop) && parsed[0].error().is_none());
        assert_eq!(parsed[1].error(), Some(ErrorCode::InvalidToken));
    }

    #[test]
    fn nothing_breaks_out_of_a_quoted_string() {
        let hostile = "a\", Bearer realm=\"\\é\r\nX: y\u{0}b";
        let line = header_value(&[Challenge { realm: Some(hostile.into()), ..Challenge::new(Scheme::Dpop) }]);
        assert_eq!(line, "DPoP realm=\"a, Bearer realm=X: yb\"");
        assert!(!is_plain(hostile) && is_plain("Please authenticate"));
    }

    #[test]
    fn reads_what_servers_write() {
        check("DPoP algs=\"ES256 PS256\"", &[("DPoP", &[("algs", "ES256 PS256")])]);
        check("Bearer", &[("Bearer", &[])]);
        check("DPoP a=b,c=\"d\" , e = f", &[("DPoP", &[("a", "b"), ("c", "d"), ("e", "f")])]);
        check(
            "Basic realm=\"x, DPoP y=\\\"z\\\"\", DPoP error=\"use_dpop_nonce\", Bearer",
            &[
                ("Basic", &[("realm", "x, DPoP y=\"z\"")]),
                ("DPoP", &[("error", "use_dpop_nonce")]),
                ("Bearer", &[]),
            ],
        );
        check(", ,Bearer,, DPoP", &[("Bearer", &[]), ("DPoP", &[])]);
        let negotiate = parse("Negotiate YWJj==, DPoP algs=ES256");
        assert_eq!(negotiate[0].token68.as_deref(), Some("YWJj=="));
        assert_eq!(negotiate[1].parameter("ALGS"), Some("ES256"));
    }

    #[test]
    fn stops_at_what_is_no_challenge() {
        check("", &[]);
        check("=x", &[]);
        check("\"DPoP\"", &[]);
        check("a=b", &[]);
        check("DPoP error=\"open", &[("DPoP", &[])]);
        check("DPoP error=\"a\"b=c", &[("DPoP", &[("error", "a")])]);
        check("DPoP é", &[("DPoP", &[])]);
        check("Negotiate YWJj, error=\"invalid_token\", DPoP", &[("Negotiate", &[])]);
    }
}
