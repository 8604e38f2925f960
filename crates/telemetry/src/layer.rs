//! The layer of `tracing` that makes OpenTelemetry's spans.

use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::registry::LookupSpan;

use crate::request_tracer::RequestTracer;

/// The layer with a filter of its own: the log's level and this one's are independent.
pub(crate) fn layer<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(RequestTracer(tracer))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        .with_filter(FilterFn::new(is_exported).with_max_level_hint(LevelFilter::TRACE))
}

/// Every span of ours, and of what logs say within one what somebody should know.
fn is_exported(what: &Metadata<'_>) -> bool {
    what.target().starts_with("velox") && (what.is_span() || *what.level() <= Level::WARN)
}
