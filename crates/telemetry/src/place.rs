//! Where a span of `tracing` stands in a trace.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, Value};
use opentelemetry_semantic_conventions::attribute::{ERROR_TYPE, HTTP_RESPONSE_STATUS_CODE};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use velox_kernel::TraceContext;

static ON: AtomicBool = AtomicBool::new(false);

/// Whether spans are exported.
#[must_use]
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

pub(crate) fn set_on() {
    ON.store(true, Ordering::Relaxed);
}

/// Hangs a span that nothing was asked of yet below a place in a trace. Nothing happens while telemetry is off.
pub fn follow(span: &Span, place: TraceContext) {
    if !is_on() {
        return;
    }
    let parent = SpanContext::new(
        TraceId::from(place.trace_id()),
        SpanId::from(place.span_id()),
        TraceFlags::new(place.flags()),
        true,
        TraceState::default(),
    );
    // A span that a filter disabled has no parent either.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

/// A span's place in its trace; from then on its parent is fixed. `None` while telemetry is off.
#[must_use]
pub fn place_of(span: &Span) -> Option<TraceContext> {
    if !is_on() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let place = span.span_context();
    TraceContext::new(
        u128::from_be_bytes(place.trace_id().to_bytes()),
        u64::from_be_bytes(place.span_id().to_bytes()),
        place.trace_flags().to_u8(),
    )
}

/// Gives a span an attribute that logs do not show.
pub fn note(span: &Span, attribute: &'static str, value: impl Into<Value>) {
    if is_on() {
        span.set_attribute(attribute, value);
    }
}

/// Ends a span now: one that was entered before would end where it was left last.
pub fn end(span: Span) {
    span.in_scope(|| ());
}

/// Tells the current span, a server's, what was answered. What the client did wrong is no failure of the server.
pub fn answered(status: u16) {
    if !is_on() {
        return;
    }
    let span = Span::current();
    span.set_attribute(HTTP_RESPONSE_STATUS_CODE, i64::from(status));
    if status >= 500 {
        span.set_attribute(ERROR_TYPE, status.to_string());
        span.set_status(Status::error(""));
    }
}
