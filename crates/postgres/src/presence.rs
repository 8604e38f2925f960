//! Whether members of roles are there: each shows it by a session of its own, whose end the server sees.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use tokio::sync::Mutex;
use tokio::time::timeout;
use velox_kernel::{MemberId, RoleLook};
use velox_sql::Failure;

use crate::PostgresStore;
use crate::session_lock::{MEMBERS, SessionLock, number_of};

/// The sessions that show that members are there, of those that this store was asked for.
#[derive(Default)]
pub(crate) struct Presence(Box<Mutex<HashMap<MemberId, SessionLock>>>);

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl PostgresStore {
    /// Shows that a member is there, unless that is shown already.
    pub(crate) async fn appear(&self, member: MemberId) -> Result<(), Failure> {
        let mut shown = self.presence().0.lock().await;
        if shown.get(&member).is_some_and(SessionLock::is_held) {
            return Ok(());
        }
        let lock = SessionLock::take(self.pool().server().clone(), member).await?;
        shown.insert(member, lock);
        Ok(())
    }

    /// Says of each member of a role whether that is shown.
    pub(crate) async fn see(&self, mut look: RoleLook) -> Result<RoleLook, Failure> {
        // Who is alone has just appeared.
        if look.members.len() < 2 {
            return Ok(look);
        }
        let mut lease = self.lease().await?;
        let query = format!(
            "SELECT objid::bigint AS number FROM pg_locks WHERE locktype = 'advisory' AND classid = {MEMBERS} \
             AND objsubid = 2 AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        );
        let asked = async { Ok(diesel::sql_query(query).load::<Shown>(&mut *lease).await?) };
        let answered = timeout(self.options().statement, asked).await;
        let shown: HashSet<i64> = lease.judge(answered)?.into_iter().map(|shown| shown.number).collect();
        for member in &mut look.members {
            member.is_present = shown.contains(&i64::from(number_of(member.id).cast_unsigned()));
        }
        Ok(look)
    }
}
