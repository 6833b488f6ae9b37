//! Token exchange (RFC 8693): one token for another, for the next service on the way.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::{form::Parameters, grant::Grant};

/// Kind of a token in an exchange (RFC 8693 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenType {
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// An ID token.
    IdToken,
    /// Any JWT.
    Jwt,
}

impl TokenType {
    /// The identifier as it stands in requests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::RefreshToken => "urn:ietf:params:oauth:token-type:refresh_token",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }
}

/// A token to exchange. The new one is bound to the key of the session that asks. `Debug` hides all tokens.
#[derive(Clone)]
pub struct TokenExchangeGrant {
    subject_token: Zeroizing<String>,
    subject_token_type: TokenType,
    actor: Option<(Zeroizing<String>, TokenType)>,
    requested: Option<TokenType>,
    audiences: Vec<String>,
    resources: Vec<String>,
    scope: Option<String>,
}

impl TokenExchangeGrant {
    /// Exchanges an access token.
    #[must_use]
    pub fn of_access_token(token: &oauth::AccessToken) -> Self {
        Self::new(Zeroizing::new(token.as_str().to_owned()), TokenType::AccessToken)
    }

    /// Exchanges a token of any kind.
    #[must_use]
    pub fn new(subject_token: Zeroizing<String>, subject_token_type: TokenType) -> Self {
        Self {
            subject_token,
            subject_token_type,
            actor: None,
            requested: None,
            audiences: Vec::new(),
            resources: Vec::new(),
            scope: None,
        }
    }

    /// Who acts for the subject: delegation instead of impersonation (RFC 8693 §1.1).
    #[must_use]
    pub fn actor(self, token: Zeroizing<String>, token_type: TokenType) -> Self {
        Self { actor: Some((token, token_type)), ..self }
    }

    /// The kind of token that is wanted; the server decides without it.
    #[must_use]
    pub fn requested(self, token_type: TokenType) -> Self {
        Self { requested: Some(token_type), ..self }
    }

    /// A service that the new token is for, by its name at the authorization server. May be called again.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// A service that the new token is for, by its URI (RFC 8707). May be called again.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// The scope of the new token.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        Self { scope: Some(scope.into()), ..self }
    }
}

impl Grant for TokenExchangeGrant {
    fn parameters(&self) -> Parameters<'_> {
        let mut parameters = vec![
            ("grant_type", Cow::from("urn:ietf:params:oauth:grant-type:token-exchange")),
            ("subject_token", Cow::from(self.subject_token.as_str())),
            ("subject_token_type", Cow::from(self.subject_token_type.as_str())),
        ];
        if let Some((token, token_type)) = &self.actor {
            parameters.push(("actor_token", Cow::from(token.as_str())));
            parameters.push(("actor_token_type", Cow::from(token_type.as_str())));
        }
        parameters.extend(self.requested.map(|wanted| ("requested_token_type", Cow::from(wanted.as_str()))));
        parameters.extend(self.audiences.iter().map(|audience| ("audience", Cow::from(audience))));
        parameters.extend(self.resources.iter().map(|resource| ("resource", Cow::from(resource))));
        parameters.extend(self.scope.as_deref().map(|scope| ("scope", Cow::from(scope))));
        parameters
    }
}

impl std::fmt::Debug for TokenExchangeGrant {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TokenExchangeGrant")
            .field("subject_token_type", &self.subject_token_type)
            .field("audiences", &self.audiences)
            .field("resources", &self.resources)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form;

    #[test]
    fn asks_for_several_audiences() {
        let token = oauth::AccessToken::parse("the.subject.token").unwrap();
        let grant =
            TokenExchangeGrant::of_access_token(&token).audience("orders").audience("billing").scope("read");
        assert_eq!(
            form::encode(&grant.parameters()),
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=the.subject.token\
             &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&audience=orders\
             &audience=billing&scope=read"
        );
        assert!(!format!("{grant:?}").contains("the.subject.token"));
    }

    #[test]
    fn names_the_actor_with_its_type() {
        let grant = TokenExchangeGrant::new(Zeroizing::new("s".into()), TokenType::Jwt)
            .actor(Zeroizing::new("a".into()), TokenType::IdToken)
            .requested(TokenType::AccessToken);
        let names: Vec<&str> = grant.parameters().iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "grant_type",
                "subject_token",
                "subject_token_type",
                "actor_token",
                "actor_token_type",
                "requested_token_type"
            ]
        );
    }
}
