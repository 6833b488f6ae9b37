//! Whatever comes in, parsers answer; and what is written is read back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use oauth::introspection::IntrospectionResponse;
use oauth::pkce::{CodeChallenge, CodeVerifier};
use oauth::{AccessToken, Challenge, Credentials, ErrorCode, Scheme, Scope, challenge, metadata};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_input_makes_a_parser_panic(bytes in vec(any::<u8>(), 0..100), text in any::<String>()) {
        let _ = Credentials::parse(&bytes);
        let _ = AccessToken::parse(&text);
        let _ = challenge::parse(&text);
        let _ = Scope::parse(&text);
        let _ = CodeVerifier::parse(&text);
        let _ = CodeChallenge::parse(&text, Some("S256"));
        let _ = metadata::oauth_location(&text);
        let _ = metadata::openid_location(&text);
        let _ = IntrospectionResponse::parse(&bytes);
    }

    #[test]
    fn no_challenge_line_makes_the_parser_panic(text in "(DPoP|Bearer|[a-z]{1,3}|=|\"|\\\\|,| |\t|é|abc==){0,20}") {
        let _ = challenge::parse(&text);
    }

    #[test]
    fn a_challenge_is_read_as_it_was_written(realm in any::<String>(), description in "[ -~]{0,40}", both in any::<bool>()) {
        let written = Challenge {
            realm: Some(realm.clone().into()),
            error: Some(ErrorCode::InvalidToken),
            error_description: Some(description.clone().into()),
            algs: Some("ES256 EdDSA".into()),
            ..Challenge::new(Scheme::Dpop)
        };
        let mut challenges = vec![written];
        if both {
            challenges.insert(0, Challenge::new(Scheme::Bearer));
        }
        let line = challenge::header_value(&challenges);
        let parsed = challenge::parse(line.to_str().unwrap());
        prop_assert_eq!(parsed.len(), challenges.len());
        prop_assert!(parsed[0].is(Scheme::Dpop));
        prop_assert_eq!(parsed[0].parameters.len(), 4);
        prop_assert_eq!(parsed[0].error(), Some(ErrorCode::InvalidToken));
        prop_assert_eq!(parsed[0].parameter("algs"), Some("ES256 EdDSA"));
        if challenge::is_plain(&realm) {
            prop_assert_eq!(parsed[0].parameter("realm"), Some(realm.as_str()));
        }
        if challenge::is_plain(&description) {
            prop_assert_eq!(parsed[0].parameter("error_description"), Some(description.as_str()));
        }
    }

    #[test]
    fn every_token68_is_a_token(scheme in "(?i)dpop|bearer", spaces in " {1,4}", token in "[A-Za-z0-9._~+/-]{1,60}={0,2}") {
        let credentials = Credentials::parse(format!("{scheme}{spaces}{token}").as_bytes()).unwrap().unwrap();
        prop_assert_eq!(credentials.token.as_str(), token.as_str());
        prop_assert_eq!(credentials.scheme, scheme.parse().unwrap());
    }
}
