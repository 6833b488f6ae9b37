//! Request parameters, from a query or a form: each at most once, empty ones as if absent (RFC 6749 §3.1, §3.2).

use std::collections::BTreeMap;

use http::{HeaderMap, header::CONTENT_TYPE};

/// Why parameters can not be read. The answer is always `invalid_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParametersError {
    #[error("a parameter is given more than once")]
    Repeated,
    #[error("the body must be application/x-www-form-urlencoded")]
    NoForm,
}

impl ParametersError {
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Repeated => "a parameter is given more than once",
            Self::NoForm => "the body must be application/x-www-form-urlencoded",
        }
    }
}

/// Parameters by name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a query string or the body of a form.
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, ParametersError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(ParametersError::Repeated);
            }
        }
        parameters.retain(|_, value| !value.is_empty());
        Ok(Self(parameters))
    }

    /// Reads the body of a request that must be a form.
    pub(crate) fn from_form(headers: &HeaderMap, body: &[u8]) -> Result<Self, ParametersError> {
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(ParametersError::NoForm);
        }
        Self::parse(body)
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused() {
        assert_eq!(Parameters::parse(b"scope=a&scope=b"), Err(ParametersError::Repeated));
        assert_eq!(Parameters::parse(b"scope=a&scope="), Err(ParametersError::Repeated));
    }

    #[test]
    fn an_empty_parameter_is_absent() {
        assert_eq!(Parameters::parse(b"scope=&state=x%20y").unwrap().get("scope"), None);
        assert_eq!(Parameters::parse(b"scope=&state=x+y").unwrap().get("state"), Some("x y"));
    }

    #[test]
    fn only_forms_are_read() {
        let mut headers = HeaderMap::new();
        assert_eq!(Parameters::from_form(&headers, b"a=b"), Err(ParametersError::NoForm));
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
        assert_eq!(Parameters::from_form(&headers, b"a=b"), Err(ParametersError::NoForm));
        headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded;charset=UTF-8".parse().unwrap());
        assert_eq!(Parameters::from_form(&headers, b"a=b").unwrap().get("a"), Some("b"));
    }
}
