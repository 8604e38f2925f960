//! [`ClientSocket`]: a second hold on a connection's socket, for clients that take nothing any more.
//!
//! While a socket's send buffer is full, the server polls no body: what a stream would say next, and that it ends, is
//! asked for by nobody. Only the socket itself can end such a connection.

use std::any::Any;
use std::io::ErrorKind;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::HttpRequest;
use tokio::io::Interest;
use tokio::sync::watch;
use tokio::time::timeout;

/// The hold that a connection keeps on its own socket for as long as it lives. It costs a file descriptor.
pub(super) struct ClientSocket {
    socket: TcpStream,
    alive: watch::Sender<()>,
}

impl ClientSocket {
    /// Of a connection that was just accepted; `None` when no more files may be open.
    pub(super) fn of(stream: &dyn Any) -> Option<Arc<Self>> {
        let stream = stream.downcast_ref::<actix_web::rt::net::TcpStream>()?;
        let second = stream.as_fd().try_clone_to_owned().ok()?;
        Some(Arc::new(Self { socket: TcpStream::from(second), alive: watch::Sender::new(()) }))
    }
}

/// Ends a connection from outside. It keeps nothing open.
#[derive(Clone)]
pub struct ConnectionEnd {
    socket: Weak<ClientSocket>,
    alive: watch::Receiver<()>,
}

impl ConnectionEnd {
    /// Of the connection that a request came on; `None` when there was no file descriptor left for it.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let socket = request.conn_data::<Arc<ClientSocket>>()?;
        Some(Self { socket: Arc::downgrade(socket), alive: socket.alive.subscribe() })
    }

    /// Returns once the client has closed its side. The server hears of that no sooner than it writes, and an event
    /// stream may have nothing to say for long.
    pub async fn client_left(&self) {
        let second = self.socket.upgrade().and_then(|connection| connection.socket.try_clone().ok());
        let Some(socket) = second.and_then(|second| actix_web::rt::net::TcpStream::from_std(second).ok()) else {
            return std::future::pending().await;
        };
        while let Ok(ready) = socket.ready(Interest::READABLE).await {
            if ready.is_read_closed() {
                return;
            }
            // Whatever it sends is read by the connection; here it is taken for read, to wait for what comes next.
            let _ = socket.try_io(Interest::READABLE, || Err::<(), _>(ErrorKind::WouldBlock.into()));
        }
    }

    /// Waits until the connection is gone, and ends it when it is not in time: whatever waits to be sent is lost.
    pub async fn within(mut self, time: Duration) {
        // The sender never says anything: hearing of it means that it is dropped.
        if timeout(time, self.alive.changed()).await.is_err()
            && let Some(connection) = self.socket.upgrade()
        {
            // It may have been shut down by the client a moment ago.
            let _ = connection.socket.shutdown(Shutdown::Both);
        }
    }
}
