//! The client credentials grant (RFC 6749 §4.4): a service asks for itself.

use std::borrow::Cow;

use crate::{form::Parameters, grant::Grant};

/// Tokens for the client itself.
#[derive(Clone, Debug, Default)]
pub struct ClientCredentialsGrant {
    /// The wanted scope; without it the server decides.
    pub scope: Option<String>,
}

impl Grant for ClientCredentialsGrant {
    fn parameters(&self) -> Parameters<'_> {
        let mut parameters = vec![("grant_type", Cow::from("client_credentials"))];
        parameters.extend(self.scope.as_deref().map(|scope| ("scope", Cow::from(scope))));
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form;

    #[test]
    fn asks_for_the_scope_only_when_there_is_one() {
        assert_eq!(
            form::encode(&ClientCredentialsGrant::default().parameters()),
            "grant_type=client_credentials"
        );
        let grant = ClientCredentialsGrant { scope: Some("a b".into()) };
        assert_eq!(form::encode(&grant.parameters()), "grant_type=client_credentials&scope=a+b");
    }
}
