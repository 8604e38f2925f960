//! The routes of the streams: WebSocket and Server-Sent Events.

mod event_stream;
mod message_limit;
mod open_event_stream;
mod open_websocket;

use velox_kernel::error_code;

use super::Problem;
use super::table::{Access, Row};
use crate::row;

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Row> {
    vec![
        // Public here: a browser cannot send headers with an upgrade, so the first message may bring the token.
        row!(GET "/v1/ws", Access::Public, open_websocket).long_lived(),
        row!(GET "/v1/stream", Access::Authenticated, open_event_stream).long_lived(),
    ]
}

/// The refusal of one stream more than a user may have open.
fn too_many() -> Problem {
    Problem::of(error_code::TOO_MANY_STREAMS).detail("Close another stream first (streams.per_user says how many).")
}
