//! [`Server`]: where a PostgreSQL server is, and how connections to it are made.

use std::time::Duration;

use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::{Address, AddressError};
use crate::{hosts, tls};

/// How long a connection may be idle before the machine asks whether the server is there still.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// How long after that it asks again; after three times without an answer the connection has ended.
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(3);
const KEEPALIVE_TIMES: u32 = 3;
/// How long what was sent may stay unacknowledged by the server's machine before the connection has ended.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);

/// The driver's half of a connection; it must be polled.
pub type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Where a PostgreSQL server is, and how connections to it are made: encrypted as `sslmode` says (by libpq's meaning of
/// its words), and ended when the server's machine falls silent.
#[derive(Clone)]
pub struct Server {
    pub(crate) config: Config,
    tls: MakeRustlsConnect,
}

impl Server {
    /// Reads an address: `postgres://user:password@host/name?sslmode=…`, or libpq's `key=value` words.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong with it; it never repeats a password.
    pub fn parse(address: &str) -> Result<Self, AddressError> {
        let mut address = Address::parse(address)?;
        let tls = tls::connector(&address)?;
        let config = &mut address.config;
        // What the address says itself stands.
        if config.get_keepalives_idle() == Config::new().get_keepalives_idle() {
            config.keepalives_idle(KEEPALIVE_IDLE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(KEEPALIVE_AGAIN);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(KEEPALIVE_TIMES);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        Ok(Self { config: address.config, tls })
    }

    /// The same, with so much time to connect to each address of the host.
    #[must_use]
    pub fn connect_within(mut self, time: Duration) -> Self {
        self.config.connect_timeout(time);
        self
    }

    /// Connects. Of several hosts, to the first that has what the address asks for: `target_session_attrs=read-write`
    /// finds the primary.
    ///
    /// # Errors
    /// As the driver says.
    pub async fn connect(&self) -> Result<(Client, Driver), Error> {
        hosts::connect(&self.config, &self.tls).await
    }
}
