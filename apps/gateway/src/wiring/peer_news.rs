//! [`PeerNews`]: what this process does when it hears of another one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::time::sleep;
use velox_broker_paper::PaperBroker;
use velox_brokers::BrokerStore;
use velox_identity::Identity;
use velox_kernel::{AccountId, ConnectionId, OrgId, SessionId};
use velox_market::HotMarket;
use velox_trading::{StoreError, TradingQueries};

use super::market_parts::MarketNews;
use super::paper::{config_of, configure_books};
use crate::accounts::{Hub, Lanes};
use crate::execution::ExecutionRights;
use crate::peers::{Heard, Signal};
use crate::shutdown::Shutdown;

/// Changed connections that may wait to be read; of further ones the book is set up when it is next rebuilt.
pub(super) const CHANGED: usize = 1_024;
/// How long to wait before settings are read again that could not be, and how long at the most.
const AGAIN: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Which connection changed.
pub(super) enum Changed {
    /// This one, of this account.
    One(OrgId, ConnectionId, AccountId),
    /// Any of them may have.
    Any,
}

/// Passes on what other processes tell. Whatever is believed of them in memory is forgotten when they change it.
pub(super) struct PeerNews {
    pub(super) hub: Arc<Hub>,
    pub(super) rights: ExecutionRights,
    pub(super) lanes: Arc<Lanes>,
    pub(super) identity: Arc<Identity>,
    pub(super) sessions_ended: broadcast::Sender<SessionId>,
    pub(super) hot: Arc<HotMarket>,
    pub(super) market: MarketNews,
    pub(super) connections: mpsc::Sender<Changed>,
}

impl Heard for PeerNews {
    fn hear(&self, signal: Signal) {
        match signal {
            Signal::Here => {}
            Signal::Committed { account, seq, waiting, touched } => {
                let waiting = waiting && self.rights.serving(account).is_some();
                self.lanes.tell_elsewhere(account, seq, touched, waiting);
            }
            Signal::SessionEnded { session } => {
                self.identity.forget_session(session);
                // An error says that nobody listens: there is no connection to close.
                let _ = self.sessions_ended.send(session);
            }
            Signal::UserChanged { user } => self.identity.forget_changed(user),
            Signal::ConnectionChanged { org, connection, account } => {
                // Whoever is so far behind reads all of them.
                if self.connections.try_send(Changed::One(org, connection, account)).is_err() {
                    tracing::warn!(%connection, "changed settings hold from when the account's book is rebuilt");
                }
            }
            Signal::CandlesImported { symbol, from, to } => self.hot.forget(symbol, from, to),
            Signal::Market(step) => self.market.tell(*step),
        }
    }

    fn missed(&self) {
        self.hub.tell_missed();
        self.identity.forget_all();
        // Candles may have been imported.
        self.hot.forget_closed();
        self.market.miss();
        // A full queue holds one already that is to be read later than now.
        let _ = self.connections.try_send(Changed::Any);
    }
}

/// Brings changed settings of connections to the books of this process, while it executes.
pub(super) struct Books {
    pub(super) paper: Arc<PaperBroker>,
    pub(super) rights: ExecutionRights,
    pub(super) queries: Arc<dyn TradingQueries>,
    pub(super) connections: Arc<dyn BrokerStore>,
}

impl Books {
    /// Does so until the shutdown begins.
    pub(super) async fn follow(self, mut changed: mpsc::Receiver<Changed>, shutdown: Shutdown) {
        let begun = shutdown.begun();
        tokio::pin!(begun);
        loop {
            let changed = tokio::select! {
                () = &mut begun => return,
                changed = changed.recv() => match changed {
                    Some(changed) => changed,
                    None => return begun.await,
                },
            };
            let mut pause = AGAIN;
            while self.rights.serves_any()
                && let Err(error) = self.take_over(&changed).await
            {
                if matches!(error, StoreError::Corrupt(_)) {
                    tracing::error!(%error, "changed settings cannot be read");
                    break;
                }
                tracing::warn!(%error, "changed settings are read again in a moment");
                tokio::select! {
                    () = &mut begun => return,
                    () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                }
            }
        }
    }

    async fn take_over(&self, changed: &Changed) -> Result<(), StoreError> {
        match changed {
            Changed::One(org, connection, account) => self.set_up(*org, *connection, *account).await,
            Changed::Any => configure_books(&self.paper, &*self.queries, &*self.connections).await,
        }
    }

    async fn set_up(&self, org: OrgId, connection: ConnectionId, account: AccountId) -> Result<(), StoreError> {
        if let Some(config) = config_of(&*self.connections, org, connection).await? {
            self.paper.configure(account, config);
        }
        Ok(())
    }
}
