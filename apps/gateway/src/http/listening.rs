//! [`Listening`]: the socket that listens, and how it is closed without a connection being lost.

use std::io;
use std::net::TcpListener;

use rustix::net::Shutdown;

/// The socket that listens, shared with those who accept.
pub(super) struct Listening(TcpListener);

impl Listening {
    pub(super) fn of(listener: &TcpListener) -> io::Result<Self> {
        listener.try_clone().map(Self)
    }

    /// From now on the system begins no connection and refuses none: whoever asks does so again a second later. So what
    /// was begun can be accepted to its end. Does nothing where the system has no such thing.
    pub(super) fn hold(&self) {
        #[cfg(target_os = "linux")]
        if let Err(error) = socket2::SockRef::from(&self.0).attach_filter(&no_new_connections()) {
            tracing::debug!(%error, "a connection that begins just now may be reset");
        }
    }

    /// From now on connections are refused. One that was begun and is not accepted yet would be reset: a proxy could not
    /// know whether what it sent was read.
    pub(super) fn close(self) {
        if let Err(error) = rustix::net::shutdown(&self.0, Shutdown::Read) {
            tracing::debug!(%error, "connections are refused when the process has ended");
        }
    }
}

/// A program for the packets of a listening socket: one with the flag that begins a connection is dropped.
#[cfg(target_os = "linux")]
fn no_new_connections() -> [socket2::SockFilter; 4] {
    // In the words of linux/filter.h: load a byte, go on when it has one of these bits else leave one out, return.
    const LOAD_BYTE: u16 = 0x30;
    const ANY_OF: u16 = 0x45;
    const RETURN: u16 = 0x06;
    // Where the flags are in the header of TCP (RFC 9293, 3.1).
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    [
        socket2::SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        socket2::SockFilter::new(ANY_OF, 0, 1, SYN),
        socket2::SockFilter::new(RETURN, 0, 0, 0),
        socket2::SockFilter::new(RETURN, 0, 0, u32::MAX),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::io::ErrorKind;
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn whoever_was_there_is_accepted_and_whoever_comes_later_is_refused() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let _early = TcpStream::connect(address).unwrap();
        let listening = Listening::of(&listener).unwrap();
        listening.hold();
        let held = TcpStream::connect_timeout(&address, Duration::from_millis(100)).unwrap_err();
        assert_eq!(held.kind(), ErrorKind::TimedOut, "neither taken nor refused");
        listener.accept().unwrap();
        listening.close();
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
