//! What a span costs that only traces need: while telemetry is off, and while it is on.
//!
//! `cargo run --release -p velox-telemetry --example span_cost`

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::float_arithmetic,
    reason = "a measurement"
)]

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tracing::{Instrument, Span, field};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, Registry};
use velox_telemetry::{Settings, Telemetry};

const TURNS: u32 = 400_000;

/// Work that is done at once.
fn run<F: Future>(work: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(work).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("it is done at once"),
    }
}

async fn work(number: u32) -> u32 {
    black_box(number)
}

/// The span of a call to the store, as the stores make it.
fn span() -> Span {
    tracing::trace_span!(
        target: "velox_sqlite",
        "trading.append",
        otel.kind = "client",
        otel.status_code = field::Empty,
        db.system.name = "sqlite",
        db.operation.name = "append",
        "error.type" = field::Empty,
    )
}

/// Nanoseconds a turn, the best of five rounds.
fn measure(what: &str, mut turn: impl FnMut(u32)) {
    let round = |turn: &mut dyn FnMut(u32)| {
        let began = Instant::now();
        (0..TURNS).for_each(|number| turn(black_box(number)));
        began.elapsed().as_nanos() as f64 / f64::from(TURNS)
    };
    let best = (0..5).map(|_| round(&mut turn)).fold(f64::INFINITY, f64::min);
    println!("{what:48} {best:8.1} ns");
}

fn measure_all(state: &str) {
    let request =
        || tracing::info_span!(target: "velox::http::frame", "request", method = "POST", route = "/v1/orders");
    request().in_scope(|| {
        measure(&format!("{state}: a future"), |number| {
            black_box(run(work(number)));
        });
        measure(&format!("{state}: a future within a span of traces"), |number| {
            black_box(run(work(number).instrument(span())));
        });
        measure(&format!("{state}: a job's span, made and ended"), |_| velox_telemetry::end(black_box(span())));
        measure(&format!("{state}: what was answered"), |_| velox_telemetry::answered(black_box(200)));
    });
}

fn main() {
    let filter = || EnvFilter::try_new("info,actix_server=warn").unwrap();
    let lines = || tracing_subscriber::fmt::layer().with_writer(std::io::sink).json();
    let off = Registry::default().with(lines()).with(filter());
    tracing::subscriber::with_default(off, || measure_all("off"));

    // Nobody listens there: what is measured is what the one who asks pays, and a full queue drops.
    let telemetry = Telemetry::start(Settings {
        endpoint: "http://127.0.0.1:9".to_owned(),
        headers: Vec::new(),
        sample_ratio: 1.0,
        service: "velox".to_owned(),
        version: "0",
        instance: "measured".to_owned(),
        timeout: Duration::from_millis(100),
        figures_every: Duration::from_secs(3600),
        seconds: &[],
    });
    let telemetry = telemetry.unwrap();
    let on = Registry::default().with(lines().with_filter(filter())).with(telemetry.layer());
    tracing::subscriber::with_default(on, || measure_all("on"));
}
