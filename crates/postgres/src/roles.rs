//! [`Roles`]: the session on which a process says which part of which role it has, and that it is there.

use std::collections::HashSet;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use parking_lot::Mutex;
use tokio::time::timeout;
use velox_kernel::{MemberId, RoleLook};
use velox_sql::Failure;

use crate::PostgresStore;
use crate::pool::Pool;

/// What the locks of members begin with: `vel` in ASCII.
const MEMBERS: i32 = 0x0076_656C;

/// The session on which a process says which part of which role it has. While it lasts it holds a lock for each member
/// that was said to be there, which keeps nobody out: the server frees it when the process ends.
pub(crate) struct Roles {
    session: Pool,
    shown: Mutex<Shown>,
}

/// Who is shown by a session of the server: its process, and when that began.
#[derive(Default)]
struct Shown {
    session: (i32, i64),
    members: HashSet<MemberId>,
}

#[derive(QueryableByName)]
struct Lock {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The number of a member's lock: the last bits of its id, which are random.
fn number_of(member: MemberId) -> i32 {
    let [.., a, b, c, d] = *member.uuid().as_bytes();
    i32::from_be_bytes([a, b, c, d])
}

impl Roles {
    pub(crate) fn new(session: Pool) -> Self {
        Self { session, shown: Mutex::default() }
    }

    /// The session, as a pool of one.
    pub(crate) const fn session(&self) -> &Pool {
        &self.session
    }
}

impl PostgresStore {
    /// Shows that a member is there, unless that is shown already.
    pub(crate) async fn appear(&self, member: MemberId) -> Result<(), Failure> {
        let mut lease = self.roles().session.lease().await?;
        let session = lease.backend().map(|backend| (backend.pid, backend.began)).unwrap_or_default();
        {
            let mut shown = self.roles().shown.lock();
            if shown.session != session {
                *shown = Shown { session, members: HashSet::new() };
            }
            if shown.members.contains(&member) {
                lease.keep();
                return Ok(());
            }
        }
        let take = format!("SELECT pg_advisory_lock_shared({MEMBERS}, {})", number_of(member));
        let asked = async { lease.batch_execute(&take).await.map_err(Failure::from) };
        let taken = timeout(self.options().statement, asked).await;
        lease.judge(taken)?;
        let mut shown = self.roles().shown.lock();
        if shown.session == session {
            shown.members.insert(member);
        }
        Ok(())
    }

    /// Says of each member of a role whether that is shown.
    pub(crate) async fn see(&self, mut look: RoleLook) -> Result<RoleLook, Failure> {
        // Who is alone has just appeared.
        if look.members.len() < 2 {
            return Ok(look);
        }
        let mut lease = self.roles().session.lease().await?;
        let query = format!(
            "SELECT objid::bigint AS number FROM pg_locks WHERE locktype = 'advisory' AND classid = {MEMBERS} \
             AND objsubid = 2 AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        );
        let asked = async { Ok(diesel::sql_query(query).load::<Lock>(&mut *lease).await?) };
        let answered = timeout(self.options().statement, asked).await;
        let shown: HashSet<i64> = lease.judge(answered)?.into_iter().map(|lock| lock.number).collect();
        for member in &mut look.members {
            member.is_present = shown.contains(&i64::from(number_of(member.id).cast_unsigned()));
        }
        Ok(look)
    }
}
