//! Requests in numbers, for Prometheus.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram, Recorder, counter, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::layers::FanoutBuilder;

const REQUESTS: &str = "velox_http_requests_total";
const SECONDS: &str = "velox_http_request_seconds";
/// Upper bounds of the buckets of histograms in seconds: few, so that a scrape stays small.
pub const SECONDS_BUCKETS: [f64; 9] = [0.000_25, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];

/// The process's recorder, installed on first use: `metrics::counter!` and its kin write to it from anywhere.
#[must_use]
pub fn recorder() -> PrometheusHandle {
    recorder_beside(None::<metrics::NoopRecorder>)
}

/// [`recorder`], and another one that counts the same; only on first use.
#[must_use]
pub fn recorder_beside(other: Option<impl Recorder + Send + Sync + 'static>) -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let builder = match builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
            {
                Ok(builder) => builder,
                // Only an empty list is refused.
                Err(_) => PrometheusBuilder::new(),
            };
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            // Somebody else's recorder stays; then `/metrics` shows this one, without their figures.
            let _ = match other {
                None => metrics::set_global_recorder(recorder).map_err(drop),
                Some(other) => {
                    let both = FanoutBuilder::default().add_recorder(recorder).add_recorder(other).build();
                    metrics::set_global_recorder(both).map_err(drop)
                }
            };
            metrics::describe_counter!(REQUESTS, "Requests by route, method and class of status.");
            metrics::describe_histogram!(
                SECONDS,
                metrics::Unit::Seconds,
                "Time from a request's head to its answer's."
            );
            handle
        })
        .clone()
}

/// The figures of one row. Each is registered when it is first counted, so that a scrape lists what happened only.
pub(super) struct RowMetrics {
    pattern: &'static str,
    method: &'static str,
    classes: [OnceLock<Counter>; 5],
    seconds: OnceLock<Histogram>,
}

impl RowMetrics {
    /// The figures of a route and method; `pattern` is the path with its placeholders, never the path itself.
    pub(super) const fn new(pattern: &'static str, method: &'static str) -> Self {
        Self { pattern, method, classes: [const { OnceLock::new() }; 5], seconds: OnceLock::new() }
    }

    pub(super) fn count(&self, status: u16, took: Duration) {
        const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        let (route, method) = (self.pattern, self.method);
        self.classes[class]
            .get_or_init(|| counter!(REQUESTS, "route" => route, "method" => method, "status" => CLASSES[class]))
            .increment(1);
        self.seconds.get_or_init(|| histogram!(SECONDS, "route" => route, "method" => method)).record(took);
    }
}
