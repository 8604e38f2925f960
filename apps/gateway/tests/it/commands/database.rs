//! Databases for the commands: an embedded one in a directory, and one on a PostgreSQL server.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::TempDir;
use velox_kernel::{AccountId, OrderId};
use velox_sqlite::{SqliteOptions, SqliteStore};
use velox_testkit::trading::{AccountScenario, FreshIds, price, quantity, symbol};
use velox_trading::{Append, Appended, Side, TradingLog};

/// A directory with an embedded database that the commands find there.
pub(crate) struct Embedded(pub(crate) TempDir);

impl Embedded {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("data")).unwrap();
        Self(directory)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("data/velox.db")
    }

    /// As a server holds it.
    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.file(), &SqliteOptions::default()).unwrap()
    }

    /// Two accounts, each with a filled and an open order.
    pub(crate) async fn traded() -> (Self, Vec<Traded>) {
        let database = Self::new();
        let store = database.open();
        let traded = vec![Traded::keep(&store).await, Traded::keep(&store).await];
        store.close();
        (database, traded)
    }

    /// Changes rows behind the program's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let mut connection = SqliteConnection::establish(self.file().to_str().unwrap()).unwrap();
        connection.batch_execute(sql).unwrap();
    }

    /// Overwrites pages of the file, as a failing disk would.
    pub(crate) fn damage(&self) {
        let mut file = OpenOptions::new().write(true).open(self.file()).unwrap();
        let length = file.metadata().unwrap().len();
        file.seek(SeekFrom::Start(4_096)).unwrap();
        let garbage = vec![0xA5_u8; usize::try_from(length - 4_096).unwrap()];
        file.write_all(&garbage).unwrap();
    }
}

/// An account with some history.
pub(crate) struct Traded {
    pub(crate) scenario: AccountScenario,
    pub(crate) account: AccountId,
    pub(crate) filled: OrderId,
}

impl Traded {
    pub(crate) async fn keep(log: &dyn TradingLog) -> Self {
        let mut scenario = AccountScenario::new(Arc::new(FreshIds));
        let symbol = symbol("BTC-PERP");
        scenario.set_price(symbol, price("100"));
        keep(log, scenario.open()).await;
        let (filled, append) = scenario.place_limit(symbol, Side::Buy, "2", price("100"));
        keep(log, append).await;
        keep(log, scenario.work(filled)).await;
        keep(log, scenario.fill(filled, quantity("2"), price("99.5"))).await;
        keep(log, scenario.place_limit(symbol, Side::Buy, "1", price("95")).1).await;
        let account = scenario.id();
        Self { scenario, account, filled }
    }

    /// One more order.
    pub(crate) async fn go_on(&mut self, log: &dyn TradingLog) {
        let (_, append) = self.scenario.place_limit(symbol("BTC-PERP"), Side::Buy, "0.02", price("95"));
        keep(log, append).await;
    }
}

async fn keep(log: &dyn TradingLog, append: Append) {
    assert_eq!(log.append(vec![append]).await.unwrap(), [Appended::Committed]);
}
