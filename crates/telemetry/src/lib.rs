//! Spans and figures for an OpenTelemetry collector, by OTLP over HTTP.
//!
//! Off until [`Telemetry::start`]. Then spans of `tracing` whose target begins with `velox` are exported, down to
//! [`tracing::Level::TRACE`]: a level that logs leave alone, so that a span which only traces need costs nothing while
//! there are none. A collector that is away makes nobody wait: what does not fit into a bounded queue is dropped and
//! counted.

mod collector;
mod layer;
mod place;
mod queue;
mod recorder;
mod request_tracer;
mod sampler;
mod telemetry;

pub use place::{answered, end, follow, is_on, note, place_of};
pub use recorder::OtlpRecorder;
pub use telemetry::{Settings, StartError, Telemetry};
