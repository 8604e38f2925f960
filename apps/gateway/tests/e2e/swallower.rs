//! [`Swallower`]: a way to a server on which answers are lost, while connections stay.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A way that swallows what comes back on the connections of before it was told so. Its threads end with the process.
pub(crate) struct Swallower {
    /// Where the way begins: host and port.
    pub(crate) entry: String,
    /// How often it was told so.
    told: Arc<AtomicU64>,
}

impl Swallower {
    /// A good way to the server at a host and port.
    pub(crate) fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (entry, told) = (listener.local_addr().unwrap().to_string(), Arc::<AtomicU64>::default());
        let (upstream, now) = (upstream.to_owned(), Arc::clone(&told));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&upstream) else { continue };
                let (Ok(to_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else { continue };
                let (then, now) = (now.load(Ordering::Acquire), Arc::clone(&now));
                std::thread::spawn(move || forward(client, to_server, || true));
                std::thread::spawn(move || forward(server, to_client, || now.load(Ordering::Acquire) == then));
            }
        });
        Self { entry, told }
    }

    /// From now on nothing comes back on the connections that there are.
    pub(crate) fn swallow(&self) {
        self.told.fetch_add(1, Ordering::AcqRel);
    }
}

/// Carries what comes from one to the other while that is wished, and drops it afterwards, until one of them closes.
fn forward(mut from: TcpStream, mut to: TcpStream, is_wished: impl Fn() -> bool) {
    let mut chunk = [0; 16_384];
    while let Ok(count) = from.read(&mut chunk)
        && count > 0
    {
        if is_wished() && to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    // Whoever waits at the other end hears of it.
    let _ = to.shutdown(std::net::Shutdown::Both);
}
