//! Calls of a client that says who it is: for introspection endpoints, which answer nobody else (RFC 7662 §2.1).

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::Request;
use http::header::AUTHORIZATION;
use jose::UnixTime;
use oauth::ClientSecret;

use super::{OutboundFuture, OutboundHttp};

/// Adds a client's credentials to each call: to its header, or to its form body, as [`ClientSecret`] says.
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
    client: ClientSecret,
}

impl AuthenticatedHttp {
    /// Sends through `http`, as `client`. What it calls gets the secret: an endpoint of the issuer, over TLS.
    #[must_use]
    pub fn new(http: Arc<dyn OutboundHttp>, client: ClientSecret) -> Self {
        Self { http, client }
    }
}

impl OutboundHttp for AuthenticatedHttp {
    fn send(&self, mut request: Request<Bytes>, now: UnixTime) -> OutboundFuture<'_> {
        if let Some(authorization) = self.client.authorization() {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        if let Some(members) = self.client.form_members() {
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
    use std::future::ready;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use http::Response;
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

    fn sent(client: ClientSecret, body: &'static str) -> Request<Bytes> {
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
}
