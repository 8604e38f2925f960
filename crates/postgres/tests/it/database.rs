//! A database for each test: cloned from a migrated template, dropped at the end.

use std::str::FromStr;

use tokio_postgres::{Client, Config, NoTls};
use velox_kernel::Ids;
use velox_postgres::{PostgresOptions, PostgresStore};
use velox_testkit::trading::FreshIds;

/// The variable that names the server.
const URL: &str = "VELOX_TEST_POSTGRES_URL";
/// The variable that names the certificate of the authority that signed the server's.
const AUTHORITY: &str = "VELOX_TEST_POSTGRES_CA";
/// The advisory lock under which the template is made.
const LOCK: i64 = 0x0074_656D_706C;

/// A database of one test.
pub(crate) struct Database {
    name: String,
    pub(crate) url: String,
}

fn server() -> Config {
    let url = std::env::var(URL).unwrap_or_else(|_| {
        panic!("{URL} names no PostgreSQL server: run the tests with `cargo xtask test`, which starts one")
    });
    Config::from_str(&url).unwrap()
}

/// The words of an address that say where the server is.
fn place() -> (String, u16) {
    let config = server();
    let host = match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Tcp(host) => host.clone(),
        #[cfg(unix)]
        tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
    };
    (host, config.get_ports().first().copied().unwrap_or(5_432))
}

/// The driver of the tests speaks no TLS, and the stores need not, but where that is tested.
const NO_TLS: &str = " sslmode=disable";

fn words_of(name: &str) -> String {
    let config = server();
    let mut words = format!("dbname='{name}'{NO_TLS}");
    if let Some(user) = config.get_user() {
        words.push_str(&format!(" user='{user}'"));
    }
    if let Some(password) = config.get_password() {
        words.push_str(&format!(" password='{}'", std::str::from_utf8(password).unwrap()));
    }
    words
}

async fn administrator() -> Client {
    let (client, connection) = server().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Database {
    /// Its address, when the server's own comes after this port of 127.0.0.1 in it.
    pub(crate) fn second_after(&self, first: u16) -> String {
        let ((host, port), words) = (place(), words_of(&self.name));
        format!("{words} host=127.0.0.1,{host} port={first},{port} target_session_attrs=read-write")
    }

    /// A database without anything in it.
    pub(crate) async fn empty() -> Self {
        Self::clone_of("template0").await
    }

    /// A database with this program's schema.
    pub(crate) async fn migrated() -> Self {
        // The name holds the schema's newest step: a template of an older one is not taken.
        let newest = velox_sql::MIGRATIONS_POSTGRES.last().unwrap();
        let length = velox_sql::MIGRATIONS_POSTGRES.iter().map(|step| step.sql.len()).sum::<usize>();
        let template = format!("velox_template_{}_{length}", newest.version);
        let client = administrator().await;
        client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.unwrap();
        let known = client.query("SELECT 1 FROM pg_database WHERE datname = $1", &[&template]).await.unwrap();
        if known.is_empty() {
            let draft = Self::empty().await;
            PostgresStore::connect(&draft.url, &PostgresOptions::default()).await.unwrap().close();
            // For good: TimescaleDB comes back to any database that lets it in, and then nobody can copy it.
            client.batch_execute(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", draft.name)).await.unwrap();
            client.batch_execute(&disconnect(&draft.name)).await.unwrap();
            let rename = format!("ALTER DATABASE {} RENAME TO \"{template}\"", draft.name);
            client.batch_execute(&rename).await.unwrap();
        }
        client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await.unwrap();
        Self::clone_of(&template).await
    }

    async fn clone_of(template: &str) -> Self {
        let name = format!("velox_test_{}", FreshIds.next().simple());
        let create = format!("CREATE DATABASE {name} TEMPLATE \"{template}\" STRATEGY file_copy");
        administrator().await.batch_execute(&create).await.unwrap();
        let (host, port) = place();
        let url = format!("host='{host}' port={port} {}", words_of(&name));
        Self { name, url }
    }

    /// The same address with other words for TLS; `trust` names the server's own authority.
    pub(crate) fn url_with(&self, mode: &str, trust: bool) -> String {
        let roots = trust.then(|| {
            let path = std::env::var(AUTHORITY).unwrap_or_else(|_| {
                panic!("{AUTHORITY} names no certificate: run the tests with `cargo xtask test`, which makes one")
            });
            format!(" sslrootcert='{path}'")
        });
        self.url.replace(NO_TLS, &format!(" sslmode={mode}{}", roots.unwrap_or_default()))
    }

    /// Where its server is.
    pub(crate) fn server_address(&self) -> (String, u16) {
        place()
    }

    /// Its address without where its server is.
    pub(crate) fn url_without_address(&self) -> String {
        words_of(&self.name)
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        self.store_with(&PostgresOptions::default()).await
    }

    pub(crate) async fn store_with(&self, options: &PostgresOptions) -> PostgresStore {
        PostgresStore::connect(&self.url, options).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub(crate) async fn drop(self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        administrator().await.batch_execute(&drop).await.unwrap();
    }
}

/// Databases of one test that needs several.
#[derive(Default)]
pub(crate) struct Databases(tokio::sync::Mutex<Vec<Database>>);

impl Databases {
    pub(crate) async fn store(&self) -> PostgresStore {
        let database = Database::migrated().await;
        let store = database.store().await;
        self.0.lock().await.push(database);
        store
    }

    pub(crate) async fn drop(self) {
        for database in self.0.into_inner() {
            database.drop().await;
        }
    }
}

fn disconnect(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
}
