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

/// What became of accounts; those in neither set lost their race.
#[derive(Debug, Default)]
pub(crate) struct Written {
    won: HashSet<AccountId>,
    fenced: HashSet<AccountId>,
}

impl Written {
    /// What became of one.
    pub(crate) fn of(&self, account: AccountId) -> Appended {
        if self.won.contains(&account) {
            Appended::Committed
        } else if self.fenced.contains(&account) {
            Appended::Fenced
        } else {
            Appended::Conflict
        }
    }
}

/// Writes members on a session and says what became of them.
pub(crate) async fn write(connection: &AsyncPgConnection, members: Vec<PreparedAppend>) -> Result<Written, Error> {
    let members: Vec<_> = members.into_iter().filter(|member| !member.repeats_a_name).collect();
    // One statement is one commit: a single wide member makes the whole batch wide.
    let is_fenced = members.iter().any(|member| member.fence.is_some());
    if members.iter().any(|member| member.position.is_some()) {
        // Rare enough for the widest form.
        return write_as::<true, true, true>(connection, members).await;
    }
    match (members.iter().any(is_wide), is_fenced) {
        (false, false) => write_as::<false, false, false>(connection, members).await,
        (false, true) => write_as::<false, true, false>(connection, members).await,
        (true, false) => write_as::<true, false, false>(connection, members).await,
        (true, true) => write_as::<true, true, false>(connection, members).await,
    }
}

async fn write_as<const WIDE: bool, const FENCED: bool, const PLACED: bool>(
    mut connection: &AsyncPgConnection,
    members: Vec<PreparedAppend>,
) -> Result<Written, Error> {
    let mut statement = AppendStatement::<WIDE, FENCED, PLACED>::default();
    members.into_iter().for_each(|member| statement.push(member));
    let rows: Vec<(AccountId, bool)> = statement.load(&mut connection).await?;
    let mut written = Written::default();
    for (account, fenced) in rows {
        if fenced { &mut written.fenced } else { &mut written.won }.insert(account);
    }
    Ok(written)
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
        let written = self.append_or_look(members, &marks, began + self.options().statement).await?;
        let outcomes: Vec<Appended> = marks.iter().map(|mark| written.of(mark.account)).collect();
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
    ) -> Result<Written, Failure> {
        let mut tries = 1;
        loop {
            let reason = match self.try_append(members.clone(), deadline).await {
                Ok(written) => return Ok(written),
                Err(Lost::NotDone(failure)) => return Err(failure),
                Err(Lost::Race(reason)) => reason,
                Err(Lost::Silence(reason, backend)) => {
                    // It was one statement: done in whole or not at all.
                    let there = self.look_for(&reason, backend, marks).await?;
                    if !there.is_empty() {
                        return Ok(Written { won: there, ..Written::default() });
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

    async fn try_append(&self, members: Vec<PreparedAppend>, deadline: Instant) -> Result<Written, Lost> {
        let mut lease = self.lease().await.map_err(Lost::NotDone)?;
        match timeout_at(deadline, write(&lease, members)).await {
            Ok(Ok(written)) => {
                lease.keep();
                Ok(written)
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
