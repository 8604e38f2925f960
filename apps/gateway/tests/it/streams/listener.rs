//! A client of a stream that reads only when it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long a test waits for something before it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// The socket's receive buffer, in bytes: what is not read stays with the server soon.
const SMALL: u32 = 4_096;

/// The headers of a WebSocket's handshake.
pub(super) const HANDSHAKE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// A client of a stream.
pub(super) struct Listener {
    socket: TcpStream,
    heard: String,
}

impl Listener {
    /// Asks for a stream as a trader.
    pub(super) async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::ask(address, path, &[headers, &[("Authorization", "Bearer trader")]].concat()).await
    }

    /// Asks for a WebSocket without saying who it is.
    pub(super) async fn stranger(address: SocketAddr) -> Self {
        Self::ask(address, "/v1/ws", &HANDSHAKE).await
    }

    async fn ask(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(SMALL).unwrap();
        let mut socket = socket.connect(address).await.unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        Self { socket, heard: String::new() }
    }

    /// Says something on a WebSocket, masked with zeros (RFC 6455 §5.3 wants a mask, not a good one).
    pub(super) async fn say(&mut self, text: &str) {
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.socket.write_all(&frame).await.unwrap();
    }

    /// Reads until the text was heard, and gives what was heard up to its end.
    pub(super) async fn hear(&mut self, text: &str) -> String {
        loop {
            if let Some(place) = self.heard.find(text) {
                let rest = self.heard.split_off(place + text.len());
                return std::mem::replace(&mut self.heard, rest);
            }
            let mut chunk = [0; 1_024];
            let read = timeout(PATIENCE, self.socket.read(&mut chunk)).await;
            assert!(read.is_ok(), "{text:?} did not come, but {:?}", self.heard);
            let read = read.unwrap().unwrap();
            assert!(read > 0, "closed before {text:?}: {:?}", self.heard);
            self.heard.push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
    }
}

/// Waits until the condition holds.
pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(timeout(PATIENCE, holds).await.is_ok(), "it never came to this: {what}");
}
