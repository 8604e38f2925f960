//! [`Installation`]: what stays when a process ends: the data directory, the database, the sign-in.

use std::cell::OnceCell;
use std::process::{Command, Output};

use serde_json::json;
use tempfile::TempDir;

use crate::api::Api;
use crate::database::{Database, Syncs};
use crate::server::Server;
use crate::story::SYMBOL;
use crate::waiting::{PATIENCE, wait_for};

/// Where an installation keeps what it knows.
pub(crate) enum Store {
    /// In a file of its data directory.
    Sqlite,
    /// On a server.
    Postgres(Box<Database>),
}

/// What stays when a process ends.
pub(crate) struct Installation {
    directory: TempDir,
    /// Its store.
    pub(crate) store: Store,
    signed_in: OnceCell<String>,
}

impl Installation {
    /// A new one on the embedded store.
    pub(crate) fn on_sqlite() -> Self {
        Self::on(Store::Sqlite)
    }

    /// A new one on the embedded store, within a folder that outlives it.
    pub(crate) fn on_sqlite_in(folder: &std::path::Path) -> Self {
        Self { directory: tempfile::tempdir_in(folder).unwrap(), ..Self::on_sqlite() }
    }

    /// A new one on PostgreSQL.
    pub(crate) fn on_postgres(syncs: Syncs) -> Self {
        Self::on_database(Database::empty(syncs))
    }

    /// A new one on a database.
    pub(crate) fn on_database(database: Database) -> Self {
        Self::on(Store::Postgres(Box::new(database)))
    }

    fn on(store: Store) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), store, signed_in: OnceCell::new() }
    }

    /// Its data directory.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Its database on the server.
    pub(crate) fn database(&self) -> &Database {
        match &self.store {
            Store::Postgres(database) => database,
            Store::Sqlite => panic!("this installation is on the embedded store"),
        }
    }

    /// A command of the binary on it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_velox"));
        command.current_dir(self.directory.path()).arg("--data-dir").arg(self.directory.path());
        if let Store::Postgres(database) = &self.store {
            command.env("VELOX_DATABASE_URL", &database.url);
        }
        command
    }

    /// The command that serves, without limits on how much one may ask.
    pub(crate) fn serve(&self) -> Command {
        self.serve_on(0)
    }

    /// The same on a port.
    pub(crate) fn serve_on(&self, port: u16) -> Command {
        let mut command = self.command();
        command.args(["--port", &port.to_string(), "--set", "log.format=json"]);
        for limit in ["requests", "orders", "logins"] {
            command.args(["--set", &format!("limits.{limit}_per_minute=0")]);
        }
        command
    }

    /// Starts a server on it.
    pub(crate) fn start(&self) -> Server {
        Server::start(&mut self.serve())
    }

    /// The address and password that the first start made.
    pub(crate) fn sign_in(&self) -> (String, String) {
        let text = std::fs::read_to_string(self.directory.path().join("first-sign-in.txt")).unwrap();
        let after = |word: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(word)).expect("the sign-in names it");
            line.trim().to_owned()
        };
        (after("e-mail"), after("password"))
    }

    /// Somebody who is signed in. The session outlives the server that began it.
    pub(crate) fn client(&self, server: &Server) -> Api {
        let token = self.signed_in.get_or_init(|| self.new_client(server).token);
        Api::new(server.address, token)
    }

    /// [`Installation::client`] with a token of its own: one lives for ten minutes.
    pub(crate) fn new_client(&self, server: &Server) -> Api {
        let (email, password) = self.sign_in();
        let body = json!({ "email": email, "password": password });
        let answer = Api::new(server.address, "").call("POST", "/v1/auth/login", Some(&body)).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        Api::new(server.address, answer.body["access_token"].as_str().unwrap())
    }

    /// [`Installation::client`], once the market has a price: an order is denied before that.
    pub(crate) fn trader(&self, server: &Server) -> Api {
        let mut api = self.client(server);
        wait_for("a price", PATIENCE, || {
            let quote = api.call("GET", &format!("/v1/market-data/quotes/{SYMBOL}"), None).unwrap();
            (quote.status == 200 && quote.body["stale"] == false).then_some(())
        });
        api
    }

    /// Runs `velox verify`, which must find nothing.
    pub(crate) fn verify(&self) {
        let Output { status, stdout, stderr } = self.command().arg("verify").output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "velox verify: {status}\n{stdout}\n{stderr}");
        assert!(!stdout.trim().is_empty(), "velox verify says what it has looked at");
    }
}
