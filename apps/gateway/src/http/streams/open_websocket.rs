//! `GET /v1/ws`: subscriptions over a WebSocket (RFC 6455). The protocol is in `docs/streams.md`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{CloseCode, Message, MessageStream, Session};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until, timeout};
use velox_kernel::error_code;

use super::message_limit::MessageLimit;
use super::too_many;
use crate::http::{ConnectionEnd, Counted, Edge, Problem};
use crate::streams::{
    ClientMessage, CloseReason, Connection, Ending, Frames, Notice, StreamDesk, StreamError, StreamSettings,
};

/// The largest message of a client, in bytes.
const LARGEST: usize = 64 * 1024;
/// Messages sent between two looks at what the client says.
const AT_ONCE: u32 = 32;
/// Silences of a client, in heartbeats, before it is taken for gone.
const SILENCES: u32 = 3;

/// Subscribe over a WebSocket
///
/// The token comes in the `Authorization` header or in the first message, never in the URL.
#[utoipa::path(
    get,
    path = "/v1/ws",
    responses((status = 101, description = "The protocol of docs/streams.md."))
)]
pub(super) async fn handle(
    request: HttpRequest,
    body: Payload,
    desk: Data<StreamDesk>,
    edge: Data<Edge>,
) -> Result<HttpResponse, Problem> {
    if !edge.cors.admits(request.headers()) {
        return Err(Problem::of(error_code::ORIGIN_NOT_ALLOWED));
    }
    if desk.shutdown.has_begun() {
        return Err(Problem::of(error_code::SHUTTING_DOWN));
    }
    let Some(end) = ConnectionEnd::of(&request) else {
        return Err(Problem::of(error_code::OVERLOADED).detail("Too many connections are open for another stream."));
    };
    let actor = match request.headers().get("authorization") {
        Some(_) => {
            let token = crate::http::bearer(request.headers())?;
            Some(edge.authenticator.authenticate(token).await?)
        }
        None => None,
    };
    let (connection, frames) = Connection::new(desk.into_inner(), actor).ok_or_else(too_many)?;
    let sender = Counted::sender(&request, &edge.proxies);
    let limit = MessageLimit::new(edge.into_inner(), sender);
    let (response, session, stream) = actix_ws::handle(&request, body).map_err(|error| {
        Problem::of(error_code::INVALID_PARAMETER).detail(format!("Not a WebSocket handshake: {error}."))
    })?;
    actix_web::rt::spawn(async move {
        let _counted = crate::observe::StreamClient::open("websocket");
        Socket { session, settings: connection.settings(), ending: connection.ending(), limit }
            .run(connection, frames, stream, end)
            .await;
    });
    Ok(response)
}

struct Socket {
    session: Session,
    settings: StreamSettings,
    ending: Ending,
    limit: MessageLimit,
}

impl Socket {
    async fn run(mut self, mut connection: Connection, frames: Frames, stream: MessageStream, end: ConnectionEnd) {
        let outcome = self.converse(&mut connection, frames, stream.max_frame_size(LARGEST)).await;
        let _place = connection.finish();
        let settings = self.settings;
        let farewell = async move {
            // A client that takes its leave was answered.
            let Err(reason) = outcome else { return drop(self.session) };
            let words = Notice::closing(reason, reason.reconnect_after_ms()).to_json();
            let _ = self.session.text(words).await;
            let code = CloseCode::Other(reason.code());
            // It ends the session, and with it the answer's body, once that is written.
            let _ = self.session.close(Some((code, reason.as_str()).into())).await;
        };
        let time = outcome.err().map_or(settings.patience, |reason| settings.farewell(reason));
        // A client that reads nothing must not stay: what cannot be said in time is left unsaid.
        let cut = end.within(time);
        tokio::pin!(cut);
        tokio::select! {
            () = &mut cut => {}
            () = farewell => cut.await,
        }
    }

