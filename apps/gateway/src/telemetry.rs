//! Telemetry as it is configured.

use std::time::Duration;

use velox_crypto::SystemIds;
use velox_kernel::Ids;
use velox_telemetry::{Settings, StartError, Telemetry};

use crate::config::TelemetryConfig;
use crate::http::{SECONDS_BUCKETS, recorder_beside};

/// How long the end of the process may take for what still waits for the collector.
pub const FLUSH: Duration = Duration::from_secs(2);

/// Begins to send, when a collector is named. Call it before anything is counted.
///
/// # Errors
/// [`StartError`] for an address that is none.
pub fn start(config: &TelemetryConfig) -> Result<Option<Telemetry>, StartError> {
    let TelemetryConfig { otlp_endpoint, otlp_headers, service_name, sample_ratio, timeout_ms, metrics_every_ms } =
        config;
    let Some(endpoint) = otlp_endpoint else { return Ok(None) };
    let telemetry = Telemetry::start(Settings {
        endpoint: endpoint.as_str().to_owned(),
        headers: otlp_headers.as_slice().to_vec(),
        // A decimal from 0 to 1 is a float's text, too.
        sample_ratio: sample_ratio.to_string().parse().unwrap_or(1.0),
        service: service_name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        instance: SystemIds.next().to_string(),
        timeout: Duration::from_millis(*timeout_ms),
        figures_every: Duration::from_millis(*metrics_every_ms),
        seconds: &SECONDS_BUCKETS,
    })?;
    let _ = recorder_beside(Some(telemetry.recorder()));
    Ok(Some(telemetry))
}
