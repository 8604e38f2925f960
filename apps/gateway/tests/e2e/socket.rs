//! [`Socket`]: a blocking client of `/v1/ws`.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

use crate::waiting::PATIENCE;

/// How long one look takes; a message that came in part is not lost by it.
const LOOK: Duration = Duration::from_millis(20);

/// What came.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A message.
    Message(Value),
    /// The server closed, with this code.
    Closed(u16),
    /// The connection broke.
    Lost,
    /// Nothing, for a short while.
    Silence,
}

/// A connection to `/v1/ws`.
pub(crate) struct Socket(WebSocket<TcpStream>);

impl Socket {
    /// Connects, signed in by header.
    pub(crate) fn connect(address: SocketAddr, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut request = format!("ws://{address}/v1/ws").into_client_request().map_err(io::Error::other)?;
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(io::Error::other)?;
        request.headers_mut().insert("Authorization", bearer);
        let (socket, _) = tungstenite::client(request, stream).map_err(|error| io::Error::other(error.to_string()))?;
        socket.get_ref().set_read_timeout(Some(LOOK))?;
        Ok(Self(socket))
    }

    /// Follows an account's channel after an event's number.
    pub(crate) fn follow(&mut self, channel: &str, account: &str, after: u64) -> io::Result<()> {
        self.send(&json!({ "op": "subscribe", "channel": channel, "account": account, "after": after }))
    }

    /// Says something.
    pub(crate) fn send(&mut self, message: &Value) -> io::Result<()> {
        self.0.send(Message::text(message.to_string())).map_err(|error| io::Error::other(error.to_string()))
    }

    /// What comes next.
    pub(crate) fn hear(&mut self) -> Heard {
        match self.0.read() {
            Ok(Message::Text(text)) => Heard::Message(serde_json::from_str(&text).unwrap()),
            Ok(Message::Close(frame)) => Heard::Closed(frame.map_or(1005, |frame| frame.code.into())),
            Ok(_) => Heard::Silence,
            Err(Error::Io(error)) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Heard::Silence
            }
            Err(_) => Heard::Lost,
        }
    }

    /// Takes what has come, and answers pings.
    pub(crate) fn catch_up(&mut self) {
        while let Heard::Message(_) = self.hear() {}
    }

    /// Messages until one is what is waited for; all of them, that one included.
    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let began = Instant::now();
        let mut messages = Vec::new();
        while began.elapsed() < PATIENCE {
            match self.hear() {
                Heard::Message(message) => {
                    assert_ne!(message["type"], "error", "{message}");
                    let found = wanted(&message);
                    messages.push(message);
                    if found {
                        return messages;
                    }
                }
                Heard::Silence => {}
                other => panic!("{other:?} while waiting for {what}; before: {messages:?}"),
            }
        }
        panic!("waited in vain for {what}; before: {messages:?}")
    }

    /// Breaks the connection without a word.
    pub(crate) fn cut(self) {
        // The server may have gone first.
        let _ = self.0.get_ref().shutdown(Shutdown::Both);
    }
}
