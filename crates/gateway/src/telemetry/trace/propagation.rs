//! `traceparent` and `tracestate` (W3C Trace Context) in headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator as _},
    trace::{SpanContext, TraceContextExt as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The caller's span. A header that is no `traceparent`, or two of them, count as none (§3.2.2).
pub(super) fn extract(headers: &HeaderMap) -> Option<SpanContext> {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let parent = sent.next().filter(|_| sent.next().is_none())?.to_str().ok()?;
    // Fields of fixed width (§3.2.2): the library also reads shorter ones.
    let widths: Vec<usize> = parent.split('-').take(4).map(str::len).collect();
    if widths != [2, 32, 16, 2] {
        return None;
    }
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    let span = context.span();
    Some(span.span_context().clone()).filter(SpanContext::is_valid)
}

/// Names a span as the caller, in place of what stands there.
pub(super) fn inject(span: &SpanContext, headers: &mut HeaderMap) {
    headers.remove(TRACEPARENT);
    headers.remove(TRACESTATE);
    let context = Context::new().with_remote_span_context(span.clone());
    TraceContextPropagator::new().inject_context(&context, &mut Fields(headers));
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Fields<'a>(&'a mut HeaderMap);

impl Injector for Fields<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value))
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn reads_one_well_formed_parent_and_nothing_else() {
        let check = |fields: &[(&'static str, &str)], expected: bool| {
            assert_eq!(extract(&headers(fields)).is_some(), expected, "{fields:?}");
        };
        check(&[("traceparent", PARENT)], true);
        check(&[("traceparent", PARENT), ("tracestate", "a=1,b=2")], true);
        check(&[], false);
        check(&[("traceparent", PARENT), ("traceparent", PARENT)], false);
        check(&[("traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01")], false);
        check(&[("traceparent", "00-1-b7ad6b7169203331-01")], false);
        check(&[("traceparent", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")], false);
        check(&[("traceparent", &PARENT.to_ascii_uppercase())], false);
        check(&[("traceparent", "x")], false);
    }

    #[test]
    fn replaces_what_the_client_sent_and_hands_its_state_on() {
        let mut fields = headers(&[("traceparent", PARENT), ("tracestate", "a=1")]);
        let span = extract(&fields).unwrap();
        fields.append("traceparent", HeaderValue::from_static("second"));
        inject(&span, &mut fields);
        assert_eq!(fields.get_all("traceparent").iter().collect::<Vec<_>>(), [PARENT]);
        assert_eq!(fields["tracestate"], "a=1");
        let stateless = extract(&headers(&[("traceparent", PARENT)])).unwrap();
        inject(&stateless, &mut fields);
        assert!(!fields.contains_key("tracestate"));
    }
}
