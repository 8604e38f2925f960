//! Runs an [`AppendStatement`] and tells the truth about its outcome.

use std::collections::HashSet;

use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::{Instant, timeout_at};
use velox_kernel::AccountId;
use velox_sql::{Commit, Failure, PreparedAppend};
use velox_trading::Appended;

use crate::PostgresStore;
use crate::outcome::{self, Mark};
use crate::session::Backend;
use crate::statement::{AppendStatement, is_wide};

/// How often a batch is tried, all of them within the deadline of one statement.
const TRIES: u32 = 3;

/// Why an append was not answered.
enum Lost {
    /// It was not done, and it is not tried again.
    NotDone(Failure),
    /// Another transaction was in the way, and the server gave this one up: a deadlock, or a serialization failure.
    Race(String),
    /// The session ended, or the deadline passed, before the answer.
    Silence(String, Option<Backend>),
}

impl Lost {
    fn of(error: Error, backend: Option<Backend>) -> Self {
        match &error {
            Error::DatabaseError(DatabaseErrorKind::SerializationFailure, text) => {
                Self::Race(text.message().to_owned())
            }
            Error::DatabaseError(_, text) if text.message() == "deadlock detected" => {
                Self::Race(text.message().to_owned())
            }
            _ => match Failure::from(error) {
                Failure::Disconnected(reason) => Self::Silence(reason, backend),
                failure => Self::NotDone(failure),
            },
        }
    }
}

/// Writes members on a session and says which accounts won.
pub(crate) async fn write(
    mut connection: &AsyncPgConnection,
    members: Vec<PreparedAppend>,
) -> Result<HashSet<AccountId>, Error> {
    let members = members.into_iter().filter(|member| !member.repeats_a_name);
    let (wide, narrow): (Vec<_>, Vec<_>) = members.partition(is_wide);
    // One statement is one commit: a single wide member makes the whole batch wide.
    let won: Vec<AccountId> = if wide.is_empty() {
        let mut statement = AppendStatement::<false>::default();
        narrow.into_iter().for_each(|member| statement.push(member));
        statement.load(&mut connection).await?
    } else {
        let mut statement = AppendStatement::<true>::default();
        wide.into_iter().chain(narrow).for_each(|member| statement.push(member));
        statement.load(&mut connection).await?
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
        let won = self.append_or_look(members, &marks, began + self.options().statement).await?;
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

    /// Tries until the outcome is known, or nothing was done and there is no time or try left.
    async fn append_or_look(
        &self,
        members: Vec<PreparedAppend>,
        marks: &[Mark],
        deadline: Instant,
    ) -> Result<HashSet<AccountId>, Failure> {
        let mut tries = 1;
        loop {
            let reason = match self.try_append(members.clone(), deadline).await {
                Ok(won) => return Ok(won),
                Err(Lost::NotDone(failure)) => return Err(failure),
                Err(Lost::Race(reason)) => reason,
                Err(Lost::Silence(reason, backend)) => {
                    // It was one statement: done in whole or not at all.
                    let there = self.look_for(&reason, backend, marks).await?;
                    if !there.is_empty() {
                        return Ok(there);
                    }
                    reason
                }
            };
            if tries == TRIES || Instant::now() >= deadline {
                return Err(Failure::Unavailable(reason));
            }
            tracing::warn!(reason, tries, "nothing of a batch was done; it is tried again");
            tries += 1;
        }
    }

    async fn try_append(&self, members: Vec<PreparedAppend>, deadline: Instant) -> Result<HashSet<AccountId>, Lost> {
        let mut lease = self.lease().await.map_err(Lost::NotDone)?;
        match timeout_at(deadline, write(&lease, members)).await {
            Ok(Ok(won)) => {
                lease.keep();
                Ok(won)
            }
            Ok(Err(error)) => {
                let lost = Lost::of(error, lease.backend());
                if matches!(lost, Lost::Silence(..)) {
                    lease.lose();
                }
                Err(lost)
            }
            Err(_) => Err(Lost::Silence("no answer came in time".to_owned(), lease.backend())),
        }
    }

    /// Which marks of a batch are there whose answer was lost; none of them means that nothing was done.
    pub(crate) async fn look_for(
        &self,
        reason: &str,
        backend: Option<Backend>,
        marks: &[Mark],
    ) -> Result<HashSet<AccountId>, Failure> {
        let Some(backend) = backend else {
            return Err(Failure::OutcomeUnknown(reason.to_owned()));
        };
        tracing::warn!(reason, "looking for the outcome of a commit");
        outcome::find(self.pool(), backend, marks, self.options().outcome).await
    }
}
