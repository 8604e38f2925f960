//! [`TradingAccounts`]: the accounts of a broker connection are trading's, their books the paper broker's.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use velox_broker_paper::{PaperBroker, PaperConfig};
use velox_brokers::{
    AccountsUnavailable, BrokerSettings, Connection, ConnectionAccounts, Environment, PaperSettings, Retirement,
};
use velox_identity::{IdentityStore, RiskSettings};
use velox_kernel::{Actor, CommandId, Ids, Principal, UserId};
use velox_trading::{AccountWriter, Cause, Command, ExecuteError, OpenAccount, Refused, RiskLimits};

use super::limits_of;
use crate::execution::ExecutionRights;
use crate::peers::{Signal, Teller};

/// Opens, sets up and closes accounts for their connections.
#[derive(Clone)]
pub struct TradingAccounts {
    /// Where commands go.
    pub writer: Arc<dyn AccountWriter>,
    /// Where the books are of those accounts for which this process executes orders.
    pub paper: Arc<PaperBroker>,
    /// Which those are.
    pub rights: ExecutionRights,
    /// Tells the process that executes, if that is another one.
    pub teller: Arc<Teller>,
    /// Where users keep the limits that a new account starts with.
    pub users: Arc<dyn IdentityStore>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

#[async_trait]
impl ConnectionAccounts for TradingAccounts {
    async fn open(&self, connection: &Connection, by: Principal) -> Result<(), AccountsUnavailable> {
        let BrokerSettings::Paper(settings) = &connection.settings;
        let limits = self.first_limits(connection, by).await?;
        let command = Command::Open(open_account(connection, settings, limits));
        match self.writer.execute(connection.account, command, self.cause(by)).await {
            Ok(_) | Err(ExecuteError::Refused(Refused::AlreadyOpen)) => {}
            Err(error) => return Err(unavailable(&error)),
        }
        let right = self.rights.serving(connection.account);
        if right.is_none() {
            // The process that executes opens the book when the account's first order comes.
            return Ok(());
        }
        // It may have been open for long and have orders at the broker: a book is opened with all of them or not.
        let account = self.writer.read(connection.account).await.map_err(|error| unavailable(&error))?;
        let still = || self.rights.serving(connection.account) == right;
        self.paper.restore_while(connection.account, paper_config(settings), account.open_orders(), still);
        Ok(())
    }

    async fn configure(&self, connection: &Connection, _by: Principal) -> Result<(), AccountsUnavailable> {
        let BrokerSettings::Paper(settings) = &connection.settings;
        if self.rights.of(connection.account).is_some() {
            // An account without a book has nothing to change: whoever builds the book reads the settings then.
            self.paper.configure(connection.account, paper_config(settings));
        }
        let Connection { org, id, account, .. } = *connection;
        self.teller.tell_surely(Signal::ConnectionChanged { org, connection: id, account });
        Ok(())
    }

    async fn retire(&self, connection: &Connection, actor: &Actor) -> Result<Retirement, AccountsUnavailable> {
        let cause = self.cause(actor.principal());
        match self.writer.execute_for(actor.org, connection.account, Command::Close, cause).await {
            // One that never was opened takes no orders either.
            Ok(_) | Err(ExecuteError::Refused(Refused::Closed | Refused::NotOpen)) => {
                self.paper.forget(connection.account);
                Ok(Retirement::Retired)
            }
            Err(ExecuteError::Refused(Refused::OpenOrders)) => Ok(Retirement::InUse),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

impl TradingAccounts {
    /// The risk settings of whoever opens the account, or made its connection.
    async fn first_limits(&self, connection: &Connection, by: Principal) -> Result<RiskLimits, AccountsUnavailable> {
        let user: UserId = match by {
            Principal::User { id } => id,
            Principal::Broker | Principal::System => connection.created_by,
        };
        let user = self.users.user(connection.org, user).await;
        let user = user.map_err(|error| AccountsUnavailable(format!("the user's limits cannot be read: {error}")))?;
        let settings = user.map_or_else(RiskSettings::default, |user| user.risk_settings);
        Ok(limits_of(&settings, RiskLimits::USUAL_OPEN_ORDERS))
    }

    fn cause(&self, actor: Principal) -> Cause {
        Cause { actor, command: CommandId::new(self.ids.next()), request: None, trace: None }
    }
}

fn open_account(connection: &Connection, settings: &PaperSettings, limits: RiskLimits) -> OpenAccount {
    OpenAccount {
        account: connection.account,
        org: connection.org,
        connection: connection.id,
        name: connection.name.as_str().to_owned(),
        paper: connection.environment == Environment::Paper,
        currency: settings.currency,
        cash: settings.starting_cash,
        leverage: settings.leverage,
        allow_short: settings.allow_short,
        limits,
    }
}

/// How the paper broker fills for a connection.
#[must_use]
pub fn paper_config(settings: &PaperSettings) -> PaperConfig {
    let PaperSettings {
        starting_cash: _,
        currency: _,
        leverage: _,
        allow_short: _,
        maker_fee_bps,
        taker_fee_bps,
        slippage_bps,
        latency_ms,
    } = settings;
    PaperConfig {
        maker_fee_bps: *maker_fee_bps,
        taker_fee_bps: *taker_fee_bps,
        slippage_bps: *slippage_bps,
        latency: Duration::from_millis(u64::from(*latency_ms)),
        ..PaperConfig::default()
    }
}

fn unavailable(error: &ExecuteError) -> AccountsUnavailable {
    AccountsUnavailable(error.to_string())
}
