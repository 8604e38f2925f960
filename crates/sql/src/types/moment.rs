//! [`Moment`]: microseconds, from 2000-01-01 on PostgreSQL and from 1970-01-01 on SQLite.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::BigInt;
use diesel::sqlite::{Sqlite, SqliteValue};
use velox_kernel::Timestamp;

use super::{Moment, stands_for};

/// 2000-01-01T00:00:00Z, where PostgreSQL counts from, in microseconds since 1970-01-01T00:00:00Z.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

stands_for!(Timestamp => Moment);

/// A moment as PostgreSQL counts it.
pub(crate) const fn postgres_micros(at: Timestamp) -> i64 {
    at.micros() - POSTGRES_EPOCH
}

impl ToSql<Moment, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, &postgres_micros(*self).to_be_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Moment, Pg> for Timestamp {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
        let micros = micros.checked_add(POSTGRES_EPOCH).ok_or("a time in the store is infinite")?;
        Ok(Self::from_micros(micros))
    }
}

impl ToSql<Moment, Sqlite> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.micros());
        Ok(IsNull::No)
    }
}

impl FromSql<Moment, Sqlite> for Timestamp {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Sqlite>>::from_sql(value).map(Self::from_micros)
    }
}
