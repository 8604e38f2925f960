//! [`Collector`]: an OpenTelemetry collector as small as it can be, which keeps what it is sent by OTLP over HTTP.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use prost::Message;

/// A server's span.
pub(crate) const SERVER: i32 = 2;
/// A caller's span.
pub(crate) const CLIENT: i32 = 3;
/// The span of one who takes a message.
pub(crate) const CONSUMER: i32 = 5;

/// Texts by their names.
type Attributes = BTreeMap<String, String>;

/// A span that came.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) attributes: Attributes,
    /// Of the process that it came from.
    pub(crate) resource: Attributes,
    /// In nanoseconds.
    pub(crate) took: u64,
}

/// What came.
#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    /// The newest figure by name and labels; of a histogram its count.
    figures: HashMap<(String, Attributes), f64>,
    headers: Vec<String>,
}

/// A collector on a port of its own.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

impl Collector {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// One at an address.
    pub(crate) fn start_on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Arc::<Mutex<Kept>>::default();
        let keeps = Arc::clone(&kept);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let keeps = Arc::clone(&keeps);
                std::thread::spawn(move || take_all(stream, &keeps));
            }
        });
        Self { address, kept }
    }

    /// All spans that came.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.kept.lock().unwrap().spans.clone()
    }

    /// The spans of a trace with a name.
    pub(crate) fn named(&self, trace: &str, name: &str) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.trace == trace && span.name == name).collect()
    }

    /// The newest figure under a name with these labels.
    pub(crate) fn figure(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.kept.lock().unwrap().figures.get(&(name.to_owned(), labels)).copied()
    }

    /// Whether a request came with this header.
    pub(crate) fn was_told(&self, header: &str) -> bool {
        self.kept.lock().unwrap().headers.iter().any(|line| line.eq_ignore_ascii_case(header))
    }
}

/// Takes requests until the connection ends.
fn take_all(stream: TcpStream, kept: &Mutex<Kept>) -> Option<()> {
    let mut connection = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if connection.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let length = lines
            .iter()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let mut body = vec![0; length?];
        connection.read_exact(&mut body).ok()?;
        let mut kept = kept.lock().unwrap();
        match lines[0].split(' ').nth(1)? {
            "/v1/traces" => kept.spans.extend(spans(ExportTraceServiceRequest::decode(&body[..]).unwrap())),
            "/v1/metrics" => kept.figures.extend(figures(ExportMetricsServiceRequest::decode(&body[..]).unwrap())),
            path => panic!("nothing of ours is sent to {path}"),
        }
        kept.headers.extend(lines);
        drop(kept);
        connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}

fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for from in request.resource_spans {
        let resource = texts(from.resource.unwrap_or_default().attributes);
        for span in from.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                name: span.name,
                kind: span.kind,
                attributes: texts(span.attributes),
                resource: resource.clone(),
                took: span.end_time_unix_nano.checked_sub(span.start_time_unix_nano).unwrap(),
            });
        }
    }
    spans
}

fn figures(request: ExportMetricsServiceRequest) -> Vec<((String, Attributes), f64)> {
    let metrics =
        request.resource_metrics.into_iter().flat_map(|from| from.scope_metrics).flat_map(|scope| scope.metrics);
    let number = |value: Option<Number>| match value {
        Some(Number::AsDouble(number)) => number,
        Some(Number::AsInt(number)) => f64::from(i32::try_from(number).unwrap()),
        None => f64::NAN,
    };
    let mut figures = Vec::new();
    for metric in metrics {
        let name = metric.name;
        let points: Vec<_> = match metric.data.unwrap() {
            Data::Gauge(gauge) => gauge.data_points.into_iter().map(|at| (at.attributes, number(at.value))).collect(),
            Data::Sum(sum) => sum.data_points.into_iter().map(|at| (at.attributes, number(at.value))).collect(),
            Data::Histogram(histogram) => {
                let count = |count: u64| f64::from(u32::try_from(count).unwrap());
                histogram.data_points.into_iter().map(|at| (at.attributes, count(at.count))).collect()
            }
            other => panic!("nothing of ours is counted so: {other:?}"),
        };
        figures.extend(points.into_iter().map(|(labels, figure)| ((name.clone(), texts(labels)), figure)));
    }
    figures
}

fn texts(attributes: Vec<KeyValue>) -> Attributes {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    };
    attributes.into_iter().map(|each| (each.key, text(each.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
