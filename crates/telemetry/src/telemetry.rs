//! [`Telemetry`]: started once, ended with the process.

use std::collections::HashMap;
use std::sync::mpsc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use opentelemetry_semantic_conventions::attribute::{SERVICE_INSTANCE_ID, SERVICE_VERSION};
use secrecy::{ExposeSecret, SecretString};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::collector::Collector;
use crate::place::set_on;
use crate::queue::Queue;
use crate::recorder::OtlpRecorder;
use crate::sampler::Requests;

/// The instrumentation's name.
const SCOPE: &str = "velox";

/// Where telemetry goes, and how much of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The collector's address without the path of a signal, such as `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Headers of every request to it.
    pub headers: Vec<(String, SecretString)>,
    /// The share of requests without a trace of their own that begin one, from 0 to 1.
    pub sample_ratio: f64,
    /// The service's name.
    pub service: String,
    /// Its version.
    pub version: &'static str,
    /// What tells this process from others of the service.
    pub instance: String,
    /// How long the collector may take to answer.
    pub timeout: Duration,
    /// How often figures are sent.
    pub figures_every: Duration,
    /// Upper bounds of the buckets of histograms whose name ends in `_seconds`.
    pub seconds: &'static [f64],
}

/// Telemetry cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("telemetry: {0}")]
pub struct StartError(#[from] opentelemetry_otlp::ExporterBuildError);

/// What sends spans and figures. It has threads of its own, which wait for the collector so that nobody else does.
#[derive(Debug)]
pub struct Telemetry {
    spans: SdkTracerProvider,
    figures: SdkMeterProvider,
    seconds: &'static [f64],
}

impl Telemetry {
    /// Begins to send. Nothing is asked of the collector yet.
    ///
    /// # Errors
    /// [`StartError`] for an address that is none.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let Settings { endpoint, headers, sample_ratio, service, version, instance, timeout, figures_every, seconds } =
            settings;
        let endpoint = endpoint.trim_end_matches('/');
        let headers: HashMap<String, String> =
            headers.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect();
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attributes([KeyValue::new(SERVICE_VERSION, version), KeyValue::new(SERVICE_INSTANCE_ID, instance)])
            .build();
        let spans = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new("spans", timeout))
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_headers(headers.clone())
            .with_timeout(timeout)
            .build()?;
        let figures = MetricExporter::builder()
            .with_http()
            .with_http_client(Collector::new("figures", timeout))
            .with_endpoint(format!("{endpoint}/v1/metrics"))
            .with_headers(headers)
            .with_timeout(timeout)
            .build()?;
        let root = Requests(Sampler::TraceIdRatioBased(sample_ratio));
        let spans = SdkTracerProvider::builder()
            .with_span_processor(Queue::new(spans))
            .with_sampler(Sampler::ParentBased(Box::new(root)))
            .with_resource(resource.clone())
            .build();
        let reader = PeriodicReader::builder(figures).with_interval(figures_every).build();
        let figures = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();
        set_on();
        Ok(Self { spans, figures, seconds })
    }

    /// The layer that makes spans, with its filter.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        crate::layer::layer(self.spans.tracer(SCOPE))
    }

    /// The recorder that counts for the collector.
    #[must_use]
    pub fn recorder(&self) -> OtlpRecorder {
        OtlpRecorder::new(self.figures.meter(SCOPE), self.seconds)
    }

    /// Sends what waits, within a bound; what a collector has not taken by then is lost.
    pub fn end(self, within: Duration) {
        let (done, ended) = mpsc::channel();
        let (spans, figures) = (self.spans, self.figures);
        let flush = move || {
            let _ = spans.shutdown_with_timeout(within);
            let _ = figures.shutdown_with_timeout(within);
            let _ = done.send(());
        };
        // A thread that outlives the bound ends with the process.
        if std::thread::Builder::new().name("velox-telemetry".to_owned()).spawn(flush).is_ok() {
            let _ = ended.recv_timeout(within);
        }
    }
}
