//! A PostgreSQL database for each test, made empty and dropped at the end.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

static MADE: AtomicU32 = AtomicU32::new(0);

/// Which server.
#[derive(Clone, Copy)]
pub(crate) enum Syncs {
    /// One whose commits survive the machine.
    On,
    /// One that leaves syncing to chance.
    Off,
}

impl Syncs {
    fn url(self) -> String {
        let name = match self {
            Self::On => "VELOX_TEST_POSTGRES_DURABLE_URL",
            Self::Off => "VELOX_TEST_POSTGRES_URL",
        };
        std::env::var(name).unwrap_or_else(|_| {
            panic!("{name} names no PostgreSQL server: run the tests with `cargo xtask test`, which starts one")
        })
    }
}

/// A session with a server.
pub(crate) struct Sql {
    // Dropped first, so that the task that drives the connection ends before its runtime.
    client: Client,
    runtime: Runtime,
}

impl Sql {
    fn connect(config: &Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (client, connection) = runtime.block_on(config.connect(NoTls)).unwrap();
        runtime.spawn(connection);
        Self { client, runtime }
    }

    /// Runs statements and gives the first column of each row.
    pub(crate) fn run(&self, statements: &str) -> Vec<String> {
        let messages = self.runtime.block_on(self.client.simple_query(statements)).unwrap();
        let cell = |message: SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
            _ => None,
        };
        messages.into_iter().filter_map(cell).collect()
    }
}

/// A database of one test.
pub(crate) struct Database {
    name: String,
    server: Config,
    /// Its address.
    pub(crate) url: String,
}

impl Database {
    /// A database with nothing in it.
    pub(crate) fn empty(syncs: Syncs) -> Self {
        let url = syncs.url();
        let server = Config::from_str(&url).unwrap();
        let name = format!("velox_e2e_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Sql::connect(&server).run(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        // The address ends in the name of the server's own database.
        let (before, _) = url.rsplit_once('/').expect("a PostgreSQL address names its database");
        Self { url: format!("{before}/{name}"), name, server }
    }

    /// A session in it.
    pub(crate) fn sql(&self) -> Sql {
        let mut config = self.server.clone();
        config.dbname(&self.name).application_name("e2e");
        Sql::connect(&config)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        Sql::connect(&self.server).run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
