//! The body of `GET /v1/stream`, and what ends it when nobody reads it.

use std::time::Duration;

use actix_web::web::Bytes;
use tokio::time::{Instant, sleep_until};

use crate::http::ConnectionEnd;
use crate::observe::StreamClient;
use crate::streams::{CloseReason, Connection, Ending, Frame, Frames, Notice, Position, Resume, StreamSettings};

/// Keeps the subscriptions for as long as the client is there and may be.
///
/// A task of its own: the body is not asked for more while the client reads nothing, and then could end nothing.
pub(super) async fn watch_over(connection: Connection, end: ConnectionEnd) {
    let _counted = StreamClient::open("sse");
    let (mut ending, settings) = (connection.ending(), connection.settings());
    let time = tokio::select! {
        reason = ending.reason() => settings.farewell(reason),
        () = connection.gone() => return,
        () = end.client_left() => Duration::ZERO,
    };
    let _place = connection.finish();
    end.within(time).await;
}

/// The body of an event stream.
pub(super) struct EventStream {
    ending: Ending,
    settings: StreamSettings,
    frames: Frames,
    resume: Resume,
    said: Instant,
    over: bool,
}

impl EventStream {
    /// The body that brings a connection's messages, each with where the client stands after it.
    pub(super) fn new(connection: &Connection, frames: Frames, resume: Resume) -> Self {
        let (ending, settings) = (connection.ending(), connection.settings());
        Self { ending, settings, frames, resume, said: Instant::now(), over: false }
    }

    /// The next piece of the body.
    pub(super) async fn next(mut self) -> Option<(Result<Bytes, actix_web::Error>, Self)> {
        if self.over {
            return None;
        }
        let speak_by = self.said + self.settings.heartbeat;
        let text = tokio::select! {
            // First, because the queue ends with the subscriptions, for the reason that is told here.
            biased;
            reason = self.ending.reason() => self.last_word(reason),
            frame = self.frames.next() => match frame {
                Some(Frame { json, position }) => self.event(&json, position),
                None => self.last_word(CloseReason::ShuttingDown),
            },
            () = sleep_until(speak_by) => b": still here\n\n".to_vec(),
        };
        self.said = Instant::now();
        Some((Ok(text.into()), self))
    }

    fn event(&mut self, json: &[u8], position: Option<Position>) -> Vec<u8> {
        let mut text = Vec::with_capacity(json.len() + 128);
        if let Some(position) = position {
            self.resume.note(position);
            text.extend_from_slice(format!("id: {}\n", self.resume).as_bytes());
        }
        text.extend_from_slice(b"data: ");
        text.extend_from_slice(json);
        text.extend_from_slice(b"\n\n");
        text
    }

    fn last_word(&mut self, reason: CloseReason) -> Vec<u8> {
        self.over = true;
        let pause = reason.reconnect_after_ms();
        let mut text = pause.map(|pause| format!("retry: {pause}\n").into_bytes()).unwrap_or_default();
        text.extend(self.event(Notice::closing(reason, pause).to_json().as_bytes(), None));
        text
    }
}
