//! [`PeerNews`]: what this process does when it hears of another one.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};
use velox_broker_paper::PaperBroker;
use velox_brokers::BrokerStore;
use velox_identity::Identity;
use velox_kernel::{AccountId, ConnectionId, OrgId, SessionId};
use velox_market::HotMarket;

use super::paper::config_of;
use crate::accounts::Hub;
use crate::execution::ExecutionGate;
use crate::peers::{Heard, MarketSignal, Signal};
use crate::shutdown::Shutdown;

/// Changed connections that may wait to be read; of further ones the book is set up when it is next rebuilt.
pub(super) const CHANGED: usize = 256;

/// Which connection changed, and its account.
pub(super) type ChangedConnection = (OrgId, ConnectionId, AccountId);

/// Passes on what other processes tell. Whatever is believed of them in memory is forgotten when they change it.
pub(super) struct PeerNews {
    pub(super) hub: Arc<Hub>,
    pub(super) identity: Arc<Identity>,
    pub(super) sessions_ended: broadcast::Sender<SessionId>,
    pub(super) hot: Arc<HotMarket>,
    pub(super) market: mpsc::Sender<MarketSignal>,
    pub(super) connections: mpsc::Sender<ChangedConnection>,
}

impl Heard for PeerNews {
    fn hear(&self, signal: Signal) {
        match signal {
            Signal::Here => {}
            Signal::Committed { account, seq, waiting } => self.hub.tell_elsewhere(account, seq, waiting),
            Signal::SessionEnded { session } => {
                self.identity.forget_session(session);
                // An error says that nobody listens: there is no connection to close.
                let _ = self.sessions_ended.send(session);
            }
            Signal::UserChanged { user } => self.identity.forget_changed(user),
            Signal::ConnectionChanged { org, connection, account } => {
                let _ = self.connections.try_send((org, connection, account));
            }
            Signal::CandlesImported { symbol, from, to } => self.hot.forget(symbol, from, to),
            Signal::Market(signal) => {
                // One that is lost is noticed by its number.
                let _ = self.market.try_send(*signal);
            }
        }
    }

    fn missed(&self) {
        self.hub.tell_missed();
        self.identity.forget_all();
    }
}

/// Brings changed settings of connections to the books of this process, while it executes.
pub(super) async fn set_up_books(
    mut changed: mpsc::Receiver<ChangedConnection>,
    paper: Arc<PaperBroker>,
    gate: ExecutionGate,
    connections: Arc<dyn BrokerStore>,
    shutdown: Shutdown,
) {
    let begun = shutdown.begun();
    tokio::pin!(begun);
    loop {
        let (org, connection, account) = tokio::select! {
            () = &mut begun => return,
            changed = changed.recv() => match changed {
                Some(changed) => changed,
                None => return begun.await,
            },
        };
        if !gate.is_open() {
            continue;
        }
        match config_of(&*connections, org, connection).await {
            Ok(Some(config)) => drop(paper.configure(account, config)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%connection, %error, "changed settings hold from when the account's book is rebuilt");
            }
        }
    }
}
