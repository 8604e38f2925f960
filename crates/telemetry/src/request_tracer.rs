//! [`RequestTracer`]: the request's span, which logs show too, under the names that OpenTelemetry has for it.

use opentelemetry::trace::{SpanBuilder, SpanKind, Tracer};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use opentelemetry_semantic_conventions::attribute::{HTTP_REQUEST_METHOD, HTTP_ROUTE};

/// What the span of a request is called in logs.
const REQUEST: &str = "request";
/// The methods that have a name of their own; anything else could be anything, and is `_OTHER`.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// Starts spans. That of a request becomes a server's span called `METHOD route`.
#[derive(Clone, Debug)]
pub(crate) struct RequestTracer(pub(crate) SdkTracer);

impl Tracer for RequestTracer {
    type Span = Span;

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> Span {
        if builder.name == REQUEST {
            become_server_span(&mut builder);
        }
        self.0.build_with_context(builder, parent)
    }
}

fn become_server_span(builder: &mut SpanBuilder) {
    builder.span_kind = Some(SpanKind::Server);
    let (mut method, mut route) = (None, None);
    for KeyValue { key, value, .. } in builder.attributes.iter_mut().flatten() {
        match key.as_str() {
            "method" => {
                if !METHODS.contains(&&*value.as_str()) {
                    *value = "_OTHER".into();
                }
                *key = Key::from_static_str(HTTP_REQUEST_METHOD);
                method = Some(value.to_string());
            }
            "route" => {
                *key = Key::from_static_str(HTTP_ROUTE);
                // A request that no route answers has a word there.
                route = Some(value.to_string()).filter(|route| route.starts_with('/'));
            }
            "request_id" => *key = Key::from_static_str("velox.request_id"),
            _ => {}
        }
    }
    let method = method.filter(|method| method != "_OTHER").unwrap_or_else(|| "HTTP".to_owned());
    builder.name = match route {
        Some(route) => format!("{method} {route}").into(),
        None => method.into(),
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn built(method: &'static str) -> SpanBuilder {
        let attributes = [("method", method), ("route", "/v1/orders/{id}"), ("user", "usr_1")];
        let mut builder =
            SpanBuilder::from_name(REQUEST).with_attributes(attributes.map(|(key, value)| KeyValue::new(key, value)));
        become_server_span(&mut builder);
        builder
    }

    #[test]
    fn a_request_is_a_server_span_named_by_method_and_route() {
        let builder = built("GET");
        assert_eq!(builder.name, "GET /v1/orders/{id}");
        assert_eq!(builder.span_kind, Some(SpanKind::Server));
        let keys: Vec<_> = builder.attributes.unwrap().into_iter().map(|each| each.key.to_string()).collect();
        assert_eq!(keys, ["http.request.method", "http.route", "user"]);
    }

    #[test]
    fn a_made_up_method_names_no_span() {
        let builder = built("FROBNICATE");
        assert_eq!(builder.name, "HTTP /v1/orders/{id}");
        assert_eq!(builder.attributes.unwrap()[0].value.as_str(), "_OTHER");
    }
}