    /// Talks until the client goes (`Ok`) or has to go.
    async fn converse(
        &mut self,
        connection: &mut Connection,
        mut frames: Frames,
        mut stream: MessageStream,
    ) -> Result<(), CloseReason> {
        let signed_in = connection.is_signed_in();
        let heartbeat_ms = u64::try_from(self.settings.heartbeat.as_millis()).unwrap_or(u64::MAX);
        self.send(Notice::Welcome { heartbeat_ms, authenticated: signed_in }.to_json()).await?;
        let opened = Instant::now();
        let (mut said, mut heard, mut pinged) = (opened, opened, opened);
        loop {
            let heartbeat = self.settings.heartbeat;
            // A client that only listens is asked for a sign of life, however much it is told.
            let ping_at = pinged.max(heard) + heartbeat;
            let hear_by =
                if connection.is_signed_in() { heard + heartbeat * SILENCES } else { opened + self.settings.sign_in };
            tokio::select! {
                frame = frames.next() => {
                    let Some(frame) = frame else { return Err(CloseReason::TooSlow) };
                    self.send_bytes(frame.json).await?;
                    // What waits behind it goes along, up to a bound, so that the client is heard too.
                    for _ in 1..AT_ONCE {
                        let Some(frame) = frames.next_waiting() else { break };
                        self.send_bytes(frame.json).await?;
                    }
                    said = Instant::now();
                }
                message = stream.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(message)) => {
                            if !self.hear(connection, message).await? {
                                return Ok(());
                            }
                        }
                        Some(Err(_)) => return Err(CloseReason::Protocol),
                        None => return Ok(()),
                    }
                }
                reason = self.ending.reason() => return Err(reason),
                () = sleep_until(said + heartbeat) => {
                    self.send(Notice::Heartbeat { at: connection.now() }.to_json()).await?;
                    said = Instant::now();
                }
                () = sleep_until(ping_at) => {
                    self.ping().await?;
                    pinged = Instant::now();
                }
                () = sleep_until(hear_by) => {
                    let silent = connection.is_signed_in();
                    return Err(if silent { CloseReason::Silent } else { CloseReason::Unauthenticated });
                }
            }
        }
    }

    /// Takes one message; false when the client takes its leave.
    async fn hear(&mut self, connection: &mut Connection, message: Message) -> Result<bool, CloseReason> {
        match message {
            Message::Text(text) => self.obey(connection, &text).await?,
            Message::Ping(bytes) => self.in_time(self.session.clone().pong(&bytes)).await?,
            Message::Pong(_) | Message::Nop => {}
            Message::Close(_) => {
                // It has said goodbye; whether the answer arrives does not matter.
                let _ = self.session.clone().close(None).await;
                return Ok(false);
            }
            Message::Binary(_) | Message::Continuation(_) => return Err(CloseReason::Protocol),
        }
        Ok(true)
    }

    async fn obey(&mut self, connection: &mut Connection, text: &str) -> Result<(), CloseReason> {
        if let Some(refused) = self.limit.count(connection.user()).await? {
            return self.send(Notice::Error(refused).to_json()).await;
        }
        let wish: ClientMessage = match serde_json::from_str(text) {
            Ok(wish) => wish,
            Err(error) => {
                if !connection.is_signed_in() {
                    return Err(CloseReason::Protocol);
                }
                let refused = StreamError::new("malformed_message", error.to_string());
                return self.send(Notice::Error(refused).to_json()).await;
            }
        };
        match wish {
            ClientMessage::Auth { token } => {
                connection.sign_in(&token).await?;
                self.send(Notice::Authenticated.to_json()).await
            }
            ClientMessage::Ping { id } => self.send(Notice::Pong { id }.to_json()).await,
            _ if !connection.is_signed_in() => Err(CloseReason::Unauthenticated),
            ClientMessage::Subscribe(wish) => match connection.subscribe(&wish).await {
                Ok(_) => Ok(()),
                Err(refused) => self.send(Notice::Error(refused).to_json()).await,
            },
            ClientMessage::Unsubscribe { channel, account } => {
                if connection.unsubscribe(channel, account) {
                    return Ok(());
                }
                let refused = StreamError::new("not_subscribed", "There is no such subscription.");
                self.send(Notice::Error(refused).to_json()).await
            }
        }
    }

    async fn send(&mut self, json: String) -> Result<(), CloseReason> {
        self.in_time(self.session.clone().text(json)).await
    }

    async fn send_bytes(&mut self, json: actix_web::web::Bytes) -> Result<(), CloseReason> {
        // Messages are made of JSON, which is UTF-8.
        let text = bytestring::ByteString::try_from(json).map_err(|_| CloseReason::Protocol)?;
        self.in_time(self.session.clone().text(text)).await
    }

    async fn ping(&mut self) -> Result<(), CloseReason> {
        self.in_time(self.session.clone().ping(b"")).await
    }

    /// A write that a client does not take in time means that it is too slow; one to a closed socket that it is gone.
    async fn in_time(&self, write: impl Future<Output = Result<(), actix_ws::Closed>>) -> Result<(), CloseReason> {
        let mut ending = self.ending.clone();
        tokio::select! {
            written = timeout(self.settings.patience, write) => match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(CloseReason::Silent),
                Err(_) => Err(CloseReason::TooSlow),
            },
            // A client that reads slowly has no more right to stay than another.
            reason = ending.reason() => Err(reason),
        }
    }
}
