//! `GET /v1/accounts/{account_id}/events`: the log of an account.

use actix_web::HttpResponse;
use actix_web::web::Data;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use velox_kernel::{AccountId, PageRequest};
use velox_trading::{Trading, list_account_events};

use super::problems::unreadable;
use crate::http::{Caller, PathId, Problem, StrictQuery, note_account};
use crate::views::EventView;

/// Which events.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// After the event of this number; from the first when not given.
    #[param(minimum = 0, maximum = 9223372036854775807_i64, default = 0, example = 0)]
    after: Option<u64>,
    /// The most events on the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u16>,
}

/// A page of an account's events.
#[derive(Serialize, ToSchema)]
struct EventPage {
    /// The events, in order, without a gap.
    items: Vec<EventView>,
    /// What to send as `after` for the next page: the number of the last event; `null` on the last page.
    #[schema(example = json!(null))]
    next: Option<u64>,
}

/// Lists an account's events
///
/// The log in its order. `after` is an event's number, so that a reader who has come to the end goes on from the last
/// event seen. Each event's `prev_hash` is the `hash` of the one before.
#[utoipa::path(get, path = "/v1/accounts/{account_id}/events", params(
        ("account_id" = String, Path, description = "The account.", example = "acc_01h455vb4pex5vsknk084sn02q",
            pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$"), EventsQuery),
    responses((status = 200, description = "A page of events.", body = EventPage)))]
pub(super) async fn handle(
    caller: Caller,
    trading: Data<Trading>,
    PathId(id): PathId<AccountId>,
    StrictQuery(query): StrictQuery<EventsQuery>,
) -> Result<HttpResponse, Problem> {
    note_account(id);
    let limit = PageRequest::new(query.limit.unwrap_or(PageRequest::USUAL), None)
        .map_err(|error| Problem::parameter("limit", error))?
        .limit();
    let after = query.after.unwrap_or(0);
    // Stores count in signed numbers.
    i64::try_from(after).map_err(|_| Problem::parameter("after", "is no event's number"))?;
    let mut events = list_account_events(&caller, &trading, id, after, u32::from(limit) + 1).await?;
    let more = events.len() > usize::from(limit);
    events.truncate(limit.into());
    let next = events.last().filter(|_| more).map(|event| event.seq);
    let items: Result<Vec<EventView>, _> = events.iter().map(EventView::try_from).collect();
    Ok(HttpResponse::Ok().json(EventPage { items: items.map_err(unreadable)?, next }))
}
