//! `POST /v1/accounts/{account_id}/halt`: stops trading.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use velox_kernel::AccountId;
use velox_trading::{AccountChange, HaltMode, Trading};

use super::account_change::change;
use super::asked::Asked;
use crate::http::{Caller, PathId, Problem, StrictJson};
use crate::views::AccountDetailView;

/// How far to halt.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HaltBody {
    /// How far.
    #[garde(skip)]
    mode: HaltTo,
    /// Why, in the actor's words; it stands in the log.
    #[garde(length(chars, min = 1, max = 200))]
    #[schema(example = "lunch", min_length = 1, max_length = 200, pattern = r"^[^\x00]*$")]
    reason: String,
    /// Whether open orders are cancelled too.
    #[garde(skip)]
    #[serde(default)]
    #[schema(example = false)]
    cancel_open: bool,
}

/// How far an account can be asked to halt.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HaltTo {
    /// Only orders that make a position smaller.
    ReduceOnly,
    /// No orders.
    Halted,
}

impl From<HaltTo> for HaltMode {
    fn from(mode: HaltTo) -> Self {
        match mode {
            HaltTo::ReduceOnly => Self::ReduceOnly,
            HaltTo::Halted => Self::Halted,
        }
    }
}

/// Halts an account
///
/// It takes no orders, or only those that make a position smaller, until it is resumed. Orders that no broker has seen
/// are not sent any more. Halting it again in the same way changes nothing.
#[utoipa::path(post, path = "/v1/accounts/{account_id}/halt", request_body = HaltBody,
    params(("account_id" = String, Path, description = "The account.", example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$")),
    responses((status = 200, description = "The account.", body = AccountDetailView)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    asked: Asked,
    PathId(id): PathId<AccountId>,
    StrictJson(body): StrictJson<HaltBody>,
) -> Result<HttpResponse, Problem> {
    let HaltBody { mode, reason, cancel_open } = body;
    change(&caller, &trading, id, AccountChange::Halt { mode: mode.into(), reason, cancel_open }, asked).await
}
