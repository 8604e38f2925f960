//! Something between a store and its server, which can forget the connections that go through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::database::Database;

/// What the proxy does with what goes through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Manner {
    /// Connections of an earlier age are forgotten.
    age: u32,
    /// What the server says reaches nobody.
    swallows: bool,
    /// New connections are closed at once.
    away: bool,
}

/// A proxy on a port of its own.
pub(crate) struct Proxy {
    port: u16,
    manner: watch::Sender<Manner>,
    flights: Arc<Flights>,
}

/// Counts how often clients spoke after the server had: each time costs a way there and back.
#[derive(Default)]
struct Flights {
    answered: AtomicBool,
    count: AtomicUsize,
}

impl Flights {
    fn asked(&self) {
        if self.answered.swap(false, Ordering::SeqCst) {
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn answered(&self) {
        self.answered.store(true, Ordering::SeqCst);
    }
}

impl Proxy {
    /// One before the server of a database.
    pub(crate) async fn before(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (manner, watched) = watch::channel(Manner::default());
        let server = database.server_address();
        let flights = Arc::<Flights>::default();
        let counted = Arc::clone(&flights);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let watched = watched.clone();
                if !watched.borrow().away {
                    tokio::spawn(pass(client, server.clone(), watched, Arc::clone(&counted)));
                }
            }
        });
        Self { port, manner, flights }
    }

    /// The database's address through it.
    pub(crate) fn url(&self, database: &Database) -> String {
        format!("host='127.0.0.1' port={} {}", self.port, database.url_without_address())
    }

    /// How many flights there were since this was asked last. Whatever is on its way belongs to one of them.
    pub(crate) fn flights(&self) -> usize {
        self.flights.count.swap(0, Ordering::SeqCst)
    }

    /// Forgets every connection, as a firewall or the failover of a server does: the server sees their end, and the client
    /// hears of it only when it next sends something.
    pub(crate) fn forget_connections(&self) {
        self.manner.send_modify(|manner| *manner = Manner { age: manner.age + 1, ..Manner::default() });
    }

    /// From now on what the server says reaches nobody.
    pub(crate) fn swallow_answers(&self) {
        self.manner.send_modify(|manner| manner.swallows = true);
    }

    /// Forgets every connection and takes no new ones.
    pub(crate) fn go_away(&self) {
        self.manner.send_modify(|manner| *manner = Manner { age: manner.age + 1, away: true, swallows: false });
    }

    /// Takes connections again.
    pub(crate) fn come_back(&self) {
        self.manner.send_modify(|manner| manner.away = false);
    }
}

async fn pass(client: TcpStream, server: (String, u16), mut manner: watch::Receiver<Manner>, flights: Arc<Flights>) {
    let age = manner.borrow().age;
    let Ok(upstream) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = upstream.into_split();
    let swallows = manner.clone();
    let answers = async {
        let mut bytes = [0; 8_192];
        while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
            flights.answered();
            if !swallows.borrow().swallows && to_client.write_all(&bytes[..length]).await.is_err() {
                break;
            }
        }
    };
    let questions = async {
        // As much as is sent together.
        let mut bytes = vec![0; 1 << 18];
        while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
            flights.asked();
            if to_server.write_all(&bytes[..length]).await.is_err() {
                break;
            }
        }
    };
    let forgotten = tokio::select! {
        () = answers => false,
        () = questions => false,
        _ = manner.wait_for(|manner| manner.age > age) => true,
    };
    if forgotten {
        // The server's side closes now. Whether the client says something or leaves does not matter: it gets no answer.
        drop((from_server, to_server));
        let _ = from_client.read_u8().await;
    }
}
