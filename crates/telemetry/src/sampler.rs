//! [`Requests`]: which traces begin here.

use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// What is asked all day long by machines, and says nothing.
const PROBES: [&str; 3] = ["GET /livez", "GET /metrics", "GET /readyz"];

/// A trace begins with a request, at a ratio; a probe, and what runs on its own (a look into the store, the feed), begins
/// none. It is asked about spans without a parent: the others do as their parent does.
#[derive(Clone, Debug)]
pub(crate) struct Requests(pub(crate) Sampler);

impl ShouldSample for Requests {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        if *kind == SpanKind::Server && !PROBES.contains(&name) {
            return self.0.should_sample(parent, trace_id, name, kind, attributes, links);
        }
        SamplingResult { decision: SamplingDecision::Drop, attributes: Vec::new(), trace_state: TraceState::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_begins_a_trace_and_nothing_else_does() {
        let decide = |ratio, name, kind| {
            let requests = Requests(Sampler::TraceIdRatioBased(ratio));
            requests.should_sample(None, TraceId::from(1_u128), name, &kind, &[], &[]).decision
        };
        assert_eq!(decide(1.0, "GET /v1/orders", SpanKind::Server), SamplingDecision::RecordAndSample);
        assert_eq!(decide(0.0, "GET /v1/orders", SpanKind::Server), SamplingDecision::Drop);
        assert_eq!(decide(1.0, "GET /readyz", SpanKind::Server), SamplingDecision::Drop);
        assert_eq!(decide(1.0, "trading.orders_in", SpanKind::Client), SamplingDecision::Drop);
        assert_eq!(decide(1.0, "account.write", SpanKind::Internal), SamplingDecision::Drop);
    }
}
