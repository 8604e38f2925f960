//! `DELETE /v1/brokers/{connection_id}`: a connection and its credentials go.

use actix_web::HttpResponse;
use actix_web::web::Data;
use velox_brokers::{Brokers, delete_connection};
use velox_kernel::ConnectionId;

use crate::http::{Caller, PathId, Problem, run_to_end};

/// Deletes a broker connection
///
/// Its account takes no orders any more; its history stays. While it has open orders or a position this is a 409
/// `connection_in_use`.
#[utoipa::path(delete, path = "/v1/brokers/{connection_id}",
    params(("connection_id" = String, Path, description = "The connection.", example = "brk_01h455vb4pex5vsknk084sn02q")),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn handle(
    caller: Caller,
    brokers: Data<Brokers>,
    PathId(id): PathId<ConnectionId>,
) -> Result<HttpResponse, Problem> {
    run_to_end(async move { delete_connection(&brokers, &caller, id).await }).await??;
    Ok(HttpResponse::NoContent().finish())
}
