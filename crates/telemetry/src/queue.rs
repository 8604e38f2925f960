//! The spans that wait for the collector: bounded, and counted when there is no room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

/// Spans that may wait or be under way.
pub(crate) const MOST_WAITING: usize = 8_192;
/// Spans sent at once.
const BATCH: usize = 512;
/// The longest that a span waits for others to go with.
const DELAY: Duration = Duration::from_secs(1);

/// Spans that wait or are under way.
type Waiting = Arc<AtomicUsize>;

fn count_dropped(spans: usize) {
    let spans = u64::try_from(spans).unwrap_or(u64::MAX);
    metrics::counter!("velox_telemetry_spans_dropped_total").increment(spans);
}

/// Takes ended spans, and drops those for which there is no room. The processor behind it has a bound too, and does not
/// say what it dropped.
#[derive(Debug)]
pub(crate) struct Queue {
    next: BatchSpanProcessor,
    waiting: Waiting,
}

impl Queue {
    /// A queue before an exporter, which works on a thread of its own.
    pub(crate) fn new(exporter: impl SpanExporter + 'static) -> Self {
        let waiting = Waiting::default();
        let settings = BatchConfigBuilder::default()
            .with_max_queue_size(MOST_WAITING)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY);
        let exporter = Counted { exporter, waiting: Arc::clone(&waiting) };
        Self { next: BatchSpanProcessor::builder(exporter).with_batch_config(settings.build()).build(), waiting }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            count_dropped(1);
        } else {
            self.next.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

/// An exporter that counts what it could not bring to the collector.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    waiting: Waiting,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        if exported.is_err() {
            count_dropped(spans);
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::global;
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::OtlpRecorder;

    /// A collector that never answers.
    #[derive(Debug)]
    struct Hanging;

    impl SpanExporter for Hanging {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            std::future::pending().await
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits() {
        let recorder = OtlpRecorder::new(global::meter("test"), &[]);
        let provider = SdkTracerProvider::builder().with_span_processor(Queue::new(Hanging)).build();
        let tracer = provider.tracer("test");
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..MOST_WAITING + 7 {
                tracer.start("span").end();
            }
        });
        assert_eq!(recorder.counted("velox_telemetry_spans_dropped_total"), Some(7));
        // Its thread hangs; it ends with the test.
        std::mem::forget((tracer, provider));
    }
}
