//! Runs an [`AppendStatement`] and tells the truth about its outcome.

use std::collections::HashSet;

use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::{Instant, timeout};
use velox_kernel::AccountId;
use velox_sql::{Commit, Failure, PreparedAppend};
use velox_trading::Appended;

use crate::outcome::{self, Mark};
use crate::statement::{AppendStatement, is_wide};
use crate::{PostgresOptions, PostgresStore};

/// Why an append was not answered.
enum Lost {
    /// It was not done.
    NotDone(Failure),
    /// Two batches waited for each other; this one was given up by the server.
    Deadlock,
    /// The session ended, or the deadline passed, before the answer.
    Silence(String),
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        match &error {
            Error::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
                text,
            ) => Self::Silence(text.message().to_owned()),
            Error::DatabaseError(_, text) if text.message() == "deadlock detected" => Self::Deadlock,
            _ => Self::NotDone(error.into()),
        }
    }
}

/// Writes members on a session and says which accounts won.
pub(crate) async fn write(
    connection: &mut AsyncPgConnection,
    members: Vec<PreparedAppend>,
) -> Result<HashSet<AccountId>, Error> {
    let members = members.into_iter().filter(|member| !member.repeats_a_name);
    let (wide, narrow): (Vec<_>, Vec<_>) = members.partition(is_wide);
    // One statement is one commit: a single wide member makes the whole batch wide.
    let won: Vec<AccountId> = if wide.is_empty() {
        let mut statement = AppendStatement::<false>::default();
        narrow.into_iter().for_each(|member| statement.push(member));
        statement.load(connection).await?
    } else {
        let mut statement = AppendStatement::<true>::default();
        wide.into_iter().chain(narrow).for_each(|member| statement.push(member));
        statement.load(connection).await?
    };
    Ok(won.into_iter().collect())
}

impl PostgresStore {
    /// Commits a batch.
    pub(crate) async fn append_batch(&self, members: Vec<PreparedAppend>) -> Result<Vec<Appended>, Failure> {
        if members.is_empty() {
            return Ok(vec![]);
        }
        let began = Instant::now();
        let marks: Vec<Mark> =
            members.iter().map(|member| Mark { account: member.account, seq: member.seq, hash: member.hash }).collect();
        let sizes: Vec<usize> = members.iter().map(|member| member.events.len()).collect();
        let won = match self.try_append(members.clone()).await {
            Ok(won) => won,
            Err((Lost::Deadlock, _)) => match self.try_append(members).await {
                Ok(won) => won,
                Err((lost, backend)) => self.settle(lost, backend, &marks).await?,
            },
            Err((lost, backend)) => self.settle(lost, backend, &marks).await?,
        };
        let outcome = |mark: &Mark| {
            if won.contains(&mark.account) { Appended::Committed } else { Appended::Conflict }
        };
        let outcomes: Vec<Appended> = marks.iter().map(outcome).collect();
        let durable = |pair: &(&Appended, &usize)| *pair.0 == Appended::Committed;
        let events = outcomes.iter().zip(&sizes).filter(durable).map(|(_, size)| size).sum();
        let conflicts = outcomes.iter().filter(|outcome| **outcome == Appended::Conflict).count();
        let commit = Commit { members: outcomes.len(), conflicts, events, took: began.elapsed() };
        self.options().observer.committed(commit);
        Ok(outcomes)
    }

    async fn try_append(
        &self,
        members: Vec<PreparedAppend>,
    ) -> Result<HashSet<AccountId>, (Lost, Option<crate::session::Backend>)> {
        let mut lease = self.lease().await.map_err(|failure| (Lost::NotDone(failure), None))?;
        let PostgresOptions { statement, .. } = self.options();
        let lost = match timeout(*statement, write(&mut lease, members)).await {
            Ok(Ok(won)) => {
                lease.keep();
                return Ok(won);
            }
            Ok(Err(error)) => Lost::from(error),
            Err(_) => Lost::Silence(format!("no answer came within {statement:?}")),
        };
        Err((lost, lease.backend()))
    }

    /// Finds out what became of a batch whose answer was lost. It was one statement: done in whole or not at all.
    async fn settle(
        &self,
        lost: Lost,
        backend: Option<crate::session::Backend>,
        marks: &[Mark],
    ) -> Result<HashSet<AccountId>, Failure> {
        let reason = match lost {
            Lost::NotDone(failure) => return Err(failure),
            Lost::Deadlock => return Err(Failure::Unavailable("the server found a deadlock, twice".to_owned())),
            Lost::Silence(reason) => reason,
        };
        self.look_for(reason, backend, marks).await
    }

    /// The marks that are there; none of them means that nothing was done.
    pub(crate) async fn look_for(
        &self,
        reason: String,
        backend: Option<crate::session::Backend>,
        marks: &[Mark],
    ) -> Result<HashSet<AccountId>, Failure> {
        let Some(backend) = backend else {
            return Err(Failure::OutcomeUnknown(reason));
        };
        tracing::warn!(reason, "looking for the outcome of a commit");
        let there = outcome::find(self.pool(), backend, marks, self.options().outcome).await?;
        if there.is_empty() { Err(Failure::Unavailable(reason)) } else { Ok(there) }
    }
}
