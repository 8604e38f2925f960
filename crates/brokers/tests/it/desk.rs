//! A place to make connections at.

use std::sync::Arc;

use velox_brokers::{Brokers, Catalog, Connection, CreateConnection, Environment, PaperSettings, create_connection};
use velox_kernel::{Actor, Role};
use velox_testkit::brokers::{FakeAccounts, FakeProbe, MemoryBrokerStore, PlainSecretBox};
use velox_testkit::{CountingIds, TestClock};

/// The domain, with a hand on its fakes.
pub(crate) struct Desk {
    pub(crate) brokers: Brokers,
    pub(crate) store: Arc<MemoryBrokerStore>,
    pub(crate) accounts: Arc<FakeAccounts>,
    pub(crate) clock: Arc<TestClock>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(Catalog::paper_alone(PaperSettings::usual("USD".parse().unwrap())))
    }

    pub(crate) fn with(catalog: Catalog) -> Self {
        let (accounts, clock) = (Arc::new(FakeAccounts::default()), Arc::new(TestClock::default()));
        let store = Arc::new(MemoryBrokerStore::default());
        let brokers = Brokers {
            store: store.clone(),
            secret_box: Arc::new(PlainSecretBox),
            accounts: accounts.clone(),
            probe: Arc::new(FakeProbe),
            catalog: Arc::new(catalog),
            clock: clock.clone(),
            ids: Arc::new(CountingIds::default()),
        };
        Self { brokers, store, accounts, clock }
    }

    pub(crate) async fn paper(&self, name: &str) -> Connection {
        create_connection(&self.brokers, &ada(), paper(name)).await.unwrap()
    }
}

/// A trader of one organisation.
pub(crate) fn ada() -> Actor {
    Actor {
        org: "org_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        user: "usr_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        role: Role::Trader,
        session: "ses_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
    }
}

/// A trader of another one.
pub(crate) fn bob() -> Actor {
    Actor {
        org: "org_01h455vb4pex5vsknk084sn02r".parse().unwrap(),
        user: "usr_01h455vb4pex5vsknk084sn02r".parse().unwrap(),
        ..ada()
    }
}

pub(crate) fn paper(name: &str) -> CreateConnection {
    CreateConnection {
        name: name.parse().unwrap(),
        kind: "paper".parse().unwrap(),
        environment: Environment::Paper,
        settings: None,
        credentials: Vec::new(),
        idempotency: None,
    }
}
