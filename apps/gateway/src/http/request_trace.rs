//! The trace that a request belongs to, and what it hands on to the commands that it brings.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest};
use tracing::Span;
use velox_kernel::{Origin, TraceContext};

use super::request_id::RequestIdText;

const HEADER: HeaderName = HeaderName::from_static("traceparent");

/// The place in a trace below which what the request causes hangs: that of its span, or, while telemetry is off, the one
/// that the client sent.
pub(super) fn begin(span: &Span, request: &ServiceRequest) -> Option<TraceContext> {
    let sent = sent(request.headers());
    if !velox_telemetry::is_on() {
        return sent;
    }
    if let Some(sent) = sent {
        velox_telemetry::follow(span, sent);
    }
    {
        let connection = request.connection_info();
        velox_telemetry::note(span, "url.scheme", connection.scheme().to_owned());
        velox_telemetry::note(span, "server.address", host_of(connection.host()).to_owned());
    }
    velox_telemetry::note(span, "url.path", request.path().to_owned());
    velox_telemetry::place_of(span)
}

/// What brought the commands of a request.
#[must_use]
pub fn origin_of(request: &HttpRequest) -> Origin {
    Origin {
        request: RequestIdText::of_request(request).and_then(|id| id.as_str().parse().ok()),
        trace: request.extensions().get().copied(),
    }
}

/// One that is not well formed, or that is given twice, is as none.
fn sent(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(&HEADER);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok()?.parse().ok(),
        _ => None,
    }
}

/// The name or address in a `Host` header, without the port.
fn host_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn one_well_formed_header_counts() {
        const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        assert_eq!(sent(&headers), None);
        headers.append(HEADER, HeaderValue::from_static(SENT));
        assert_eq!(sent(&headers).map(|sent| sent.to_string()).as_deref(), Some(SENT));
        headers.append(HEADER, HeaderValue::from_static(SENT));
        assert_eq!(sent(&headers), None, "given twice");
        headers.insert(HEADER, HeaderValue::from_static("whatever"));
        assert_eq!(sent(&headers), None, "malformed");
    }

    #[test]
    fn a_host_is_without_its_port() {
        for (host, name) in
            [("velox.example:3000", "velox.example"), ("[::1]:3000", "[::1]"), ("[::1]", "[::1]"), ("a", "a")]
        {
            assert_eq!(host_of(host), name);
        }
    }
}
