//! Calls of a client that says who it is: for introspection endpoints, which answer nobody else (RFC 7662 §2.1).

use std::future::ready;
use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::Request;
use http::header::AUTHORIZATION;
use jose::UnixTime;
use oauth::ClientCredentials;

use super::{OutboundError, OutboundFuture, OutboundHttp};

/// Adds a client's credentials to each call, to its header or to its form body: a secret ([`oauth::ClientSecret`]), or an assertion
/// of its own that the client's key signs ([`oauth::ClientKey`]).
///
/// ```
/// use std::sync::Arc;
/// use oauth::ClientSecret;
/// use resource_server::{AuthenticatedHttp, IntrospectedTokens, IntrospectionPolicy, OutboundHttp};
///
/// fn tokens(http: Arc<dyn OutboundHttp>, secret: &str, policy: IntrospectionPolicy) -> IntrospectedTokens {
///     let http = AuthenticatedHttp::new(http, ClientSecret::basic("orders-api", secret));
///     let endpoint = http::Uri::from_static("https://issuer.example/introspect");
///     IntrospectedTokens::new(endpoint, Arc::new(http), policy)
/// }
/// ```
#[derive(Debug)]
pub struct AuthenticatedHttp {
    http: Arc<dyn OutboundHttp>,
    client: ClientCredentials,
}

impl AuthenticatedHttp {
    /// Sends through `http`, as `client`. What it calls gets the secret, or an assertion that is good for one call: an
    /// endpoint of the issuer, over TLS. A call is not sent if the client's key does not sign.
    #[must_use]
    pub fn new(http: Arc<dyn OutboundHttp>, client: impl Into<ClientCredentials>) -> Self {
        Self { http, client: client.into() }
    }
}

impl OutboundHttp for AuthenticatedHttp {
    fn send(&self, mut request: Request<Bytes>, now: UnixTime) -> OutboundFuture<'_> {
        if let Some(authorization) = self.client.authorization() {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        let members = match self.client.form_members(now) {
            Ok(members) => members,
            Err(error) => return Box::pin(ready(Err(OutboundError::NoCredentials(error.to_string())))),
        };
        if let Some(members) = members {
            let mut body = BytesMut::from(&request.body()[..]);
            if !body.is_empty() {
                body.put_u8(b'&');
            }
            body.put_slice(members.as_bytes());
            *request.body_mut() = body.freeze();
        }
        self.http.send(request, now)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use http::Response;
    use jose::jwt::UnverifiedJwt;
    use jose::{Algorithm, KeyPair};
    use oauth::{ClientKey, ClientSecret};
    use parking_lot::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Recording(Mutex<Option<Request<Bytes>>>);

    impl OutboundHttp for Recording {
        fn send(&self, request: Request<Bytes>, _: UnixTime) -> OutboundFuture<'_> {
            *self.0.lock() = Some(request);
            Box::pin(ready(Ok(Response::new(Bytes::new()))))
        }
    }

    fn sent(client: impl Into<ClientCredentials>, body: &'static str) -> Request<Bytes> {
        let network = Arc::new(Recording::default());
        let http = AuthenticatedHttp::new(Arc::clone(&network) as Arc<dyn OutboundHttp>, client);
        let sending = http.send(Request::new(Bytes::from_static(body.as_bytes())), UnixTime::from_seconds(0));
        assert!(pin!(sending).poll(&mut Context::from_waker(Waker::noop())).is_ready());
        network.0.lock().take().unwrap()
    }

    #[test]
    fn credentials_stand_where_the_client_says() {
        let request = sent(ClientSecret::basic("api", "s3cret"), "token=t");
        assert_eq!(request.headers()[AUTHORIZATION], "Basic YXBpOnMzY3JldA==");
        assert_eq!(&request.body()[..], b"token=t");
        for (body, expected) in [
            ("token=t", "token=t&client_id=api&client_secret=s3cret"),
            ("", "client_id=api&client_secret=s3cret"),
        ] {
            let request = sent(ClientSecret::post("api", "s3cret"), body);
            assert!(!request.headers().contains_key(AUTHORIZATION));
            assert_eq!(request.body(), expected);
        }
    }
    #[test]
    fn each_call_has_an_assertion_of_its_own() {
        let key = Arc::new(KeyPair::generate(Algorithm::Es256).unwrap());
        let client = ClientKey::new("api", Arc::clone(&key), "https://issuer.example");
        let assertion = |body: &'static str| {
            let request = sent(client.clone(), body);
            assert!(!request.headers().contains_key(AUTHORIZATION));
            let sent = String::from_utf8(request.body().to_vec()).unwrap();
            let (before, assertion) = sent.rsplit_once("&client_assertion=").unwrap();
            assert!(before.starts_with("token=t&client_id=api&client_assertion_type="), "{before}");
            let jwt = UnverifiedJwt::parse(assertion).unwrap();
            assert!(jwt.verify(key.public_jwk()).is_ok());
            jwt.claims["jti"].as_str().unwrap().to_owned()
        };
        assert_ne!(assertion("token=t"), assertion("token=t"));
    }
}
