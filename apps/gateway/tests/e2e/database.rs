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
        Self::try_connect(config).unwrap()
    }

    /// A session, when the server gives one.
    pub(crate) fn try_connect(config: &Config) -> Result<Self, tokio_postgres::Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (client, connection) = runtime.block_on(config.connect(NoTls))?;
        runtime.spawn(connection);
        Ok(Self { client, runtime })
    }

    /// Runs statements and gives the first column of each row.
    pub(crate) fn run(&self, statements: &str) -> Vec<String> {
        self.try_run(statements).unwrap()
    }

    /// The same, when the server can.
    pub(crate) fn try_run(&self, statements: &str) -> Result<Vec<String>, tokio_postgres::Error> {
        let messages = self.runtime.block_on(self.client.simple_query(statements))?;
        let cell = |message: SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
            _ => None,
        };
        Ok(messages.into_iter().filter_map(cell).collect())
    }
}

/// A database of one test.
pub(crate) struct Database {
    name: String,
    server: Config,
    /// Whether the server stays when the test has ended.
    lasts: bool,
    /// Its address.
    pub(crate) url: String,
}

impl Database {
    /// A database with nothing in it.
    pub(crate) fn empty(syncs: Syncs) -> Self {
        let mut database = Self::empty_on(&syncs.url());
        database.lasts = true;
        database
    }

    /// The same on the server of this address, which is the test's own and goes with it.
    pub(crate) fn empty_on(url: &str) -> Self {
        let server = Config::from_str(url).unwrap();
        let name = format!("velox_e2e_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Sql::connect(&server).run(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        // The path of the address is the name of the server's own database.
        let (path, words) =
            url.split_once('?').map_or((url, String::new()), |(path, words)| (path, format!("?{words}")));
        let (before, _) = path.rsplit_once('/').expect("a PostgreSQL address names its database");
        Self { url: format!("{before}/{name}{words}"), name, server, lasts: false }
    }

    /// Host and port of its server.
    pub(crate) fn server(&self) -> String {
        let authority = self.url.split('/').nth(2).expect("a PostgreSQL address names its server");
        authority.rsplit('@').next().unwrap().to_owned()
    }

    /// Its address at another place that leads to the server.
    pub(crate) fn url_through(&self, place: &str) -> String {
        self.url.replacen(&self.server(), place, 1)
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
        if !self.lasts {
            return;
        }
        match Sql::try_connect(&self.server) {
            Ok(sql) => drop(sql.run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))),
            Err(_) if std::thread::panicking() => {}
            Err(error) => panic!("the server is gone: {error}"),
        }
    }
}
