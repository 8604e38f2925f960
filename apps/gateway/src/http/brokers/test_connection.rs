//! `POST /v1/brokers/{connection_id}/test`: would it trade now?

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;
use velox_brokers::{Brokers, ProbeCheck, ProbeReport, test_connection};
use velox_kernel::ConnectionId;

use crate::http::{Caller, PathId, Problem};

/// What a test of a connection found.
#[derive(Serialize, ToSchema)]
#[schema(as = BrokerConnectionTest)]
struct TestView {
    /// Whether every check passed.
    #[schema(example = true)]
    passed: bool,
    /// How long the broker took to answer, in milliseconds.
    #[schema(example = 3)]
    latency_ms: u64,
    /// What was checked, in order.
    checks: Vec<CheckView>,
}

/// One check.
#[derive(Serialize, ToSchema)]
#[schema(as = BrokerConnectionCheck)]
struct CheckView {
    /// Its name.
    #[schema(example = "market_data")]
    name: &'static str,
    /// Whether it passed.
    #[schema(example = true)]
    passed: bool,
    /// What was found, for people.
    #[schema(example = "3 of 3 symbols have a fresh price")]
    detail: String,
}

impl From<ProbeReport> for TestView {
    fn from(report: ProbeReport) -> Self {
        let check = |ProbeCheck { name, passed, detail }| CheckView { name, passed, detail };
        Self {
            passed: report.is_ok(),
            latency_ms: u64::try_from(report.latency.as_millis()).unwrap_or(u64::MAX),
            checks: report.checks.into_iter().map(check).collect(),
        }
    }
}

/// Tests a broker connection
///
/// With the kept credentials. A check that fails is an answer, not an error.
#[utoipa::path(post, path = "/v1/brokers/{connection_id}/test",
    params(("connection_id" = String, Path, description = "The connection.", example = "brk_01h455vb4pex5vsknk084sn02q")),
    responses((status = 200, description = "What was found.", body = TestView)))]
pub(super) async fn handle(
    caller: Caller,
    brokers: Data<Brokers>,
    PathId(id): PathId<ConnectionId>,
) -> Result<HttpResponse, Problem> {
    let report = test_connection(&brokers, &caller, id).await?;
    Ok(HttpResponse::Ok().json(TestView::from(report)))
}
