//! [`OtlpRecorder`]: what the program counts through the `metrics` facade, as OpenTelemetry's instruments.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use parking_lot::RwLock;

/// Counts for the collector. Counters and gauges are numbers in memory that are read when figures are sent; nobody who
/// counts waits for that.
pub struct OtlpRecorder {
    meter: Meter,
    /// Upper bounds of the buckets of what ends in `_seconds`.
    seconds: &'static [f64],
    described: RwLock<HashMap<KeyName, (Option<Unit>, SharedString)>>,
    counters: RwLock<HashMap<KeyName, Family>>,
    gauges: RwLock<HashMap<KeyName, Family>>,
}

/// The numbers of one name, by their labels: counts, or the bits of an `f64`.
type Family = Arc<RwLock<HashMap<Key, (Vec<KeyValue>, Arc<AtomicU64>)>>>;

impl OtlpRecorder {
    pub(crate) fn new(meter: Meter, seconds: &'static [f64]) -> Self {
        Self { meter, seconds, described: RwLock::default(), counters: RwLock::default(), gauges: RwLock::default() }
    }

    /// What was said of a name: its unit and its description.
    fn about(&self, key: &Key) -> (&'static str, String) {
        match self.described.read().get(key.name()) {
            Some((unit, text)) => (unit.map_or("", |unit| unit.as_canonical_label()), text.to_string()),
            None => ("", String::new()),
        }
    }

    /// A counter without labels.
    #[cfg(test)]
    pub(crate) fn counted(&self, name: &str) -> Option<u64> {
        let family = self.counters.read().get(name).cloned()?;
        family.read().values().next().map(|(_, number)| number.load(Ordering::Relaxed))
    }

    fn describe(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.described.write().insert(name, (unit, text));
    }
}

fn labels(key: &Key) -> Vec<KeyValue> {
    key.labels().map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned())).collect()
}

/// The number of a key. `begin` makes the instrument that reads the family, once a name.
fn number(families: &RwLock<HashMap<KeyName, Family>>, key: &Key, begin: impl FnOnce(Family)) -> Arc<AtomicU64> {
    let family = {
        let mut families = families.write();
        match families.get(key.name()) {
            Some(family) => Arc::clone(family),
            None => {
                let family = Family::default();
                families.insert(key.name().to_owned().into(), Arc::clone(&family));
                begin(Arc::clone(&family));
                family
            }
        }
    };
    let mut series = family.write();
    let (_, number) = series.entry(key.clone()).or_insert_with(|| (labels(key), Arc::default()));
    Arc::clone(number)
}

impl Recorder for OtlpRecorder {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(name, unit, text);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(name, unit, text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(name, unit, text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(number(&self.counters, key, |family| {
            let (unit, text) = self.about(key);
            let instrument = self.meter.u64_observable_counter(key.name().to_owned());
            instrument
                .with_unit(unit)
                .with_description(text)
                .with_callback(move |observer| {
                    for (labels, number) in family.read().values() {
                        observer.observe(number.load(Ordering::Relaxed), labels);
                    }
                })
                .build();
        }))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(number(&self.gauges, key, |family| {
            let (unit, text) = self.about(key);
            let instrument = self.meter.f64_observable_gauge(key.name().to_owned());
            instrument
                .with_unit(unit)
                .with_description(text)
                .with_callback(move |observer| {
                    for (labels, number) in family.read().values() {
                        observer.observe(f64::from_bits(number.load(Ordering::Relaxed)), labels);
                    }
                })
                .build();
        }))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let (unit, text) = self.about(key);
        let mut instrument = self.meter.f64_histogram(key.name().to_owned()).with_unit(unit).with_description(text);
        if key.name().ends_with("_seconds") {
            instrument = instrument.with_boundaries(self.seconds.to_vec());
        }
        Histogram::from_arc(Arc::new(Values { instrument: instrument.build(), labels: labels(key) }))
    }
}

/// The values of one histogram's key.
struct Values {
    instrument: opentelemetry::metrics::Histogram<f64>,
    labels: Vec<KeyValue>,
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.instrument.record(value, &self.labels);
    }
}
