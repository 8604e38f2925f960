//! `GET /v1/stream`: subscriptions as Server-Sent Events (HTML Living Standard §9.2). See `docs/streams.md`.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::rt::spawn;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::unfold;
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use velox_kernel::{AccountId, PageRequest, Symbol, error_code};

use super::event_stream::{EventStream, watch_over};
use super::too_many;
use crate::http::{Caller, ConnectionEnd, Edge, Problem, StrictQuery};
use crate::streams::{Channel, Connection, Resume, StreamDesk, Subscribe};

/// Which channels, of which accounts and symbols.
#[derive(Deserialize, IntoParams, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// Channels, separated by commas: `orders`, `positions`, `alerts`, `market-data`.
    #[param(
        example = "orders,positions",
        max_length = 200,
        pattern = "^(orders|positions|alerts|market-data)(,(orders|positions|alerts|market-data))*$"
    )]
    #[garde(length(max = 200))]
    channels: String,
    /// Accounts, separated by commas; all of the organisation's when left out.
    #[param(max_length = 8_000, pattern = "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}(,acc_[0-7][0-9a-hjkmnp-tv-z]{25})*$")]
    #[garde(length(max = 8_000))]
    accounts: Option<String>,
    /// Symbols of `market-data`, separated by commas.
    #[param(example = "BTC-PERP", max_length = 4_000, pattern = "^[A-Z0-9._/-]{1,24}(,[A-Z0-9._/-]{1,24})*$")]
    #[garde(length(max = 4_000))]
    symbols: Option<String>,
    /// Whether the present state comes first, where `Last-Event-ID` does not say where to go on.
    #[garde(skip)]
    snapshot: Option<bool>,
}

/// Subscribe over Server-Sent Events
///
/// Each event's `id` stands for all subscriptions of the stream: send it back as `Last-Event-ID` to go on without a
/// gap. A comment line is sent when nothing else happens.
#[utoipa::path(
    get,
    path = "/v1/stream",
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "Where to go on.")),
    responses((status = 200, description = "Events.", content_type = "text/event-stream", body = String))
)]
pub(super) async fn handle(
    caller: Caller,
    request: HttpRequest,
    query: StrictQuery<StreamQuery>,
    desk: Data<StreamDesk>,
    edge: Data<Edge>,
) -> Result<HttpResponse, Problem> {
    if !edge.cors.admits(request.headers()) {
        return Err(Problem::of(error_code::ORIGIN_NOT_ALLOWED));
    }
    let Some(end) = ConnectionEnd::of(&request) else {
        return Err(Problem::of(error_code::OVERLOADED).detail("Too many connections are open for another stream."));
    };
    let desk = desk.into_inner();
    let mut resume = last_event_id(&request)?;
    let wishes = wishes(&caller, &query.0, &resume, &desk).await?;
    let (mut connection, frames) = Connection::new(Arc::clone(&desk), Some(caller.0)).ok_or_else(too_many)?;
    for wish in &wishes {
        let start = connection.subscribe(wish).await.map_err(|refused| {
            let code = match refused.code {
                "forbidden" => error_code::FORBIDDEN,
                "not_found" => error_code::NOT_FOUND,
                "store_unavailable" => error_code::STORE_UNAVAILABLE,
                "overloaded" => error_code::OVERLOADED,
                "cursor_ahead" => error_code::INVALID_CURSOR,
                _ => error_code::INVALID_PARAMETER,
            };
            Problem::of(code).detail(refused.detail)
        })?;
        // Noted before anything is sent: whoever has only one event of one channel resumes all of them. Where a snapshot
        // comes first, its message brings the note: until then a client that comes back gets it anew.
        start.into_iter().for_each(|start| resume.note(start));
    }
    let stream = EventStream::new(&connection, frames, resume);
    spawn(watch_over(connection, end));
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        // Whoever is late to leave is cut off: no other request may come on the same connection.
        .force_close()
        .streaming(unfold(stream, EventStream::next)))
}

fn last_event_id(request: &HttpRequest) -> Result<Resume, Problem> {
    let Some(value) = request.headers().get("last-event-id") else { return Ok(Resume::default()) };
    value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
        Problem::of(error_code::INVALID_CURSOR).detail("Last-Event-ID is not one that a stream gave out.")
    })
}

async fn wishes(
    caller: &Caller,
    query: &StreamQuery,
    resume: &Resume,
    desk: &StreamDesk,
) -> Result<Vec<Subscribe>, Problem> {
    let mut channels = BTreeSet::new();
    for name in query.channels.split(',') {
        channels.insert(
            Channel::parse(name.trim())
                .ok_or_else(|| Problem::parameter("channels", format!("has no channel {name:?}")))?,
        );
    }
    let mut wishes = Vec::new();
    if channels.contains(&Channel::MarketData) {
        let mut symbols = Vec::new();
        for symbol in query.symbols.as_deref().unwrap_or_default().split(',') {
            let symbol: Symbol =
                symbol.trim().parse().map_err(|error| Problem::parameter("symbols", format!("{symbol:?} {error}")))?;
            symbols.push(symbol);
        }
        wishes.push(Subscribe {
            channel: Channel::MarketData,
            account: None,
            after: None,
            snapshot: false,
            symbols,
            epoch: None,
            offset: None,
            cursors: resume.market(),
        });
    }
    let private: Vec<Channel> = channels.into_iter().filter(|channel| *channel != Channel::MarketData).collect();
    if !private.is_empty() {
        for account in accounts(caller, query, desk).await? {
            wishes.extend(private.iter().map(|channel| {
                let after = resume.after(*channel, account);
                Subscribe {
                    channel: *channel,
                    account: Some(account),
                    after,
                    snapshot: after.is_none() && query.snapshot.unwrap_or(false),
                    symbols: Vec::new(),
                    epoch: None,
                    offset: None,
                    cursors: Vec::new(),
                }
            }));
        }
    }
    if wishes.len() > desk.settings.subscriptions {
        let most = desk.settings.subscriptions;
        return Err(Problem::parameter("accounts", format!("times channels may be {most} at most")));
    }
    Ok(wishes)
}

async fn accounts(caller: &Caller, query: &StreamQuery, desk: &StreamDesk) -> Result<Vec<AccountId>, Problem> {
    match &query.accounts {
        Some(named) => named
            .split(',')
            .map(|id| id.trim().parse().map_err(|error| Problem::parameter("accounts", format!("{id:?} {error}"))))
            .collect(),
        None => {
            // One more than may be followed: more are refused below, not left out.
            let most = u16::try_from(desk.settings.subscriptions + 1).unwrap_or(u16::MAX).min(PageRequest::LARGEST);
            let request = PageRequest::new(most, None).unwrap_or_else(|_| PageRequest::first());
            let page = desk.trading.queries.accounts(caller.org, &request).await;
            let page = page.map_err(|error| Problem::of(error_code::STORE_UNAVAILABLE).caused_by(error))?;
            Ok(page.items.into_iter().map(|account| account.id).collect())
        }
    }
}
