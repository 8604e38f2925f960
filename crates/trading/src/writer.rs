//! The port to the accounts' writers: where commands are decided and made durable, one at a time an account.

use async_trait::async_trait;
use velox_kernel::{AccountId, OrgId};

use crate::account::Account;
use crate::command::Command;
use crate::event::NumberedEvent;
use crate::log::Cause;
use crate::refused::Refused;
use crate::store::StoreError;

/// A command's outcome, durable.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The events that follow from it; none where there was nothing to change.
    pub events: Vec<NumberedEvent>,
    /// The account after them.
    pub account: Account,
}

/// Why a command was not carried out, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError {
    /// The account says no; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The writer's queue is full; nothing was done.
    #[error("too many commands are waiting")]
    Overloaded,
    /// Others kept changing the account; nothing was done.
    #[error("the account is contended")]
    Contended,
    /// Another process executes the account's orders by now; nothing was done.
    #[error("another process executes the account's orders by now")]
    Fenced,
    /// The server is shutting down; nothing was done.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The store failed; its own words say whether the outcome is known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where commands go. A caller that goes away cancels nothing.
#[async_trait]
pub trait AccountWriter: Send + Sync {
    /// Decides a command and makes its events durable.
    async fn execute(&self, account: AccountId, command: Command, cause: Cause) -> Result<Executed, ExecuteError>;

    /// [`AccountWriter::execute`] for a tenant: another tenant's account is as none.
    async fn execute_for(
        &self,
        org: OrgId,
        account: AccountId,
        command: Command,
        cause: Cause,
    ) -> Result<Executed, ExecuteError>;

    /// The account as the writer has it, after every command accepted before this call.
    async fn read(&self, account: AccountId) -> Result<Account, ExecuteError>;
}
